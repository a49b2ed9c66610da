"""A conversation as the engine takes it: openai-harmony's JSON form, the same for window and
terminal.

Owns what the model is told besides the words: who it is, the date, the effort; which part of the
history it sees again. Knows no engine and no window.

The date usually stands in the system message, before everything else. A conversation with documents
leaves that line out, as Harmony allows, and tells the date with the first question of each day:
else every midnight would make another prompt of it, and the documents would have to be read again
although the engine keeps what it read. The effort has no other place than the system message, so
documents are read once for each effort.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType

from app.chats.models import Attachment, ChatMessage, Effort
from app.documents.pages import Shown, whole, with_documents
from mlx_engine.protocol import Json

# What gpt-oss was trained to be told (openai-harmony's defaults; the guide has words of its own).
IDENTITY = "You are ChatGPT, a large language model trained by OpenAI."
GUIDE_IDENTITY = "You are the guide, a small model that comes with Sordino."
KNOWLEDGE_CUTOFF = "2024-06"
CHANNELS = ("analysis", "commentary", "final")
_NOTHING_CHOSEN: Mapping[str, Sequence[Shown]] = MappingProxyType({})


def conversation_json(
    path: Sequence[ChatMessage],
    *,
    effort: Effort,
    is_guide: bool,
    system_prompt: str = "",
    today: date | None = None,
    shown: Mapping[str, Sequence[Shown]] = _NOTHING_CHOSEN,
) -> Json:
    """`path` ends with the question to answer. Of earlier answers the model sees the text alone:
    thoughts are dropped, as in its training. A system prompt becomes the developer message. The
    guide can't read documents and is not given any. `shown` has, by a message's id, what was chosen
    of its documents; of the others all is shown."""
    has_documents = not is_guide and any(
        message.attachments or shown.get(message.id) for message in path
    )
    told = None if has_documents else today or date.today()
    messages = [_system(effort, is_guide, told)]
    if system_prompt.strip():
        messages.append(_developer(system_prompt))
    cursor = 0
    for message in path:
        if message.role == "user":
            documents: Sequence[Shown] = ()
            if not is_guide:
                documents = shown.get(message.id, _whole(message.attachments, cursor))
            asked = message.created.astimezone().date()
            question = message.text
            if has_documents and asked != told:
                question, told = f"Current date: {asked.isoformat()}\n\n{question}", asked
            messages.append(_said("user", *with_documents(question, documents)))
            cursor = max([cursor, *(document.cursor + 1 for document in documents)])
        elif message.text:
            messages.append({**_said("assistant", message.text), "channel": "final"})
    return {"messages": messages}


def _whole(attachments: Sequence[Attachment], first_cursor: int) -> list[Shown]:
    return [whole(a.document, first_cursor + i) for i, a in enumerate(attachments)]


def _system(effort: Effort, is_guide: bool, today: date | None) -> Json:
    content = {
        "type": "system_content",
        "model_identity": GUIDE_IDENTITY if is_guide else IDENTITY,
        "knowledge_cutoff": KNOWLEDGE_CUTOFF,
        "conversation_start_date": None if today is None else today.isoformat(),
        "reasoning_effort": effort.capitalize(),
        "channel_config": {"valid_channels": list(CHANNELS), "channel_required": True},
    }
    return {"role": "system", "content": [content]}


def _developer(instructions: str) -> Json:
    content = {"type": "developer_content", "instructions": instructions}
    return {"role": "developer", "content": [content]}


def _said(role: str, *parts: str) -> Json:
    return {"role": role, "content": [{"type": "text", "text": text} for text in parts]}
