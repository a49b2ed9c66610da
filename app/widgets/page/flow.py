"""Blocks under one another: a whole answer, and what is inside a quote or an item of a list.

Owns the distances between blocks, which of them are laid out, and how offsets run through them. Of
a long answer only what is near the reader is laid out; the rest is guessed until it comes near.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPen

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
from app.widgets.icons import paint_icon
from app.widgets.page.code import CodeItem
from app.widgets.page.item import Item, Link, Marked, Setting, WideItem
from app.widgets.page.spacing import gap, parting
from app.widgets.page.table import TableItem
from app.widgets.page.words import FormulaItem, RuleItem, WordsItem

QUOTE_INDENT = 2.0 * GRID


class Flow(Item):
    """A column of items, top down."""

    def __init__(self, setting: Setting, blocks: Sequence[Block] = ()) -> None:
        super().__init__(setting)
        self.blocks: list[Block] = []
        self.items: list[Item] = []
        self.layouts = 0  # how often one of the items was laid out
        self.first_changed = 0  # item that the last `settle` moved or laid out; those before stand
        self._heights: list[float] = []  # laid out or guessed
        self._gaps: list[float] = []  # behind each item
        self._tops: list[float] = []
        self._waiting: set[int] = set()  # items in which a formula is still to come
        self._starts: list[int] | None = None  # first offset of each item
        self.replace_from(0, blocks)

    def replace_from(self, start: int, blocks: Sequence[Block]) -> None:
        """From the item `start` on the blocks are these; what stays the same keeps its layout."""
        for i, block in enumerate(blocks, start):
            if i == len(self.items):
                self.items.append(item_for(self.setting, block))
                self.blocks.append(block)
                self._heights.append(self.items[i].estimate(max(self.width, 1.0)))
            elif block != self.blocks[i]:
                if not self.items[i].update(block):
                    self.items[i] = item_for(self.setting, block)
                self.blocks[i] = block
        end = start + len(blocks)
        del self.items[end:], self.blocks[end:], self._heights[end:]
        self._starts = None
        before = max(0, start - 1)
        pairs = zip(self.blocks[before:], self.blocks[before + 1 :], strict=False)
        self._gaps[before:] = [gap(first, second) for first, second in pairs]
        if self.items:
            self._gaps.append(0.0)
        self._stack(before)

    def settle(self, width: float, top: float, bottom: float, anchor: float = 0.0) -> float:
        """Lays out what is between `top` and `bottom` and is not yet. Gives how much higher that
        made what ends above `anchor`: the reader's place moves down by so much."""
        moved, first = 0.0, len(self.items)
        if width != self.width:
            self.width = width
            moved = self._guess(anchor)
            top, bottom, anchor = top + moved, bottom + moved, anchor + moved
            first = 0
        i = self._index_at(top)
        y = self._tops[i] if self.items else 0.0
        while i < len(self.items) and y <= bottom:
            item = self.items[i]
            if item.width != width:
                item.lay_out(width)
                self.layouts += 1
                grown = item.height - self._heights[i]
                if self._tops[i] + self._heights[i] <= anchor:
                    moved += grown
                self._heights[i] = item.height
                (self._waiting.add if item.waits else self._waiting.discard)(i)
                first = min(first, i)
            y += item.height + self._gaps[i]
            i += 1
        self.first_changed = first
        self._stack(first)
        return moved

    def lay_out(self, width: float) -> None:
        self.settle(width, 0, float("inf"))

    def take_what_came(self) -> bool:
        """Items that waited for a formula are to be laid out again. False if there are none."""
        waiting = [self.items[i] for i in self._waiting if i < len(self.items)]
        for item in waiting:
            item.width = -1.0
        self._waiting.clear()
        return bool(waiting)

    def guess_from(self, before: "Flow") -> None:
        """Takes the heights of the same blocks in another style, if its letters are as large."""
        if before.style.text_size == self.style.text_size:
            self.width, self._heights = before.width, list(before._heights)
            self._stack(0)

    def _guess(self, anchor: float) -> float:
        """Heights for a new width, from the blocks alone. Gives how far what was at `anchor` is
        from it now."""
        i = self._index_at(anchor)
        before = self._tops[i] if self.items and anchor > 0 else 0.0
        self._heights = [item.estimate(self.width) for item in self.items]
        self._stack(0)
        return self._tops[i] - before if self.items and anchor > 0 else 0.0

    def _stack(self, first: int) -> None:
        """Puts the items from `first` on under those before."""
        del self._tops[first:]
        y = 0.0
        if first and self._tops:
            y = self._tops[first - 1] + self._heights[first - 1] + self._gaps[first - 1]
        for i in range(first, len(self.items)):
            self._tops.append(y)
            y += self._heights[i] + self._gaps[i]
        self.height = self._tops[-1] + self._heights[-1] if self.items else 0.0

    def _index_at(self, y: float) -> int:
        return max(0, bisect_right(self._tops, y) - 1)

    # Seen as one item ----------------------------------------------------------------------------

    @property
    def length(self) -> int:
        starts = self._offsets()
        return starts[-1] + self.items[-1].length if starts else 0

    @property
    def is_right_to_left(self) -> bool:
        return bool(self.items) and self.items[0].is_right_to_left

    @property
    def waits(self) -> bool:
        return any(item.waits for item in self.items)

    def estimate(self, width: float) -> float:
        heights = [item.estimate(width) for item in self.items]
        return sum(heights) + sum(self._gaps)

    def _offsets(self) -> list[int]:
        if self._starts is None:
            self._starts, at = [], 0
            for item in self.items:
                self._starts.append(at)
                at += item.length + 1
        return self._starts

    def paint(self, painter: QPainter, top: float, bottom: float, marked: Marked) -> None:
        starts = self._offsets() if marked else []
        for i in range(self._index_at(top), len(self.items)):
            item, y = self.items[i], self._tops[i]
            if y > bottom:
                break
            if item.width < 0:
                continue
            inside: Marked = None
            if marked:
                inside = max(0, marked[0] - starts[i]), min(item.length, marked[1] - starts[i])
            painter.translate(0, y)
            item.paint(painter, top - y, bottom - y, inside)
            painter.translate(0, -y)

    def item_at(self, point: QPointF) -> tuple[int, QPointF]:
        """The item at or above `point`, and the point within it."""
        i = self._index_at(point.y())
        return i, QPointF(point.x(), point.y() - self._tops[i])

    def offset_at(self, point: QPointF) -> int:
        if not self.items:
            return 0
        i, inside = self.item_at(point)
        return self._offsets()[i] + self.items[i].offset_at(inside)

    def link_at(self, point: QPointF) -> str | None:
        if not self.items:
            return None
        i, inside = self.item_at(point)
        return self.items[i].link_at(inside) if inside.y() <= self._heights[i] else None

    def links(self) -> Iterator[Link]:
        for item, at in zip(self.items, self._offsets(), strict=True):
            yield from ((start + at, end + at, url) for start, end, url in item.links())

    def copied(self, start: int, end: int) -> str:
        text = ""
        for item, block, first in zip(self.items, self.blocks, self._offsets(), strict=True):
            if first <= end and first + item.length >= start:
                text += parting(block) if text else ""
                text += item.copied(max(0, start - first), min(item.length, end - first))
        return text

    def parts(self, first: int = 0) -> Iterator[tuple[WideItem, QPointF]]:
        """Those in the items from `first` on."""
        for i in range(first, len(self.items)):
            if self.items[i].width >= 0:
                for part, at in self.items[i].parts():
                    yield part, QPointF(at.x(), at.y() + self._tops[i])

    def top_of(self, i: int) -> float:
        """Where item `i` begins, or the end."""
        return self._tops[i] if i < len(self._tops) else self.height

    def item_around(self, offset: int) -> tuple[int, int, float]:
        """First and last offset of the item that holds `offset`, and where it stands."""
        starts = self._offsets()
        i = max(0, bisect_right(starts, offset) - 1)
        return starts[i], starts[i] + self.items[i].length, self._tops[i]


