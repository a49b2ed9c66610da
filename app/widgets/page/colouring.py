"""Colours for code, by Pygments: which characters of which line look how.

Pure functions of text; nothing here knows a widget. Importing Pygments and a lexer takes up to
0.1 s and reading long code more, hence `workshop.py`.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from app.style import blend
from app.theme import contrast

READABLE = 4.5  # WCAG 2.2, 1.4.3


@dataclass(frozen=True, slots=True)
class Look:
    colour: str  # "#rrggbb"
    is_bold: bool
    is_italic: bool


Run = tuple[int, int, Look]  # first character of the line, length, look
Line = tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Coloured:
    """`lines` from the first one read on. Text added later can't change those before `settled`."""

    lines: tuple[Line, ...]
    settled: int


def colour_code(language: str, text: str, style: str, ground: str, ink: str) -> Coloured:
    """Colours for `text` in the Pygments style, readable on `ground`; plain if `language` is
    unknown. Style and colours are names and "#rrggbb"."""
    lexer = _lexer(language)
    if lexer is None:
        return Coloured((), text.count("\n"))
    looks = _Looks(style, ground, ink)
    lines: list[list[Run]] = [[]]
    column = settled = 0
    for kind, value in lexer.get_tokens(text):
        look = looks.of(kind)
        pieces = value.split("\n")
        for i, piece in enumerate(pieces):
            if i:
                lines.append([])
                column = 0
            if piece and look:
                lines[-1].append((column, len(piece), look))
            column += len(piece)
        if len(pieces) > 1 and str(kind).startswith(("Token.Text", "Token.Punctuation")):
            settled = len(lines) - 1  # between two statements, not inside a string or a comment
    return Coloured(tuple(map(tuple, lines)), settled)


def is_fresh_start(line: str) -> bool:
    """Whether reading may begin at `line` as if nothing stood before it."""
    return bool(re.match(r"[^\s})\]#]", line))


@lru_cache(maxsize=64)
def _lexer(language: str) -> Any:
    """A Pygments lexer, None for a language that it does not know."""
    first = language.split(maxsplit=1)[0].lower().strip("{}.") if language.strip() else ""
    if not first:
        return None
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(first, stripnl=False, stripall=False, ensurenl=False)
    except ClassNotFound:
        return None


class _Looks:
    """A Pygments style on one ground."""

    def __init__(self, style: str, ground: str, ink: str) -> None:
        from pygments.styles import get_style_by_name

        self.style = get_style_by_name(style)
        self.ground, self.ink = ground, ink
        self.known: dict[Any, Look | None] = {}

    def of(self, kind: Any) -> Look | None:
        if kind not in self.known:
            self.known[kind] = self._look(kind)
        return self.known[kind]

    def _look(self, kind: Any) -> Look | None:
        if str(kind) == "Token.Error":  # a lexer's guess about unfinished code
            return None
        found = self.style.style_for_token(kind)
        colour = f"#{found['color']}" if found["color"] else self.ink
        if colour == self.ink and not found["bold"] and not found["italic"]:
            return None
        return Look(
            readable(colour, self.ground, self.ink), bool(found["bold"]), bool(found["italic"])
        )


@lru_cache(maxsize=256)
def readable(colour: str, ground: str, ink: str) -> str:
    """`colour`, moved towards `ink` until it can be read on `ground`."""
    for step in range(11):
        mixed = blend(ink, colour, step / 10)
        if contrast(mixed, ground) >= READABLE:
            return mixed
    return ink
