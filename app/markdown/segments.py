"""Cuts a text into segments, line by line: the pieces that later lines can't change any more.

Owns where a block begins and ends (CommonMark 0.31 and GitHub's tables, with leave for what models
write); `parse` says what is in it. Every line is looked at once, so that a long answer costs
no more per line than a short one.

Where it is more lenient than CommonMark: two spaces are enough to nest in a numbered item, maths
stands in blocks between $$ … $$ and \\[ … \\], and a line without a bar ends a table.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Literal

Kind = Literal[
    "paragraph", "heading", "rule", "code", "indented", "maths", "quote", "item", "table"
]

# Possessive quantifiers keep each of these linear in the length of the line.
_FENCE = re.compile(r" {0,3}(`{3,}+(?=[^`]*$)|~{3,}+)(.*)$")
_HEADING = re.compile(r" {0,3}#{1,6}(?:\s|$)")
_RULE = re.compile(r" {0,3}([-*_])(?:\s*+\1){2,}+\s*+$")
_UNDERLINE = re.compile(r" {0,3}(?:=++|-++)\s*+$")
_QUOTE = re.compile(r" {0,3}>")
_MARKER = re.compile(r"( *)([-*+]|\d{1,9}[.)])( +|$)")
_MATHS = re.compile(r" {0,3}(\$\$|\\\[)(.*)$")
_DELIMITERS = re.compile(r" {0,3}\|?\s*+:?-++:?\s*+(?:\|\s*+:?-++:?\s*+)*+\|?\s*+$")
_CLOSERS = {"$$": "$$", "\\[": "\\]"}
MATHS_LINES = 60  # a formula longer than this is an unclosed one


@dataclass(frozen=True, slots=True)
class Segment:
    """Lines that make one block, or one item of a list."""

    kind: Kind
    lines: list[str] = field(default_factory=list)
    fence: str = ""  # what must close code or maths
    info: str = ""  # the words behind a code fence
    indent: int = 0  # columns before the marker of an item, or before a fence
    content: int = 0  # columns before the content of an item
    number: int | None = None  # of an item in a numbered list
    marker: str = ""  # of an item: "-", "*", "+", "." or ")"
    is_loose: bool = False
    is_closed: bool = False  # the author wrote its end

    @property
    def is_blank_at_end(self) -> bool:
        return bool(self.lines) and not self.lines[-1].strip()


class Segmenter:
    """Takes a text line by line; hands out the segments that are finished."""

    def __init__(self) -> None:
        self.open: Segment | None = None

    def fork(self) -> "Segmenter":
        """A copy that can be fed what is not certain yet."""
        copy = Segmenter()
        copy.open = self.open and replace(self.open, lines=list(self.open.lines))
        return copy

    def close(self) -> list[Segment]:
        """The text has ended."""
        last, self.open = self.open, None
        return [_settled(last)] if last else []

    def feed(self, line: str) -> list[Segment]:
        """`line` is whole and has no line break. Gives what it finished, often nothing."""
        line = expand_tabs(line)
        segment = self.open
        if segment is None:
            return self._begin(line)
        match segment.kind:
            case "code":
                return self._in_code(segment, line)
            case "maths":
                return self._in_maths(segment, line)
            case "item":
                return self._in_item(segment, line)
            case "paragraph":
                return self._in_paragraph(segment, line)
            case "table":
                goes_on = "|" in line and not _interrupts(line)
            case "quote":
                goes_on = bool(_QUOTE.match(line)) or _is_lazy(segment.lines[-1], line)
            case _:  # indented code
                goes_on = not line.strip() or line.startswith("    ")
        if goes_on:
            segment.lines.append(line)
            return []
        return self.close() + self._begin(line)

    def _begin(self, line: str) -> list[Segment]:
        """Opens the segment that `line` starts."""
        if not line.strip():
            return []
        if _RULE.match(line):
            return [Segment("rule", [line])]
        if _HEADING.match(line):
            return [Segment("heading", [line])]
        if fence := _FENCE.match(line):
            self.open = Segment("code", fence=fence[1], info=fence[2].strip(), indent=_indent(line))
        elif maths := _MATHS.match(line):
            self.open = Segment("maths", fence=_CLOSERS[maths[1]])
            return self._in_maths(self.open, line, maths[2])
        elif _QUOTE.match(line):
            self.open = Segment("quote", [line])
        elif (marker := _MARKER.match(line)) and _indent(line) < 4:
            self.open = _item(marker, line)
        elif line.startswith("    "):
            self.open = Segment("indented", [line])
        else:
            self.open = Segment("paragraph", [line])
        return []

    def _in_code(self, segment: Segment, line: str) -> list[Segment]:
        mark = segment.fence[0]
        bare = line.strip()
        if bare and not bare.strip(mark) and len(bare) >= len(segment.fence) and _indent(line) < 4:
            self.open = replace(segment, is_closed=True)
            return self.close()
        segment.lines.append(_without_indent(line, segment.indent))
        return []

    def _in_maths(self, segment: Segment, line: str, rest: str | None = None) -> list[Segment]:
        """`rest` is what follows the opening delimiter on its line."""
        segment.lines.append(line)
        text = line if rest is None else rest
        if segment.fence in text:
            if text.rstrip().endswith(segment.fence) and text.count(segment.fence) == 1:
                self.open = replace(segment, is_closed=True)
                return self.close()
            # Words stand beside the formula: it is part of a paragraph.
            self.open = replace(segment, kind="paragraph")
        elif (not text.strip() and rest is None) or len(segment.lines) > MATHS_LINES:
            # No formula holds a blank line: this was never one.
            return self.close()
        return []

    def _in_item(self, segment: Segment, line: str) -> list[Segment]:
        indent = _indent(line)
        if not line.strip():
            if segment.is_blank_at_end and len(segment.lines) == 1:
                return self.close()  # an empty item can't go on after a blank line
            segment.lines.append("")
            return []
        if indent >= min(segment.content, segment.indent + 2):
            segment.lines.append(_without_indent(line, segment.content))
            return []
        marker = _MARKER.match(line)
        if marker and indent < 4 and not _RULE.match(line):
            following = _item(marker, line, after=segment)
            finished = self.close()
            self.open = following
            return finished
        if _is_lazy(segment.lines[-1], line) and not _open_fence(segment.lines):
            segment.lines.append(line)
            return []
        return self.close() + self._begin(line)

    def _in_paragraph(self, segment: Segment, line: str) -> list[Segment]:
        if not line.strip():
            return self.close()
        if _UNDERLINE.match(line):
            segment.lines.append(line)
            self.open = replace(segment, kind="heading")
            return self.close()
        if "|" in line and "|" in segment.lines[-1] and _DELIMITERS.match(line):
            header = segment.lines.pop()
            finished = self.close() if segment.lines else []
            self.open = Segment("table", [header, line])
            return finished
        if _interrupts(line):
            return self.close() + self._begin(line)
        segment.lines.append(line)
        return []


def expand_tabs(line: str) -> str:
    """Tabs before the first word as spaces, to columns of four."""
    body = line.lstrip(" \t")
    return line[: len(line) - len(body)].expandtabs(4) + body


def split_row(line: str) -> list[str]:
    """The cells of a table's row. A bar in code, in maths or behind a backslash divides nothing."""
    cells, start, i = [], 0, 0
    text = line.strip()
    text = text[1:] if text.startswith("|") else text
    while i < len(text):
        if text[i] == "\\" and text[i + 1 : i + 2] != "(":
            i += 2
        elif text[i] == "|":
            cells.append(text[start:i])
            start = i = i + 1
        elif closed := _UNDIVIDED.match(text, i):
            i = closed.end()
        else:
            i += 1
    if text[start:].strip():
        cells.append(text[start:])
    return [cell.strip().replace("\\|", "|") for cell in cells]


