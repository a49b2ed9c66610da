"""Chooses what of the documents the model is given for a question.

All of them where they fit; else the passages that a search finds, or, for questions about the
whole, everything in passes. The choice is data that is shown before it is paid for. Standard
library only.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from app.documents.document import Document
from app.documents.index import PassageIndex
from app.documents.pages import Shown, tokens, whole
from app.documents.passages import Passage
from app.documents.query import is_about_the_whole, wanted

Mode = Literal["all", "search", "passes"]
_TOKENS_A_PASSAGE = 20  # the fewest


@dataclass(frozen=True, slots=True)
class Selection:
    """What the model is given at once. `shown` has the documents of which it sees something."""

    mode: Mode
    shown: tuple[Shown, ...]
    documents: tuple[Document, ...]  # all that were asked about

    @property
    def tokens(self) -> int:
        """About how many tokens it takes."""
        return sum(
            tokens(part.document.lines[first : last + 1])
            for part in self.shown
            for first, last in part.ranges
        )


def mode_for(documents: Sequence[Document], question: str, budget_tokens: int) -> Mode:
    """How to read documents for a question if nobody says otherwise."""
    if sum(tokens(document.lines) for document in documents) <= budget_tokens:
        return "all"
    return "passes" if is_about_the_whole(question) else "search"


def everything(documents: Sequence[Document], first_cursor: int = 0) -> Selection:
    """All lines of all documents."""
    shown = tuple(whole(d, first_cursor + i) for i, d in enumerate(documents) if d.line_count)
    return Selection("all", shown, tuple(documents))


def searched(
    index: PassageIndex,
    question: str,
    earlier: Sequence[str],
    budget_tokens: int,
    first_cursor: int = 0,
) -> Selection:
    """The passages that match best, as many as the budget holds, with the headings and heads of
    tables above them. What it leaves goes to the documents' beginnings. `earlier` are the questions
    asked before, oldest first."""
    most = max(1, budget_tokens // _TOKENS_A_PASSAGE)
    hits = index.search(wanted(question, earlier, index.frequency), most)
    chosen = _Chosen(index.documents, budget_tokens)
    fits = [chosen.take(hit.document, hit.passage) for hit in hits]
    if all(fits):
        for document, passage in index.all():
            if not chosen.take(document, passage):
                break
    return Selection("search", chosen.shown(first_cursor), index.documents)


def passes(
    documents: Sequence[Document], budget_tokens: int, first_cursor: int = 0
) -> tuple[Selection, ...]:
    """Everything, in as many selections as it takes, in order; cut between pages where pages are
    short enough. A line longer than the budget has a pass of its own."""
    found: list[Selection] = []
    shown: list[Shown] = []
    room = budget_tokens

    def close() -> None:
        nonlocal room
        if shown:
            found.append(Selection("passes", tuple(shown), tuple(documents)))
        shown.clear()
        room = budget_tokens

    for number, document in enumerate(documents):
        for first, last, cost in _stretches(document, budget_tokens):
            if cost > room:
                close()
            room -= cost
            cursor = first_cursor + number
            if shown and shown[-1].cursor == cursor:
                first = shown.pop().ranges[0][0]
            shown.append(Shown(cursor, document, ((first, last),)))
    close()
    return tuple(found)


class _Chosen:
    """Lines of documents that are to be shown, as long as there is room."""

    def __init__(self, documents: Sequence[Document], budget_tokens: int) -> None:
        self._documents = documents
        self._room = budget_tokens
        self._lines: dict[int, set[int]] = {id(document): set() for document in documents}

    def take(self, document: Document, passage: Passage) -> bool:
        """Whether there was room for it."""
        taken = self._lines[id(document)]
        lines = {*passage.above, *_with_blanks_after(document, passage)} - taken
        cost = tokens([document.lines[line] for line in lines])
        if cost > self._room:
            return False
        self._room -= cost
        taken |= lines
        return True

    def shown(self, first_cursor: int) -> tuple[Shown, ...]:
        return tuple(
            Shown(first_cursor + number, document, ranges)
            for number, document in enumerate(self._documents)
            if (ranges := _ranges(sorted(self._lines[id(document)])))
        )


def _with_blanks_after(document: Document, passage: Passage) -> range:
    """So that passages in a row are shown in one piece."""
    end = passage.last + 1
    while end < document.line_count and not document.lines[end].strip():
        end += 1
    return range(passage.first, end)


def _ranges(lines: Sequence[int]) -> tuple[tuple[int, int], ...]:
    found: list[tuple[int, int]] = []
    for line in lines:
        if found and line == found[-1][1] + 1:
            found[-1] = (found[-1][0], line)
        else:
            found.append((line, line))
    return tuple(found)


def _stretches(document: Document, most_tokens: int) -> Iterable[tuple[int, int, int]]:
    """First line, last line and tokens of each page, or of pieces of a page that is too long."""
    for index, page in enumerate(document.pages):
        first = line = document.page_starts[index]
        cost = 0
        for text in page.lines:
            more = tokens([text.text])
            if cost and cost + more > most_tokens:
                yield first, line - 1, cost
                first, cost = line, 0
            cost += more
            line += 1
        if line > first:
            yield first, line - 1, cost
