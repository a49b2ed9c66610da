"""Documents in the shape in which gpt-oss learned to read and cite: numbered lines under a cursor.

The shape is that of the browser tool in OpenAI's reference (gpt-oss, simple_browser_tool.py): a
header `[cursor] title (source)`, a line that says which lines follow, then `L0: …`; a citation is
`【cursor†Lx-Ly】`. Where only parts are shown the lines keep their numbers; where a document has
pages a line without a number says which one begins.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.documents.document import Document
from app.documents.places import part

CITING = (
    "Cite what you use from these documents as 【cursor†Lx】 or 【cursor†Lx-Ly】, where cursor is "
    "the number in brackets before the document and x and y are line numbers."
)
EXCERPTS = (
    "These are excerpts, found by a search; the rest of the documents is not shown. Say so if the "
    "answer is not in them."
)
_BYTES_A_TOKEN = 3.0  # o200k takes 3.5 to 4.1 bytes of prose, 2.9 of tables
_TOKENS_A_LINE = 4.0  # for its number


@dataclass(frozen=True, slots=True)
class Shown:
    """What the model is given of a document."""

    cursor: int
    document: Document
    ranges: tuple[tuple[int, int], ...]  # first and last line, ascending, apart from each other

    @property
    def is_whole(self) -> bool:
        return self.ranges == ((0, self.document.line_count - 1),)

    def holds(self, first: int, last: int) -> bool:
        """Whether all these lines are shown."""
        return any(start <= first and last <= end for start, end in self.ranges)


def whole(document: Document, cursor: int) -> Shown:
    return Shown(cursor, document, ((0, document.line_count - 1),))


def page(shown: Shown) -> str:
    """What is shown of a document, lines counted from 0 through the document."""
    document, last = shown.document, shown.document.line_count - 1
    first, end = shown.ranges[0][0], shown.ranges[-1][1]
    header = f"[{shown.cursor}] {document.name}\n**viewing lines [{first} - {end}] of {last}**"
    return f"{header}\n\n" + "\n".join(_numbered(shown))


def with_documents(question: str, shown: Sequence[Shown]) -> tuple[str, ...]:
    """What the model is given for a question with documents, in one part or two: the pages, then
    how to cite them and the question.

    Whole documents are a part of their own, because the engine keeps its state where a part ends:
    another question about them finds it. Excerpts are chosen anew for each question.
    """
    if not shown:
        return (question,)
    pages = "\n\n".join(map(page, shown))
    if all(part.is_whole for part in shown):
        return (f"{pages}\n\n", f"{CITING}\n\n{question}")
    return ("\n\n".join([pages, EXCERPTS, CITING, question]),)


def tokens(lines: Sequence[str]) -> int:
    """About how many tokens numbered lines take, rather too many than too few. The engine counts
    them truly; this chooses what to show it."""
    return sum(
        int(len(line.encode("utf-8", "replace")) / _BYTES_A_TOKEN + _TOKENS_A_LINE)
        for line in lines
    )


def _numbered(shown: Shown) -> Iterator[str]:
    document = shown.document
    said = ""
    for number, (first, last) in enumerate(shown.ranges):
        if number:
            yield "…"
        for line, text in enumerate(document.lines[first : last + 1], first):
            name = part(document, document.place(line)[0])
            if name != said:
                said = name
                yield f"({name})"
            yield f"L{line}: {text}"
