"""A conversation as the engine takes it: openai-harmony's JSON form, the same for window and
terminal.

Owns what the model is told besides the words: who it is, the date, the effort; which part of the
history it sees again. Knows no engine and no window.
"""

from collections.abc import Sequence
from datetime import date

from app.chats.models import ChatMessage, Effort
from app.documents.pages import with_documents
from mlx_engine.protocol import Json

# What gpt-oss was trained to be told (openai-harmony's defaults; the guide has words of its own).
IDENTITY = "You are ChatGPT, a large language model trained by OpenAI."
GUIDE_IDENTITY = "You are the guide, a small model that comes with Sordino."
KNOWLEDGE_CUTOFF = "2024-06"
CHANNELS = ("analysis", "commentary", "final")


def conversation_json(
    path: Sequence[ChatMessage],
    *,
    effort: Effort,
    is_guide: bool,
    system_prompt: str = "",
    today: date | None = None,
) -> Json:
    """`path` ends with the question to answer. Of earlier answers the model sees the text alone:
    thoughts are dropped, as in its training. A system prompt becomes the developer message. The
    guide can't read documents and is not given any."""
    messages = [_system(effort, is_guide, today or date.today())]
    if system_prompt.strip():
        messages.append(_developer(system_prompt))
    cursor = 0
    for message in path:
        if message.role == "user":
            attachments = () if is_guide else message.attachments
            messages.append(_said("user", with_documents(message.text, attachments, cursor)))
            cursor += len(attachments)
        elif message.text:
            messages.append({**_said("assistant", message.text), "channel": "final"})
    return {"messages": messages}


def _system(effort: Effort, is_guide: bool, today: date) -> Json:
    content = {
        "type": "system_content",
        "model_identity": GUIDE_IDENTITY if is_guide else IDENTITY,
        "knowledge_cutoff": KNOWLEDGE_CUTOFF,
        "conversation_start_date": today.isoformat(),
        "reasoning_effort": effort.capitalize(),
        "channel_config": {"valid_channels": list(CHANNELS), "channel_required": True},
    }
    return {"role": "system", "content": [content]}


def _developer(instructions: str) -> Json:
    content = {"type": "developer_content", "instructions": instructions}
    return {"role": "developer", "content": [content]}


def _said(role: str, text: str) -> Json:
    return {"role": role, "content": [{"type": "text", "text": text}]}
