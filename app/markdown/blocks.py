"""What a Markdown text consists of: blocks that stand under one another, spans within a line.

Frozen data, standard library only. Nothing here knows how a block was written or how it is drawn.
"""

from dataclasses import dataclass
from typing import Literal

Alignment = Literal["left", "center", "right"]
Maths = Literal["inline", "display"]
FOUND, UNFOUNDED = "citation:", "unfounded:"  # of a citation that holds, or doesn't; then a number


@dataclass(frozen=True, slots=True)
class Span:
    """A run of characters in one style. "\\n" in `text` is a line break that the author meant."""

    text: str  # for maths the LaTeX without its delimiters
    bold: bool = False
    italic: bool = False
    strike: bool = False
    code: bool = False
    maths: Maths | None = None
    link: str | None = None  # http, https or mailto, or a citation; never anything else


Spans = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    spans: Spans
    continues: bool = False  # goes on from the paragraph before, which had grown too long to hold


@dataclass(frozen=True, slots=True)
class Heading:
    level: int  # 1 … 6
    spans: Spans


@dataclass(frozen=True, slots=True)
class CodeBlock:
    language: str  # as the author named it, perhaps with more words; "" if not at all
    text: str  # lines joined by "\n", without a last one
    is_closed: bool = True


@dataclass(frozen=True, slots=True)
class MathsBlock:
    """A formula on a line of its own."""

    source: str  # LaTeX without its delimiters


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across the column."""


@dataclass(frozen=True, slots=True)
class Quote:
    blocks: "tuple[Block, ...]"


@dataclass(frozen=True, slots=True)
class ListItem:
    """One item. A list is a row of them, so that the items before the last are finished text."""

    number: int | None  # None for a bullet
    is_checked: bool | None  # None unless it is a task
    is_loose: bool  # the author left a blank line before it
    blocks: "tuple[Block, ...]"


@dataclass(frozen=True, slots=True)
class Table:
    """`rows` are as long as `header`: short ones are filled up, long ones widen all."""

    alignments: tuple[Alignment, ...]
    header: tuple[Spans, ...]
    rows: tuple[tuple[Spans, ...], ...]


Block = Paragraph | Heading | CodeBlock | MathsBlock | Rule | Quote | ListItem | Table


def has_link(block: Block) -> bool:
    """Whether there is anything in it that can be opened."""
    match block:
        case Paragraph(spans) | Heading(_, spans):
            return any(span.link for span in spans)
        case Quote(blocks) | ListItem(blocks=blocks):
            return any(map(has_link, blocks))
        case Table():
            cells = [*block.header, *(cell for row in block.rows for cell in row)]
            return any(span.link for cell in cells for span in cell)
    return False
