"""Finds the citations in an answer while it streams, and checks them against what was shown.

Owns the form `【cursor†Lx-Ly】` that gpt-oss was trained to write (a third part after another `†`
is let pass, as OpenAI's reference does) and what makes a citation founded: its lines exist, and
the model was shown them; words quoted before it stand in them. Whatever only looks like a citation
stays text. Standard library only.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from app.documents.document import Document
from app.documents.pages import Shown
from app.documents.places import place

State = Literal[
    "found",
    "no such lines",  # or no such document
    "not shown",  # the lines exist, but the model had not seen them
]
_REFERENCE = re.compile(
    r"【\s?(?P<cursor>\d{1,6})\s?†\s?L(?P<first>\d{1,9})"
    r"(?:\s?[-–—]\s?L?(?P<last>\d{1,9}))?\s?(?:†[^†【】\n]{0,80})?】"
)
# What may yet become one, with any piece of it at the end of what has come.
_BEGINNING = re.compile(r"【[\d\s]*(?:†[\sL\d–—-]*(?:†[^†【】\n]{0,80})?)?")
_LONGEST = 160  # characters that are held back at most; none has so many
_QUOTED = re.compile(r'“([^“”]+)”|"([^"\n]+)"|«([^«»]+)»|„([^„“”]+)[“”]')
_OMISSION = re.compile(r"\[?(?:…|\.\.\.)\]?")
_LEAST_LETTERS = 4  # shorter quotes are names of things, found anywhere


@dataclass(frozen=True, slots=True)
class Quote:
    """Words that an answer quotes."""

    words: str
    is_found: bool  # in the cited lines


@dataclass(frozen=True, slots=True)
class Citation:
    """A citation in an answer. `last` is `first` where one line is cited."""

    written: str  # as the model wrote it
    cursor: int
    first: int
    last: int
    document: Document | None = None  # None: no document has this cursor
    pages: tuple[int, ...] = ()  # of the cited lines, by position from 1; none unless they exist
    state: State = "no such lines"
    quotes: tuple[Quote, ...] = ()  # what is quoted before it

    def words(self) -> str:
        """For people: "report.pdf, p. 12, lines 3–5"."""
        if self.document is None:
            return "no such document"
        if self.state == "no such lines":
            return f"{self.document.name}, no such lines"
        where = f"{self.document.name}, {place(self.document, self.first, self.last)}"
        return where if self.state == "found" else f"{where}, not among what was read"


Piece = str | Citation


class CitationParser:
    """Takes an answer as it streams, cut anywhere, and gives back text and citations in order.
    Joined, they are what was taken."""

    def __init__(self, shown: Sequence[Shown]) -> None:
        """`shown` is what the model was given, in this turn and those before."""
        self._shown = shown
        self._held = ""  # may be the beginning of a citation
        self._said = ""  # since the last citation or paragraph

    def feed(self, text: str) -> list[Piece]:
        self._held += text
        return self._joined(self._released(is_end=False))

    def finish(self) -> list[Piece]:
        """What was held back when the answer ended."""
        return self._joined(self._released(is_end=True))

    def _released(self, is_end: bool) -> Iterator[Piece]:
        while self._held:
            start = self._held.find("【")
            if start != 0:
                yield self._let_go(len(self._held) if start < 0 else start)
                continue
            if match := _REFERENCE.match(self._held):
                self._held = self._held[match.end() :]
                yield self._checked(match)
            elif not is_end and self._may_become_one():
                return
            else:
                yield self._let_go(1)

    def _may_become_one(self) -> bool:
        return len(self._held) <= _LONGEST and bool(_BEGINNING.fullmatch(self._held))

    def _let_go(self, count: int) -> str:
        text, self._held = self._held[:count], self._held[count:]
        self._said = (self._said + text).rpartition("\n\n")[2]
        return text

    def _checked(self, match: re.Match[str]) -> Citation:
        cursor, first = int(match["cursor"]), int(match["first"])
        last = first if match["last"] is None else int(match["last"])
        quoted = _quoted(self._said)
        self._said = ""
        return checked(match[0], cursor, first, last, self._shown, quoted)

    @staticmethod
    def _joined(pieces: Iterator[Piece]) -> list[Piece]:
        found: list[Piece] = []
        for piece in pieces:
            if isinstance(piece, str) and found and isinstance(found[-1], str):
                found[-1] += piece
            else:
                found.append(piece)
        return found


def checked(
    written: str, cursor: int, first: int, last: int, shown: Sequence[Shown], quoted: Sequence[str]
) -> Citation:
    """A citation held against what the model was given. Later turns may show more of a document
    under its cursor."""
    parts = [part for part in shown if part.cursor == cursor]
    document = parts[0].document if parts else None
    if document is None or not first <= last < document.line_count:
        return Citation(written, cursor, first, last, document)
    pages = range(document.place(first)[0].number, document.place(last)[0].number + 1)
    state: State = "found" if any(part.holds(first, last) for part in parts) else "not shown"
    letters = _letters(" ".join(document.lines[first : last + 1]))
    quotes = tuple(Quote(words, _says(letters, words)) for words in quoted)
    return Citation(written, cursor, first, last, document, tuple(pages), state, quotes)


def _quoted(text: str) -> list[str]:
    """What stands between marks of quotation, without what is too short to look for."""
    found = (next(filter(None, match.groups())).strip() for match in _QUOTED.finditer(text))
    return [words for words in found if len(_letters(words)) >= _LEAST_LETTERS]


def _says(letters: str, words: str) -> bool:
    """Whether the parts of a quote between its omissions stand there in this order."""
    start = 0
    for piece in filter(None, map(_letters, _OMISSION.split(words))):
        place = letters.find(piece, start)
        if place < 0:
            return False
        start = place + len(piece)
    return True


def _letters(text: str) -> str:
    """Letters and digits alone: breaks of lines, hyphens and kinds of quotation marks make no
    difference to what is said."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in text if c.isalnum())
