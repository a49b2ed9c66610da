"""Reads the text of a paragraph, a heading or a cell into spans.

Owns emphasis, code, links, escapes and maths within a line (CommonMark 0.31; maths as pandoc
delimits it, so that prices stay prices). Nothing is ever lost: what is not understood, HTML and
images among it, stays in the text as it was written. Time grows with the length of the text
alone, whatever it holds.
"""

import html
import re
from dataclasses import dataclass

from app.markdown.blocks import Maths, Spans
from app.markdown.emphasis import Piece, Run, end_open_runs, join_pieces, make_run, pair_runs

_SPECIAL = re.compile(r"[\\`*_~\[\]!<&$\n]|(?<![A-Za-z0-9])https?://", re.IGNORECASE)
_ESCAPABLE = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_ANGLED = re.compile(r"<((?:https?://|mailto:)[^\s<>]*|[\w.+-]+@[\w-]+(?:\.[\w-]+)+)>", re.I)
_BARE = re.compile(r"https?://[^\s<>\[\]`\"、。，）」』】；]+", re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_TARGET = re.compile(
    r"""\(\s*+(?:<(?P<angled>[^<>\n]*+)>|(?P<plain>[^\s()]*+(?:\([^\s()]*+\)[^\s()]*+)*+))
    (?:\s++(?:"[^"]*+"|'[^']*+'|\([^()]*+\)))?\s*+\)""",
    re.VERBOSE,
)
_UNFINISHED_TARGET = re.compile(r"\([^\s()]*$")
_ALLOWED = re.compile(r"(?:https?://[^\s/]|mailto:[^\s])", re.IGNORECASE)
_MONEY = re.compile(r"\d[\d.,]*+(?:\s++[^\W\d_]{2}|\s*+[-–/]$)")
_NUMBERS = re.compile(r"[\d,\s–-]*")
_HANGING = "*_~`[\\$"  # at the end of unfinished text these may mean anything yet


def is_allowed_link(url: str) -> bool:
    """Whether a click may open it: the web and mail, never a file or a script."""
    return bool(_ALLOWED.match(url)) and url.isprintable()


def read_spans(text: str, *, is_cell: bool = False, is_open: bool = False) -> Spans:
    """The spans of `text`. In a table's cell `<br>`, the only way to write one, breaks the line.

    `is_open`: more is still being written; emphasis, code and links that have begun are shown as
    if they had ended, and a mark at the very end, which may yet mean anything, is left out.
    """
    if is_open:
        text = text.rstrip(_HANGING)
    reader = _Reader(text, is_cell, is_open)
    return reader.read()


@dataclass(slots=True)
class _Bracket:
    index: int  # of its piece
    position: int  # in the text
    runs: int  # that came before it
    is_image: bool


class _Reader:
    def __init__(self, text: str, is_cell: bool, is_open: bool) -> None:
        self.text = text
        self.is_cell = is_cell
        self.is_open = is_open
        self.pieces: list[Piece] = []
        self.runs: list[Run] = []
        self.brackets: list[_Bracket] = []
        self.absent: set[str] = set()  # closers known not to come any more

    def read(self) -> Spans:
        at = 0
        while found := _SPECIAL.search(self.text, at):
            self._add(self.text[at : found.start()])
            at = self._special(found)
        self._add(self.text[at:])
        if self.is_open:
            self.pieces += end_open_runs(self.runs)
        pair_runs(self.runs, 0)
        return join_pieces(self.pieces)

    def _add(self, text: str) -> Piece:
        piece = Piece(text)
        if text:
            self.pieces.append(piece)
        return piece

    def _special(self, found: re.Match[str]) -> int:
        """Reads what begins at `found`; gives where to go on."""
        at = found.start()
        match found[0][0]:
            case "\\":
                return self._backslash(at)
            case "`":
                return self._code(at)
            case "*" | "_" | "~":
                return self._run(at)
            case "[":
                return self._open_bracket(at, 1)
            case "!" if self.text.startswith("![", at):
                return self._open_bracket(at, 2)
            case "]":
                return self._close_bracket(at)
            case "<":
                return self._angle(at)
            case "&":
                return self._entity(at)
            case "$":
                return self._dollar(at)
            case "\n":
                return self._line_end(at)
            case "!":
                return self._literal(at, 1)
            case _:
                return self._bare_link(at)

    def _literal(self, at: int, length: int) -> int:
        self._add(self.text[at : at + length])
        return at + length

    def _find(self, closer: str, start: int) -> int:
        """Where `closer` comes next, −1 if never; a failed search is not made twice."""
        if closer in self.absent:
            return -1
        found = self.text.find(closer, start)
        if found < 0:
            self.absent.add(closer)
        return found

    # Marks with a meaning of their own -----------------------------------------------------------

    def _backslash(self, at: int) -> int:
        following = self.text[at + 1 : at + 2]
        if following in ("(", "["):
            end = self._find("\\)" if following == "(" else "\\]", at + 2)
            source = self.text[at + 2 : end].strip()
            if end > 0 and source and not _NUMBERS.fullmatch(source):
                return self._formula(source, end + 2, "inline" if following == "(" else "display")
            return self._literal(at, 2)  # perhaps still to be closed: shown as it was written
        if following == "\n":
            self._add("\n")
            return at + 2
        return self._literal(at + 1, 1) if following in _ESCAPABLE else self._literal(at, 1)

    def _formula(self, source: str, end: int, kind: Maths) -> int:
        self.pieces.append(Piece(source, maths=kind))
        return end

    def _dollar(self, at: int) -> int:
        if self.text.startswith("$$", at):
            end = self._find("$$", at + 2)
            source = self.text[at + 2 : end].strip() if end > 0 else ""
            return self._formula(source, end + 2, "display") if source else self._literal(at, 2)
        end = self._find("$", at + 1)
        while end > 0 and self.text[end - 1] == "\\":
            end = self.text.find("$", end + 1)
        source = self.text[at + 1 : end] if end > 0 else ""
        if source and _is_formula(self.text[:at][-1:], source, self.text[end + 1 : end + 2]):
            return self._formula(source, end + 1, "inline")
        return self._literal(at, 1)

    def _code(self, at: int) -> int:
        length = _run_length(self.text, at)
        fence = "`" * length
        end = self._find_fence(fence, at + length)
        if end < 0 and self.is_open:
            end = len(self.text)
        if end < 0:
            return self._literal(at, length)
        text = self.text[at + length : end].replace("\n", " ")
        if len(text) > 2 and text[0] == text[-1] == " " and text.strip():
            text = text[1:-1]
        if text:
            self.pieces.append(Piece(text, code=True))
        return end + length

    def _find_fence(self, fence: str, at: int) -> int:
        while (at := self._find(fence, at)) >= 0:
            length = _run_length(self.text, at)
            if length == len(fence):
                return at
            at += length
        self.absent.add(fence)
        return -1

    def _angle(self, at: int) -> int:
        if self.is_cell and (found := _BREAK.match(self.text, at)):
            self._add("\n")
            return found.end()
        found = _ANGLED.match(self.text, at)
        if found:
            url = found[1] if ":" in found[1] else f"mailto:{found[1]}"
            if is_allowed_link(url):
                self._add(found[1]).link = url
                return found.end()
        return self._literal(at, 1)  # HTML is text here

    def _bare_link(self, at: int) -> int:
        found = _BARE.match(self.text, at)
        url = _trimmed(found[0]) if found else ""
        if not is_allowed_link(url):
            return self._literal(at, 4)
        self._add(url).link = url
        return at + len(url)

    def _entity(self, at: int) -> int:
        if found := _ENTITY.match(self.text, at):
            self._add(html.unescape(found[0]))
            return found.end()
        return self._literal(at, 1)

    def _line_end(self, at: int) -> int:
        """Two spaces before the end of a line break it; otherwise the words run on."""
        before = self.pieces[-1] if self.pieces else None
        is_break = False
        if before and not before.code and not before.maths:
            stripped = before.text.rstrip(" ")
            is_break = len(before.text) - len(stripped) >= 2
            before.text = stripped
        self._add("\n" if is_break else " ")
        while self.text[at + 1 : at + 2] == " ":
            at += 1
        return at + 1

    # Links ---------------------------------------------------------------------------------------

    def _open_bracket(self, at: int, length: int) -> int:
        self.brackets.append(_Bracket(len(self.pieces), at, len(self.runs), length == 2))
        return self._literal(at, length)

    def _close_bracket(self, at: int) -> int:
        if not self.brackets:
            return self._literal(at, 1)
        bracket = self.brackets.pop()
        target = _TARGET.match(self.text, at + 1)
        if target is None:
            if self.is_open and not bracket.is_image and self._is_unfinished(at + 1):
                self._link(bracket, "")
                return len(self.text)
            return self._literal(at, 1)
        if bracket.is_image:
            return self._image(bracket, target.end())
        url = html.unescape(target["angled"] or target["plain"] or "")
        if not is_allowed_link(url) or len(self.pieces) == bracket.index + 1:
            return self._literal(at, 1)  # the target is shown too: nothing hides
        self._link(bracket, url)
        return target.end()

    def _is_unfinished(self, at: int) -> bool:
        return bool(_UNFINISHED_TARGET.match(self.text, at))

    def _link(self, bracket: _Bracket, url: str) -> None:
        """Makes a link of all that stands since `bracket`."""
        pair_runs(self.runs, bracket.runs)
        self.pieces[bracket.index].text = ""
        for piece in self.pieces[bracket.index + 1 :]:
            piece.link = url or None
        self.brackets = [b for b in self.brackets if b.is_image]  # links don't nest

    def _image(self, bracket: _Bracket, end: int) -> int:
        """Never fetched: its source stands in the text."""
        del self.pieces[bracket.index :]
        del self.runs[bracket.runs :]
        self._add(self.text[bracket.position : end])
        return end

    # Emphasis ------------------------------------------------------------------------------------

    def _run(self, at: int) -> int:
        mark = self.text[at]
        length = _run_length(self.text, at)
        if mark == "~" and length != 2:
            return self._literal(at, length)
        before, after = self.text[at - 1 : at] if at else "", self.text[at + length :][:1]
        piece = self._add(self.text[at : at + length])
        self.runs.append(make_run(piece, before, after))
        return at + length


def _is_formula(before: str, source: str, after: str) -> bool:
    """Whether `$source$` is maths rather than two prices or shell variables."""
    if source[0].isspace() or source[-1].isspace() or "\n\n" in source:
        return False
    if after.isdigit() or before.isalnum():
        return False
    if after.isalpha() and len(source) > 2 and not re.search(r"[\\^_={}]", source):
        return False
    return not _MONEY.match(source) or "\\" in source


def _run_length(text: str, at: int) -> int:
    mark, end = text[at], at
    while end < len(text) and text[end] == mark:
        end += 1
    return end - at


def _trimmed(url: str) -> str:
    """A bare address without the punctuation of the sentence around it."""
    end, unopened = len(url), url.count(")") - url.count("(")
    while end:
        if url[end - 1] == ")" and unopened > 0:
            unopened -= 1
        elif url[end - 1] not in "?!.,:;*_~'":
            break
        end -= 1
    return url[:end]
