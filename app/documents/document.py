"""A document as it was read: pages of lines, whatever the file's format was.

Owns the shape that readers make and that search, prompts, citations and page views share. Lines are
counted twice: from 0 through the whole document, as the model cites them, and by page, as people
look them up. Frozen data, standard library only.
"""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it stands in the file, without its end."""

    text: str
    box: Box | None = None  # on its page: left, bottom, right, top in PDF points; None if unknown


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a PDF, a slide, a sheet, a chapter; other formats are one page."""

    number: int  # from 1, by position
    label: str  # as printed on it; the name of a sheet or chapter; "" if there is none
    lines: tuple[Line, ...]
    is_picture: bool = False  # shows something, but has no text that could be read


@dataclass(frozen=True)
class Document:
    """What a reader makes of a file."""

    name: str  # of the file, for people
    digest: str  # SHA-256 of the file's bytes, hexadecimal
    kind: str  # "pdf", "docx", "text", …
    pages: tuple[Page, ...]
    notes: tuple[str, ...] = ()  # what a person should know, such as which pages are pictures

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The text of every line, numbered from 0 through the document."""
        return tuple(line.text for page in self.pages for line in page.lines)

    @cached_property
    def page_starts(self) -> tuple[int, ...]:
        """The number of each page's first line."""
        starts, line = [], 0
        for page in self.pages:
            starts.append(line)
            line += len(page.lines)
        return tuple(starts)

    def place(self, line: int) -> tuple[Page, int]:
        """The page that holds a line of the document, and the line's index on it. Raises IndexError
        where there is no such line."""
        if not 0 <= line < len(self.lines):
            raise IndexError(f"{self.name} has no line {line}")
        # Of pages that start at the same line all but the last are empty.
        index = bisect_right(self.page_starts, line) - 1
        return self.pages[index], line - self.page_starts[index]