_UNDIVIDED = re.compile(
    r"(`++)[^`]{0,400}\1(?!`)|\$(?=\S)[^$`]{0,400}?(?<=\S)\$(?!\d)|\\\(.{0,400}?\\\)"
)


def _settled(segment: Segment) -> Segment:
    """A formula that was not closed is a paragraph."""
    if segment.kind == "maths" and not segment.is_closed:
        return replace(segment, kind="paragraph")
    return segment


def _item(marker: re.Match[str], line: str, after: Segment | None = None) -> Segment:
    """The item that `line` opens, `after` the one before it in what may be the same list."""
    space = len(marker[3])
    if not 1 <= space <= 4:  # nothing, or code that is indented, behind the marker
        space = 1
    content = len(marker[1]) + len(marker[2]) + space
    number = int(marker[2][:-1]) if marker[2][0].isdigit() else None
    sign = marker[2][-1]
    is_next = after is not None and after.marker == sign
    if is_next and after is not None and number is not None and after.number is not None:
        number = max(number, after.number + 1)  # "1. 1. 1." counts; a gap the author left stays
    return Segment(
        "item",
        [line[content:]],
        indent=len(marker[1]),
        content=content,
        number=number,
        marker=sign,
        is_loose=after is not None and after.is_blank_at_end,
    )


def _interrupts(line: str) -> bool:
    """Whether `line` starts a block of its own in the middle of a paragraph."""
    if _RULE.match(line) or _HEADING.match(line) or _QUOTE.match(line) or _FENCE.match(line):
        return True
    if _MATHS.match(line):
        return True
    marker = _MARKER.match(line)
    # A number at the start of a wrapped line is seldom a list: only 1 begins one there.
    return bool(
        marker
        and len(marker[1]) < 4
        and marker[3]
        and line[marker.end() :].strip()
        and (not marker[2][0].isdigit() or int(marker[2][:-1]) == 1)
    )


def _is_lazy(previous: str, line: str) -> bool:
    """Whether `line`, not indented, goes on with the paragraph that `previous` ended in."""
    return bool(line.strip() and previous.strip(" >")) and not _interrupts(line)


def _open_fence(lines: list[str]) -> bool:
    """Whether code was opened in `lines` and not closed."""
    fence = ""
    for line in lines:
        if not fence:
            found = _FENCE.match(line)
            fence = found[1] if found else ""
        elif line.strip().startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
    return bool(fence)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _without_indent(line: str, columns: int) -> str:
    return line[min(_indent(line), columns) :]
