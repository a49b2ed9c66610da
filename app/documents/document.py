"""A document as it was read: pages of lines, whatever the file's format was.

Owns the shape that readers make and that search, prompts, citations and page views share. Lines are
counted twice: from 0 through the whole document, as the model cites them, and by page, as people
look them up. Frozen data, standard library only.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import overload

from app.documents.lines import Box as Box
from app.documents.lines import Line as Line


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a PDF, a slide, a sheet, a chapter; other formats are one page."""

    number: int  # from 1, by position
    label: str  # as printed on it; the name of a sheet or chapter; "" if there is none
    lines: Sequence[Line]
    is_picture: bool = False  # shows something, but has no text that could be read


@dataclass(frozen=True)
class Document:
    """What a reader makes of a file."""

    name: str  # of the file, for people
    digest: str  # SHA-256 of the file's bytes, hexadecimal
    kind: str  # "pdf", "docx", "text", …
    pages: tuple[Page, ...]
    notes: tuple[str, ...] = ()  # what a person should know, such as which pages are pictures

    @property
    def lines(self) -> "Texts":
        """The text of every line, numbered from 0 through the document."""
        return Texts(self)

    @cached_property
    def line_count(self) -> int:
        return sum(len(page.lines) for page in self.pages)

    @cached_property
    def page_starts(self) -> tuple[int, ...]:
        """The number of each page's first line."""
        starts, line = [], 0
        for page in self.pages:
            starts.append(line)
            line += len(page.lines)
        return tuple(starts)

    @cached_property
    def readable_pages(self) -> frozenset[int]:
        """The indices of the pages that have text."""
        return frozenset(
            index
            for index, page in enumerate(self.pages)
            if not page.is_picture and any(line.text.strip() for line in page.lines)
        )

    def place(self, line: int) -> tuple[Page, int]:
        """The page that holds a line of the document, and the line's index on it. Raises IndexError
        where there is no such line."""
        if not 0 <= line < self.line_count:
            raise IndexError(f"{self.name} has no line {line}")
        # Of pages that start at the same line all but the last are empty.
        index = bisect_right(self.page_starts, line) - 1
        return self.pages[index], line - self.page_starts[index]


class Texts(Sequence[str]):
    """The texts of a document's lines, without a copy of them."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def __len__(self) -> int:
        return self._document.line_count

    def __iter__(self) -> Iterator[str]:
        return (line.text for page in self._document.pages for line in page.lines)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step == 1:
                return tuple(islice(self._from(start), max(0, stop - start)))
            return tuple(self[i] for i in range(start, stop, step))
        page, line = self._document.place(index + len(self) if index < 0 else index)
        return page.lines[line].text

    def _from(self, first: int) -> Iterator[str]:
        """The texts from a line on, without a walk through the pages before it."""
        pages, starts = self._document.pages, self._document.page_starts
        for index in range(max(0, bisect_right(starts, first) - 1), len(pages)):
            skipped = max(0, first - starts[index])
            yield from (line.text for line in islice(pages[index].lines, skipped, None))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))
