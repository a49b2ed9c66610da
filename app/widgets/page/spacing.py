"""The distances between blocks, on the page and in copied text. Knows blocks only."""

from app.markdown.blocks import (
    Block,
    CodeBlock,
    Heading,
    ListItem,
    MathsBlock,
    Paragraph,
    Quote,
    Rule,
    Table,
)
from app.theme import GRID


def parting(block: Block) -> str:
    """What is copied between the block before and this one."""
    is_tight = isinstance(block, ListItem) and not block.is_loose
    return "\n" if is_tight or (isinstance(block, Paragraph) and block.continues) else "\n\n"


def gap(before: Block, after: Block) -> float:
    """Between two blocks, px."""
    if isinstance(after, Paragraph) and after.continues:
        return 0.0
    if isinstance(before, Rule) or isinstance(after, Rule):
        return 3.0 * GRID
    if isinstance(after, Heading):
        return (4.0 if after.level < 3 else 3.0) * GRID
    if isinstance(before, Heading):
        return 1.0 * GRID
    if isinstance(before, ListItem) and isinstance(after, ListItem):
        return (1.0 if after.is_loose else 0.5) * GRID
    apart = (CodeBlock, MathsBlock, Table, Quote)
    if isinstance(before, apart) or isinstance(after, apart):
        return 2.0 * GRID
    return (1.0 if isinstance(after, ListItem) else 1.5) * GRID
