"""What a reader says about a file: its pages line by line, notes, and how far it has come.

Owns the messages that travel from the reading process to the app, one JSON object each, and the
wrapping of long paragraphs. Only a block of lines is held at a time. Standard library only.
"""

import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from app.documents.lines import BLOCK, Box

WIDTH = 80  # characters a line, as pages looked when gpt-oss learned to cite them …
TOLERATED = 120  # … but a line that is hardly longer stays as its writer broke it
LONGEST_LINE = 2_000  # characters; a row of a table is one line up to here
_EVERY_S = 0.1  # between two words about progress
_JOINER = "\u200d"

Send = Callable[[dict[str, Any]], None]


class Output:
    """Takes what a reader finds, in the order of reading."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._lines: list[str] = []
        self._boxes: list[float] = []
        self._label = ""
        self._is_picture = False
        self._is_announced = True  # whether the page at hand was told of
        self._told = 0.0
        self.pages = 0
        self.characters = 0  # that are more than space, so far
        self.ends_blank = True  # whether the page ends with an empty line or has none yet

    def page(self, label: str = "", *, is_picture: bool = False) -> None:
        """Begins a page; the one before it is complete."""
        self._close_page()
        self._label, self._is_picture = " ".join(label.split())[:200], is_picture
        self._is_announced = False
        self.pages += 1
        self.ends_blank = True

    def line(self, text: str, box: Box | None = None) -> None:
        """One line as it stands in the file. On one page all lines have boxes or none has."""
        if len(self._lines) == BLOCK:
            self._flush()
        self._lines.append(text)
        if box is not None:
            self._boxes += (round(number, 2) for number in box)
        stripped = text.strip()
        self.characters += len(stripped)
        self.ends_blank = not stripped

    def prose(self, text: str) -> None:
        """A paragraph; its lines are wrapped, none of its characters is lost."""
        for line in text.split("\n"):
            for piece in wrap(line) if len(line) > TOLERATED else (line,):
                self.line(piece)

    def row(self, cells: Iterable[str]) -> None:
        """A row of a table, on one line if that is not endless."""
        joined = " | ".join(" ".join(cell.split()) for cell in cells)
        for piece in wrap(joined, LONGEST_LINE):
            self.line(piece)

    def blank(self) -> None:
        """An empty line between two parts of a page."""
        if not self.ends_blank:
            self.line("")

    def note(self, text: str) -> None:
        """What the person should know about the document: a sentence."""
        self._send({"note": text})

    def progress(self, done: int, total: int) -> None:
        """How far it is; not every word of it is passed on."""
        if time.monotonic() - self._told >= _EVERY_S:
            self._told = time.monotonic()
            self._send({"progress": [done, total]})

    def end(self, kind: str, digest: str) -> None:
        self._close_page()
        self._send({"kind": kind, "digest": digest})

    def _close_page(self) -> None:
        if self._lines and self.ends_blank and len(self._lines) > 1 and not self._boxes:
            self._lines.pop()  # the space after the last paragraph
        self._flush()

    def _flush(self) -> None:
        if not self._is_announced:
            self._send({"page": self._label, "is_picture": self._is_picture})
            self._is_announced = True
        if self._lines:
            self._send({"lines": "\n".join(self._lines), "boxes": self._boxes or None})
            self._lines, self._boxes = [], []


def wrap(line: str, width: int = WIDTH) -> Iterator[str]:
    """Cuts between words where there are any, never inside what is seen as one character; every
    character is kept."""
    start = 0
    while len(line) - start > width:
        cut = line.rfind(" ", start + 1, start + width) + 1
        if not cut or not line[start:cut].strip():
            cut = _before_character(line, start, start + width)
        yield line[start:cut]
        start = cut
    yield line[start:]


def _before_character(line: str, start: int, cut: int) -> int:
    """The nearest place before `cut` where no joined or combined character is torn."""
    place = cut
    while place > start + 1 and (
        unicodedata.combining(line[place])
        or line[place] in (_JOINER, "\ufe0f", "\ufe0e")
        or line[place - 1] == _JOINER
        or "\U0001f3fb" <= line[place] <= "\U0001f3ff"  # skin tones
    ):
        place -= 1
    return place if place > start + 1 else cut
