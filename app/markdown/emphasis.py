"""Emphasis: which run of marks closes which (CommonMark 0.31, "process emphasis").

Owns pieces of text that styles begin and end at, and their joining into spans. Knows no other
syntax.
"""

import unicodedata
from dataclasses import dataclass, field

from app.markdown.blocks import Maths, Span, Spans


@dataclass(slots=True)
class Piece:
    """A stretch of the result; styles begin before it or end before it."""

    text: str
    code: bool = False
    maths: Maths | None = None
    link: str | None = None
    starts: list[str] = field(default_factory=list)  # after its text
    ends: list[str] = field(default_factory=list)  # before its text


@dataclass(slots=True)
class Run:
    """A run of `*`, `_` or `~` that may open or close emphasis."""

    piece: Piece
    mark: str
    length: int
    can_open: bool
    can_close: bool
    count: int = 0  # not yet used up

    def __post_init__(self) -> None:
        self.count = self.length


def make_run(piece: Piece, before: str, after: str) -> Run:
    """A run of the marks that are `piece`, between the characters `before` and `after`."""
    opens, closes = _flanks(before, after), _flanks(after, before)
    mark = piece.text[0]
    if mark == "_":
        left, right = opens, closes
        opens = left and (not right or _is_punctuation(before))
        closes = right and (not left or _is_punctuation(after))
    return Run(piece, mark, len(piece.text), opens, closes)


def pair_runs(runs: list[Run], bottom: int) -> None:
    """Finds for each closing run from `bottom` on the run that it closes."""
    i = bottom
    floors: dict[tuple[str, bool, int], int] = {}
    while i < len(runs):
        closer = runs[i]
        if not closer.can_close:
            i += 1
            continue
        kind = (closer.mark, closer.can_open, closer.length % 3)
        j = i - 1
        floor = floors.get(kind, bottom)
        while j >= floor and not _belong(runs[j], closer):
            j -= 1
        if j < floor:
            floors[kind] = i
            if closer.can_open:
                i += 1
            else:
                del runs[i]
            continue
        del runs[j + 1 : i]
        i = _emphasise(runs, j)
        floors = {k: min(v, j) for k, v in floors.items()}
    del runs[bottom:]


def end_open_runs(runs: list[Run]) -> list[Piece]:
    """Pairs the runs and ends, in pieces to be put behind them, the emphasis that is still open."""
    openers = [run for run in runs if run.can_open]
    pair_runs(runs, 0)
    ends = []
    for run in reversed(openers):
        if run.piece.ends:
            continue
        piece = Piece("")
        while run.count:
            length = 2 if run.count >= 2 else 1
            run.piece.starts.append(_style(run.mark, length))
            piece.ends.append(_style(run.mark, length))
            run.count -= length
        run.piece.text = ""
        ends.append(piece)
    return ends


def _belong(opener: Run, closer: Run) -> bool:
    if opener.mark != closer.mark or not opener.can_open:
        return False
    both = opener.can_close or closer.can_open
    third = (opener.length + closer.length) % 3 == 0
    return not (both and third and (opener.length % 3 or closer.length % 3))


def _emphasise(runs: list[Run], j: int) -> int:
    """Joins run `j` and the one behind it; gives the run to look at next."""
    opener, closer = runs[j], runs[j + 1]
    length = 2 if opener.count >= 2 and closer.count >= 2 else 1
    style = _style(opener.mark, length)
    opener.piece.starts.insert(0, style)
    closer.piece.ends.append(style)
    for run in (opener, closer):
        run.count -= length
        run.piece.text = run.mark * run.count
    following = j + 1
    if not closer.count:
        del runs[following]
    if not opener.count:
        del runs[j]
        following -= 1
    return following


def _style(mark: str, length: int) -> str:
    if mark == "~":
        return "strike"
    return "bold" if length == 2 else "italic"


def _flanks(before: str, after: str) -> bool:
    """Whether a run between the two characters can open emphasis; swapped, whether it can close."""
    if not after or after.isspace():
        return False
    if not _is_punctuation(after):
        return True
    # Chinese and Japanese put no space before a bracket or a quotation mark.
    return not before or before.isspace() or _is_punctuation(before) or before >= "\u2e80"


def _is_punctuation(character: str) -> bool:
    return bool(character) and unicodedata.category(character)[0] in "PS"


def join_pieces(pieces: list[Piece]) -> Spans:
    """Pieces as spans; neighbours of one style become one."""
    spans: list[Span] = []
    active = {"bold": 0, "italic": 0, "strike": 0}
    for piece in pieces:
        for style in piece.ends:
            active[style] -= 1
        if piece.text:
            span = Span(
                piece.text,
                bold=active["bold"] > 0,
                italic=active["italic"] > 0,
                strike=active["strike"] > 0,
                code=piece.code,
                maths=piece.maths,
                link=piece.link,
            )
            _append(spans, span)
        for style in piece.starts:
            active[style] += 1
    return tuple(spans)


def _append(spans: list[Span], span: Span) -> None:
    last = spans[-1] if spans else None
    if last and not span.maths and _look(last) == _look(span):
        spans[-1] = Span(last.text + span.text, *_look(last))
    else:
        spans.append(span)


def _look(span: Span) -> tuple[bool, bool, bool, bool, Maths | None, str | None]:
    return span.bold, span.italic, span.strike, span.code, span.maths, span.link
