"""Documents in the shape in which gpt-oss learned to read and cite: numbered lines under a cursor.

The shape is that of the browser tool in OpenAI's reference (gpt-oss, simple_browser_tool.py): a
header `[cursor] title (source)`, a line that says which lines follow, then `L0: …`; a citation is
`【cursor†Lx-Ly】`.
"""

from collections.abc import Sequence

from app.chats.models import Attachment

CITING = (
    "Cite what you use from these documents as 【cursor†Lx】 or 【cursor†Lx-Ly】, where cursor is "
    "the number in brackets before the document and x and y are line numbers."
)


def page(attachment: Attachment, cursor: int) -> str:
    """A whole document as numbered lines, counted from 0."""
    lines = attachment.text.removesuffix("\n").split("\n")
    last = len(lines) - 1
    numbered = "\n".join(f"L{number}: {line}" for number, line in enumerate(lines))
    return f"[{cursor}] {attachment.name}\n**viewing lines [0 - {last}] of {last}**\n\n{numbered}"


def with_documents(question: str, attachments: Sequence[Attachment], first_cursor: int) -> str:
    """What the model is given for a question with documents: the pages, how to cite them, then
    the question."""
    if not attachments:
        return question
    pages = [page(attachment, first_cursor + i) for i, attachment in enumerate(attachments)]
    return "\n\n".join([*pages, CITING, question])
