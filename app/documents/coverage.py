"""What of a document the model has read, in words: "read 12 of 300 pages: 3–9, 41…".

Owns no choice: it tells of one. Standard library only.
"""

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
    read: set[int] = set()
    for selection in selections:
        for shown in selection.shown:
            if shown.document is document:
                for first, last in shown.ranges:
                    read.update(range(first, last + 1))
    has_text = {
        page.number
        for page in document.pages
        if not page.is_picture and any(line.text.strip() for line in page.lines)
    }
    pages = sorted({document.place(line)[0].number for line in read} & has_text)
    is_whole = len(read) == document.line_count
    return Coverage(document, tuple(pages), len(has_text), len(read), is_whole)