class _Inset(Item):
    """A flow that is moved in by `indent` px, with something in the margin."""

    indent: float

    def __init__(self, setting: Setting, blocks: Sequence[Block]) -> None:
        super().__init__(setting)
        self.flow = Flow(setting, blocks)

    @property
    def length(self) -> int:
        return self.flow.length

    @property
    def is_right_to_left(self) -> bool:
        return self.flow.is_right_to_left

    @property
    def waits(self) -> bool:
        return self.flow.waits

    @property
    def left(self) -> float:
        """Where the flow begins; the margin of right-to-left text is on the right."""
        return 0.0 if self.is_right_to_left else self.indent

    def estimate(self, width: float) -> float:
        return self.flow.estimate(width - self.indent)

    def lay_out(self, width: float) -> None:
        self.width = width
        self.flow.take_what_came()
        self.flow.lay_out(max(40.0, width - self.indent))
        self.height = max(self.flow.height, self.style.text.line_height)

    def take_blocks(self, blocks: Sequence[Block]) -> None:
        self.flow.replace_from(0, blocks)
        self.width = -1.0

    def paint(self, painter: QPainter, top: float, bottom: float, marked: Marked) -> None:
        self.paint_margin(painter)
        painter.translate(self.left, 0)
        self.flow.paint(painter, top, bottom, marked)
        painter.translate(-self.left, 0)

    def paint_margin(self, painter: QPainter) -> None:
        raise NotImplementedError

    def offset_at(self, point: QPointF) -> int:
        return self.flow.offset_at(point - QPointF(self.left, 0))

    def link_at(self, point: QPointF) -> str | None:
        return self.flow.link_at(point - QPointF(self.left, 0))

    def links(self) -> Iterator[Link]:
        return self.flow.links()

    def copied(self, start: int, end: int) -> str:
        return self.flow.copied(start, end)

    def parts(self) -> Iterator[tuple[WideItem, QPointF]]:
        return ((part, at + QPointF(self.left, 0)) for part, at in self.flow.parts())


