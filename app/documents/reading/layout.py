"""The order in which the pieces of text on a page are read.

A PDF says where each piece stands, not what comes next. Pieces on one height make a line; where the
page has columns of prose, each column is read to its end before the next, between whatever spans
them. Tables keep their rows. Standard library only.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median

from app.documents.lines import Box, Line

_FEWEST = 5  # lines that make a column
_MARGIN = 0.2  # of the text's width, on each side, in which no gutter is looked for
_CROSSING = 0.25  # of the pieces may span a gutter: titles, figures' captions
_STRAY = 0.05  # of them may stand in its midst: the number of the page
_FILLED = 0.3  # of its column's width that a typical line of prose takes at least
_WORDS = 3  # that a typical line of prose has at least
_RTL = re.compile("[\u0590-\u08ff]")  # Hebrew to Arabic
CELL = "\t"  # between pieces of one line that stand apart


@dataclass(frozen=True, slots=True)
class Piece:
    """Words that stand together on one line."""

    text: str
    box: Box  # upright: left, bottom, right, top with y upwards

    @property
    def middle(self) -> float:
        return (self.box[1] + self.box[3]) / 2

    @property
    def height(self) -> float:
        return self.box[3] - self.box[1]


def lines_in_order(pieces: Sequence[Piece]) -> list[Line]:
    """All pieces, joined to lines, from the first that is read to the last."""
    split = _columns(pieces)
    if split is None:
        return _rows(pieces)
    left, right, spanning = split
    lines: list[Line] = []
    upper = float("inf")
    for row in [*_rows(spanning), None]:
        lower = (row.box[1] + row.box[3]) / 2 if row and row.box else float("-inf")
        for column in (left, right):
            lines += lines_in_order([p for p in column if lower < p.middle <= upper])
        if row:
            lines.append(row)
        upper = lower
    return lines


_Split = tuple[list[Piece], list[Piece], list[Piece]]


def _columns(pieces: Sequence[Piece]) -> _Split | None:
    """What stands left of a gutter, right of it, and across; None where there is no gutter between
    two columns of prose."""
    gutter = _gutter(pieces) if len(pieces) >= 2 * _FEWEST else None
    if gutter is None:
        return None
    left = [piece for piece in pieces if piece.box[2] <= gutter]
    right = [piece for piece in pieces if piece.box[0] >= gutter]
    spanning = [piece for piece in pieces if piece.box[0] < gutter < piece.box[2]]
    if not (_is_prose(left) and _is_prose(right) and _are_abreast(left, right)):
        return None
    return left, right, spanning


def _gutter(pieces: Sequence[Piece]) -> float | None:
    """The x that the fewest pieces cross, in the midst of the widest such stretch."""
    start = min(piece.box[0] for piece in pieces)
    width = max(piece.box[2] for piece in pieces) - start
    if not 0 < width < 1e5:
        return None
    steps = int(width) + 1
    changes = [0] * (steps + 1)
    for piece in pieces:
        changes[int(piece.box[0] - start)] += 1
        changes[min(steps, int(piece.box[2] - start) + 1)] -= 1
    crossed, covering = [], 0
    for change in changes[:steps]:
        covering += change
        crossed.append(covering)
    inner = range(int(_MARGIN * steps), int((1 - _MARGIN) * steps))
    most = _CROSSING * len(pieces)
    fewest = min((crossed[x] for x in inner), default=0)
    if fewest > most:
        return None
    free = fewest + _STRAY * len(pieces)
    runs = [list(run) for is_free, run in groupby(inner, lambda x: crossed[x] <= free) if is_free]
    widest = max(runs, key=len, default=[])
    if len(widest) < 0.5 * median(piece.height for piece in pieces):
        return None
    return start + widest[len(widest) // 2]


def _is_prose(column: Sequence[Piece]) -> bool:
    if len(column) < _FEWEST:
        return False
    width = max(piece.box[2] for piece in column) - min(piece.box[0] for piece in column)
    return (
        median(piece.box[2] - piece.box[0] for piece in column) >= _FILLED * width
        and median(len(piece.text.split()) for piece in column) >= _WORDS
    )


def _are_abreast(left: Sequence[Piece], right: Sequence[Piece]) -> bool:
    """Whether they stand beside each other, not one below the other."""
    bottoms = [min(piece.box[1] for piece in column) for column in (left, right)]
    tops = [max(piece.box[3] for piece in column) for column in (left, right)]
    shorter = min(top - bottom for top, bottom in zip(tops, bottoms, strict=True))
    return min(tops) - max(bottoms) >= 0.4 * shorter


def _rows(pieces: Iterable[Piece]) -> list[Line]:
    """Pieces on one height become one line; from top to bottom."""
    rows: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: -piece.middle):
        if rows and _is_on(rows[-1][0], piece):
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [_joined(row) for row in rows]


def _is_on(row: Piece, piece: Piece) -> bool:
    return abs(row.middle - piece.middle) < 0.5 * min(row.height, piece.height) or (
        # a mark above or below the line, as of a footnote
        piece.height < 0.8 * row.height and row.box[1] < piece.middle < row.box[3]
    )


def _joined(row: list[Piece]) -> Line:
    if len(row) == 1:
        return Line(row[0].text, row[0].box)
    row.sort(key=lambda piece: piece.box[0])
    if sum(bool(_RTL.search(piece.text)) for piece in row) * 2 > len(row):
        row.reverse()
    text = row[0].text
    for before, piece in pairwise(row):
        gap = max(piece.box[0] - before.box[2], before.box[0] - piece.box[2])
        text += (CELL if gap > 0.8 * piece.height else " " if gap > 0 else "") + piece.text
    return Line(text, around(piece.box for piece in row))


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box that holds all."""
    lefts, bottoms, rights, tops = zip(*boxes, strict=True)
    return min(lefts), min(bottoms), max(rights), max(tops)
