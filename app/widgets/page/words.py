"""The plain blocks: paragraph, heading, rule, and a formula on a line of its own.

Owns how each is made of text and lines; `text.py` sets the text.
"""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from app.markdown.blocks import Block, Heading, MathsBlock, Paragraph, Rule, Span
from app.theme import GRID
from app.widgets.page.item import Item, Marked, Setting, WideItem
from app.widgets.page.maths import Formula, FormulaKey, paint_formula
from app.widgets.page.text import TextItem

_DISPLAY_SCALE = 1.2  # the size of a displayed formula against the text


class WordsItem(TextItem):
    """A paragraph or a heading."""

    def __init__(self, setting: Setting, block: Paragraph | Heading) -> None:
        style = setting.style
        face = style.heading(block.level) if isinstance(block, Heading) else style.text
        super().__init__(setting, block.spans, face)
        self.kind: type[Block] = type(block)
        self.level = block.level if isinstance(block, Heading) else 0

    def update(self, block: Block) -> bool:
        level = block.level if isinstance(block, Heading) else 0
        if not isinstance(block, Paragraph | Heading) or level != self.level:
            return False
        self.set_spans(block.spans)
        return True


class RuleItem(Item):
    """A line across the column."""

    def update(self, block: Block) -> bool:
        return isinstance(block, Rule)

    def estimate(self, width: float) -> float:
        return 1.0

    def lay_out(self, width: float) -> None:
        self.width, self.height = width, 1.0

    def paint(self, painter: QPainter, top: float, bottom: float, marked: Marked) -> None:
        painter.fillRect(QRectF(0, 0, self.width, 1), self.style.hairline)


class FormulaItem(WideItem):
    """A displayed formula, in the middle of the column; its source where it can't be drawn."""

    def __init__(self, setting: Setting, block: MathsBlock) -> None:
        super().__init__(setting)
        self.block = block
        size = self.style.text.font.pixelSize() * _DISPLAY_SCALE
        self._key = FormulaKey(block.source, size, True)
        self._formula: Formula | None = None
        self._source = TextItem(setting, (Span(f"$$\n{block.source}\n$$"),), self.style.code)

    @property
    def length(self) -> int:
        return 1 if self._formula else self._source.length

    @property
    def waits(self) -> bool:
        return self._formula is None and not self.setting.workshop.is_hopeless(self._key)

    def update(self, block: Block) -> bool:
        return block == self.block

    def estimate(self, width: float) -> float:
        return self._source.estimate(width)

    def lay_out(self, width: float) -> None:
        self.width = width
        self._formula = self.setting.workshop.formula(self._key)
        self.text_width = self._formula.width if self._formula else 0.0
        self.scroll_to(self.scrolled)
        if self._formula:
            self.height = round(self._formula.ascent + self._formula.descent + GRID)
        else:
            self._source.lay_out(width)
            self.height = self._source.height

    def paint(self, painter: QPainter, top: float, bottom: float, marked: Marked) -> None:
        formula = self._formula
        if formula is None:
            self._source.paint(painter, top, bottom, marked)
            return
        if marked and marked[0] < marked[1]:
            painter.fillRect(QRectF(0, 0, self.width, self.height), self.style.marked_ground)
        painter.save()
        painter.setClipRect(QRectF(0, 0, self.width, self.height), Qt.ClipOperation.IntersectClip)
        left = max(0.0, (self.width - formula.width) / 2) - self.scrolled
        baseline = round(formula.ascent + GRID / 2)
        paint_formula(painter, formula, left, baseline, self.style.ink)
        painter.restore()

    def offset_at(self, point: QPointF) -> int:
        if self._formula is None:
            return self._source.offset_at(point)
        return 1 if point.x() > self.width / 2 else 0

    def copied(self, start: int, end: int) -> str:
        if self._formula is None:
            return self._source.copied(start, end)
        return f"$$\n{self.block.source}\n$$" if end > start else ""
