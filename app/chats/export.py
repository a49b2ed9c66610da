"""A chat as Markdown, for people and other programs. Text in, text out."""

from collections.abc import Sequence

from app.chats.models import Chat, ChatMessage
from app.documents.choice import citable
from app.documents.readable import readable_text

_NOTES = {
    "stopped": "*Stopped here.*",
    "interrupted": "*Interrupted here.*",
    "failed": "*No answer: something went wrong.*",
}


def markdown(chat: Chat, path: Sequence[ChatMessage]) -> str:
    """The messages of one path, without the thoughts; names of attached documents, not their
    text."""
    parts = [f"# {chat.title}", f"*{chat.created.astimezone():%Y-%m-%d %H:%M}*"]
    for number, message in enumerate(path, 1):
        asked = message.role == "user"
        parts.append(f"## {'You' if asked else message.model or 'Answer'}")
        parts += [f"*Attached: {attachment.name}*" for attachment in message.attachments]
        text = message.text if asked else readable_text(message.text, citable(path[:number]))
        parts += [text] if text else []
        parts += [_NOTES[message.status]] if message.status in _NOTES else []
    return "\n\n".join(parts) + "\n"
