"""What of a document the model has read, in words: "read 12 of 300 pages: 3–9, 41…".

Owns no choice: it tells of one. Standard library only.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from app.documents.document import Document
from app.documents.places import ranges, unit
from app.documents.select import Selection

_MOST_RUNS = 4


@dataclass(frozen=True, slots=True)
class Coverage:
    """Pages are told by position, from 1. A page counts as read if any of its lines was."""

    document: Document
    pages: tuple[int, ...]  # read, in part at least
    readable: int  # pages that have text
    lines: int  # read
    is_whole: bool

    def words(self, verb: str = "read") -> str:
        """One phrase, without the document's name. `verb` may be "will read"."""
        parts = unit(self.document)
        if self.is_whole:
            if self.readable > 1:
                return f"{verb} all {self.readable:,} {parts}s"
            return f"{verb} all of it"
        if not self.lines:
            return f"{verb} nothing of it"
        if self.readable > 1:
            told = f"{verb} {len(self.pages):,} of {self.readable:,} {parts}s"
            where = ranges(list(self.pages), _MOST_RUNS)
            return f"{told} in part" if len(self.pages) == self.readable else f"{told}: {where}"
        return f"{verb} {self.lines:,} of {self.document.line_count:,} lines"


def coverage(selections: Sequence[Selection]) -> tuple[Coverage, ...]:
    """What each of the documents' readers saw, after one selection or several passes."""
    documents = {id(d): d for selection in selections for d in selection.documents}
    return tuple(_of(document, selections) for document in documents.values())


def _of(document: Document, selections: Sequence[Selection]) -> Coverage:
    """Counts by ranges, not by lines: it is told on the window's thread, of books too."""
    given = sorted(
        lines
        for selection in selections
        for shown in selection.shown
        if shown.document is document
        for lines in shown.ranges
    )
    starts, count, end = document.page_starts, 0, -1
    on: set[int] = set()  # indices of pages
    for first, last in given:
        count += max(0, last - max(first, end + 1) + 1)
        end = max(end, last)
        on.update(range(bisect_right(starts, first) - 1, bisect_right(starts, last)))
    readable = document.readable_pages
    pages = sorted(document.pages[index].number for index in on & readable)
    return Coverage(document, tuple(pages), len(readable), count, count == document.line_count)