class QuoteItem(_Inset):
    """Someone else's words, behind a bar."""

    indent = QUOTE_INDENT

    def __init__(self, setting: Setting, block: Quote) -> None:
        super().__init__(setting, block.blocks)

    def update(self, block: Block) -> bool:
        if not isinstance(block, Quote):
            return False
        self.take_blocks(block.blocks)
        return True

    def paint_margin(self, painter: QPainter) -> None:
        x = self.width - 3 if self.is_right_to_left else 0.0
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.style.hairline)
        painter.drawRoundedRect(QRectF(x, 2, 3, self.height - 4), 1.5, 1.5)
        painter.setBrush(Qt.BrushStyle.NoBrush)


class ListRow(_Inset):
    """An item of a list behind its mark."""

    def __init__(self, setting: Setting, block: ListItem) -> None:
        super().__init__(setting, block.blocks)
        self.block = block
        digits = max(2, len(str(block.number)) if block.number is not None else 0)
        self.indent = math.ceil(self._advance("0" * digits + ".")) + GRID

    def update(self, block: Block) -> bool:
        if not isinstance(block, ListItem) or block.number != self.block.number:
            return False
        self.block = block
        self.take_blocks(block.blocks)
        return True

    def _advance(self, text: str) -> float:
        return QFontMetricsF(self.style.text.font).horizontalAdvance(text)

    def paint_margin(self, painter: QPainter) -> None:
        face = self.style.text
        is_mirrored = self.is_right_to_left
        margin = QRectF(self.width - self.indent if is_mirrored else 0, 0, self.indent, self.height)
        middle = face.baseline - QFontMetricsF(face.font).xHeight() / 2
        painter.save()
        if self.block.is_checked is not None:
            self._paint_box(painter, margin, middle)
        elif self.block.number is not None:
            painter.setFont(face.font)
            painter.setPen(self.style.quiet)
            text = f"{self.block.number}."
            right = margin.right() - GRID - self._advance(text)
            x = margin.left() + GRID if is_mirrored else right
            painter.drawText(QPointF(x, face.baseline), text)
        else:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.style.quiet)
            size = face.font.pixelSize()
            x = margin.left() + 0.9 * size if is_mirrored else margin.right() - 0.9 * size
            painter.drawEllipse(QPointF(x, middle), 0.15 * size, 0.15 * size)
        painter.restore()

    def _paint_box(self, painter: QPainter, margin: QRectF, middle: float) -> None:
        side = round(self.style.text.font.pixelSize() * 14 / 15)
        x = margin.left() + 10 if self.is_right_to_left else margin.right() - 10 - side
        box = QRectF(x + 0.5, middle - side / 2, side, side)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.block.is_checked:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.style.accent)
            painter.drawRoundedRect(box, 4, 4)
            inner = box.adjusted(1, 1, -1, -1)
            paint_icon(painter, "check", inner, self.style.theme.on_accent)
        else:
            painter.setPen(QPen(self.style.quiet, 1.2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(0.6, 0.6, -0.6, -0.6), 3.5, 3.5)

    def copied(self, start: int, end: int) -> str:
        inside = super().copied(start, end)
        if start > 0 or not end:
            return inside
        number = self.block.number
        mark = "-" if number is None else f"{number}."
        box = {None: "", True: "[x] ", False: "[ ] "}[self.block.is_checked]
        return f"{mark} {box}" + inside.replace("\n", "\n" + " " * (len(mark) + 1))


def item_for(setting: Setting, block: Block) -> Item:
    """A new item that shows `block`."""
    match block:
        case Paragraph() | Heading():
            return WordsItem(setting, block)
        case CodeBlock():
            return CodeItem(setting, block)
        case MathsBlock():
            return FormulaItem(setting, block)
        case Rule():
            return RuleItem(setting)
        case Quote():
            return QuoteItem(setting, block)
        case ListItem():
            return ListRow(setting, block)
        case Table():
            return TableItem(setting, block)
