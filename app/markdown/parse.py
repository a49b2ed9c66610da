"""What is in a segment: its lines become blocks.

Owns the inside of quotes, items and tables. Pure functions; nesting is followed to a depth at
which no one reads any more, and beyond it the text stands as it was written.
"""

from dataclasses import replace

from app.markdown.blocks import (
    Alignment,
    Block,
    CodeBlock,
    Heading,
    ListItem,
    MathsBlock,
    Paragraph,
    Quote,
    Rule,
    Span,
    Spans,
    Table,
)
from app.markdown.inline import read_spans
from app.markdown.segments import Segment, Segmenter, split_row

DEEPEST = 12  # levels of quotes and lists


def read_segment(segment: Segment, *, is_open: bool = False, depth: int = 0) -> tuple[Block, ...]:
    """The blocks of one segment; `is_open` if more of it is still being written."""
    match segment.kind:
        case "rule":
            return (Rule(),)
        case "heading":
            return (_heading(segment.lines, is_open),)
        case "code":
            return (CodeBlock(segment.info, "\n".join(segment.lines), not is_open),)
        case "indented":
            text = "\n".join(line[4:] for line in segment.lines)
            return (CodeBlock("", text.rstrip("\n")),)
        case "maths":
            return (_maths(segment),)
        case "table":
            return (_table(segment.lines, is_open),)
        case "quote" if depth < DEEPEST:
            lines = [_unquoted(line) for line in segment.lines]
            return (Quote(_read_lines(lines, depth + 1, is_open)),)
        case "item" if depth < DEEPEST:
            return (_item(segment, depth, is_open),)
        case _:
            return _paragraph(segment.lines, is_open)


def _read_lines(lines: list[str], depth: int, is_open: bool) -> tuple[Block, ...]:
    segmenter = Segmenter()
    segments = [segment for line in lines for segment in segmenter.feed(line)]
    open_segment = segmenter.open
    if not is_open:
        segments += segmenter.close()
        open_segment = None
    blocks = [block for s in segments for block in read_segment(s, depth=depth)]
    if open_segment:
        blocks += read_segment(open_segment, is_open=True, depth=depth)
    return tuple(blocks)


def _heading(lines: list[str], is_open: bool) -> Heading:
    if len(lines) > 1:  # underlined
        level = 1 if lines[-1].strip().startswith("=") else 2
        return Heading(level, read_spans(_unwrapped(lines[:-1])))
    text = lines[0].strip()
    level = len(text) - len(text.lstrip("#"))
    text = text[level:].strip()
    bare = text.rstrip("#")
    if bare != text and (not bare or bare.endswith(" ")):
        text = bare.rstrip()
    return Heading(level, read_spans(text, is_open=is_open))


def _maths(segment: Segment) -> Block:
    text = "\n".join(segment.lines).strip()
    if not segment.is_closed:
        return Paragraph((Span(text),))
    source = text[2:-2].strip()
    return MathsBlock(source) if source else Paragraph((Span(text),))


def _paragraph(lines: list[str], is_open: bool) -> tuple[Block, ...]:
    """One paragraph; several where a formula to be displayed stands among its words."""
    blocks: list[Block] = []
    words: list[Span] = []
    for span in read_spans(_unwrapped(lines), is_open=is_open):
        if span.maths == "display":
            blocks += _words(words)
            blocks.append(MathsBlock(span.text))
            words = []
        else:
            words.append(span)
    return tuple(blocks + _words(words))


def _words(spans: list[Span]) -> list[Block]:
    """A paragraph of the words between two formulas, if there are any."""
    if spans and not spans[0].maths:
        spans[0] = replace(spans[0], text=spans[0].text.lstrip())
    if spans and not spans[-1].maths:
        spans[-1] = replace(spans[-1], text=spans[-1].text.rstrip())
    spans = [span for span in spans if span.text]
    return [Paragraph(tuple(spans))] if spans else []


def _item(segment: Segment, depth: int, is_open: bool) -> ListItem:
    lines = list(segment.lines)
    while len(lines) > 1 and not lines[-1].strip():
        lines.pop()
    is_checked, lines[0] = _task(lines[0])
    blocks = _read_lines(lines, depth + 1, is_open)
    return ListItem(segment.number, is_checked, segment.is_loose, blocks)


def _task(line: str) -> tuple[bool | None, str]:
    box = line[:4]
    if box in ("[ ] ", "[x] ", "[X] "):
        return box != "[ ] ", line[4:]
    return None, line


def _table(lines: list[str], is_open: bool) -> Table:
    rows = [split_row(line) for line in [lines[0], *lines[2:]]]
    signs = split_row(lines[1])
    width = max(len(row) for row in [*rows, signs])
    cells = [_row(row, width, is_open and row is rows[-1]) for row in rows]
    alignments = tuple(_alignment(sign) for sign in signs + [""] * (width - len(signs)))
    return Table(alignments, cells[0], tuple(cells[1:]))


def _row(cells: list[str], width: int, is_open: bool) -> tuple[Spans, ...]:
    spans = [read_spans(cell, is_cell=True, is_open=is_open) for cell in cells]
    return tuple(spans) + ((),) * (width - len(cells))


def _alignment(sign: str) -> Alignment:
    if sign.endswith(":"):
        return "center" if sign.startswith(":") else "right"
    return "left"


def _unquoted(line: str) -> str:
    bare = line.lstrip(" ")
    if not bare.startswith(">"):
        return line
    return bare[2:] if bare[1:2] == " " else bare[1:]


def _unwrapped(lines: list[str]) -> str:
    """Lines joined, without the spaces that begin them; those that end them may mean a break."""
    return "\n".join(line.lstrip(" ") for line in lines).rstrip()
