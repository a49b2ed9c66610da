"""Cuts a document into passages: the pieces that a search finds.

A passage lies on one page and under one heading, and knows the lines that a reader would look up
at: the heading, the head of the table that it continues. Standard library only.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.documents.document import Document

_FEW_WORDS = 40  # a passage ends at the next blank line once it has so many …
_MANY_WORDS = 90  # … and in any case at the line that reaches so many
_OPENING_WORDS = 12  # fewer before a heading stay with it: the title above the first section
_LONG_LINE = 80  # characters; headings are shorter
_CELLS = re.compile(r" \| ?|\t")
_MARKED = re.compile(
    r"#{1,6} |(?:chapter|section|part|article|annex|appendix|schedule|chapitre|partie|titre|annexe)"
    r"\b|(?:\d+|[IVXLC]+)(?:\.\d+)*[.)]? +\S",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Passage:
    first: int  # lines of the document, from 0
    last: int
    page: int  # index into the document's pages
    above: tuple[int, ...] = ()  # lines of the document that say what it is about


def passages(document: Document) -> Iterator[Passage]:
    """All lines that say something, each in one passage, in order."""
    heading: int | None = None
    table = _Table()
    for index, page in enumerate(document.pages):
        start = document.page_starts[index]
        texts = [line.text for line in page.lines]
        for first, last, is_headed in _pieces(texts):
            if is_headed:
                heading = start + first
            lines_above = (heading, table.head_above(texts, first, last, start))
            above = sorted({line for line in lines_above if line is not None})
            yield Passage(
                start + first,
                start + last,
                index,
                tuple(line for line in above if line < start + first),
            )


class _Table:
    """Follows a table over passages and pages: its first row says what the columns are."""

    def __init__(self) -> None:
        self._head: int | None = None
        self._columns = 0

    def head_above(self, texts: Sequence[str], first: int, last: int, start: int) -> int | None:
        """The head of the table that goes on in these lines of a page, as a line of the document.
        `start` is the page's first line."""
        goes_on = self._head if _columns(texts[first]) == self._columns else None
        for line in range(first, last + 1):
            columns = _columns(texts[line])
            if columns != self._columns and texts[line].strip():
                self._columns = columns
                self._head = start + line if columns else None
        return goes_on


def _columns(text: str) -> int:
    return len(_CELLS.findall(text))


def _pieces(texts: Sequence[str]) -> Iterator[tuple[int, int, bool]]:
    """First and last line of each piece of a page, and whether it begins with a heading."""
    first, last, words, is_headed = -1, -1, 0, False
    for number, text in enumerate(texts):
        is_blank = not text.strip()
        opens = not is_blank and _is_heading(texts, number)
        if first >= 0 and (
            words >= _MANY_WORDS
            or (is_blank and words >= _FEW_WORDS)
            or (opens and words >= _OPENING_WORDS)
        ):
            yield first, last, is_headed
            first = -1
        if is_blank:
            continue
        if first < 0:
            first, words, is_headed = number, 0, opens
        last = number
        words += len(text.split())
    if first >= 0:
        yield first, last, is_headed


def _is_heading(texts: Sequence[str], number: int) -> bool:
    """A short line that stands alone, is numbered or in capitals, and is no piece of a sentence."""
    text = texts[number].strip()
    if len(text) > _LONG_LINE or _columns(text) or text[-1] in ".,;:!?…»”\"'":
        return False
    before = texts[number - 1].strip() if number else ""
    after = texts[number + 1].strip() if number + 1 < len(texts) else ""
    if not before and not after:
        return True
    is_marked = _MARKED.match(text) or (len(text) > 3 and text.isupper())
    return bool(is_marked) and not after[:1].islower()
