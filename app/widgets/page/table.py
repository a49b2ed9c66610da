"""A table: cells on hairlines, as wide as its words need, scrolled sideways if that is too wide.

Owns the widths of columns. Cells keep their layout while rows are added below them.
"""

from collections.abc import Iterator

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from app.markdown.blocks import Alignment, Block, Spans, Table
from app.theme import GRID
from app.widgets.page.item import Link, Marked, Setting, WideItem
from app.widgets.page.text import TextItem

GAP = 3.0 * GRID  # between two columns
PADDING = 1.0 * GRID  # above and below the words of a row
WIDEST = 320.0  # px, a column where the table has to be scrolled anyway
SCROLLED = 1.15  # a table this much too wide is squeezed no further than its words allow

_ALIGNMENTS: dict[Alignment, Qt.AlignmentFlag] = {
    "left": Qt.AlignmentFlag.AlignLeft,
    "center": Qt.AlignmentFlag.AlignHCenter,
    "right": Qt.AlignmentFlag.AlignRight,
}


class TableItem(WideItem):
    def __init__(self, setting: Setting, block: Table) -> None:
        super().__init__(setting)
        self.block = block
        self._rows: list[list[TextItem]] = []
        self._columns: list[float] = []  # widths, px
        self._tops: list[float] = [0.0]  # of the rows, and the end
        self._fill()

    @property
    def length(self) -> int:
        return sum(cell.length + 1 for row in self._rows for cell in row) - 1

    @property
    def waits(self) -> bool:
        return any(cell.waits for row in self._rows for cell in row)

    def update(self, block: Block) -> bool:
        if not isinstance(block, Table) or block.alignments != self.block.alignments:
            return False
        if block != self.block:
            self.block = block
            self._fill()
            self.width = -1.0
        return True

    def estimate(self, width: float) -> float:
        return len(self._rows) * (self.style.text.line_height + 2 * PADDING)

    def lay_out(self, width: float) -> None:
        if self.waits:
            for cell in self._cells():
                if cell.waits:
                    cell.forget_layout()
        self.width = width
        self._columns = self._fit(width)
        self.text_width = sum(self._columns) + GAP * (len(self._columns) - 1)
        self._tops = [0.0]
        for row in self._rows:
            for cell, column in zip(row, self._columns, strict=True):
                if cell.width != column:
                    cell.lay_out(column)
            self._tops.append(self._tops[-1] + max(c.height for c in row) + 2 * PADDING)
        self.height = self._tops[-1]
        self.scroll_to(self.scrolled)

    def _fill(self) -> None:
        """Cells for the block; a cell that says the same as before stays."""
        for r, spans in enumerate([self.block.header, *self.block.rows]):
            if r < len(self._rows):
                for cell, new in zip(self._rows[r], spans, strict=True):
                    cell.set_spans(new)
            else:
                self._rows.append([self._cell(r, c, new) for c, new in enumerate(spans)])
        del self._rows[1 + len(self.block.rows) :]

    def _cell(self, row: int, column: int, spans: Spans) -> TextItem:
        face = self.style.text if row else self.style.table_head
        cell = TextItem(self.setting, spans, face)
        cell.alignment = _ALIGNMENTS[self.block.alignments[column]]
        return cell

    def _cells(self) -> Iterator[TextItem]:
        return (cell for row in self._rows for cell in row)

    def _fit(self, width: float) -> list[float]:
        """Widths of the columns: natural if there is room, else the widest give way first."""
        columns = list(zip(*self._rows, strict=True))
        natural = [max(cell.natural_width() for cell in column) for column in columns]
        spare = width - sum(natural) - GAP * (len(columns) - 1)
        if spare >= 0:
            return natural
        least = [max(cell.narrowest_width() for cell in column) for column in columns]
        room = width - GAP * (len(columns) - 1)
        if sum(least) > room:
            return [
                max(low, min(high, WIDEST * SCROLLED)) if low < WIDEST else high
                for low, high in zip(least, natural, strict=True)
            ]
        return _squeezed(natural, least, room)

    # Painting ------------------------------------------------------------------------------------

    def paint(self, painter: QPainter, top: float, bottom: float, marked: Marked) -> None:
        painter.save()
        painter.setClipRect(QRectF(0, 0, self.width, self.height), Qt.ClipOperation.IntersectClip)
        painter.translate(-self.scrolled, 0)
        offset = 0
        for r, row in enumerate(self._rows):
            begins, ends = self._tops[r], self._tops[r + 1]
            if begins <= bottom and ends >= top:
                self._paint_row(painter, r, offset, marked)
            offset += sum(cell.length + 1 for cell in row)
        painter.restore()

    def _paint_row(self, painter: QPainter, r: int, offset: int, marked: Marked) -> None:
        y, left = self._tops[r] + PADDING, 0.0
        for cell, column in zip(self._rows[r], self._columns, strict=True):
            inside = None
            if marked:
                inside = (max(0, marked[0] - offset), min(cell.length, marked[1] - offset))
            painter.translate(left, y)
            cell.paint(painter, 0, cell.height, inside)
            painter.translate(-left, -y)
            left += column + GAP
            offset += cell.length + 1
        if r + 1 < len(self._rows):
            colour = self.style.quiet if r == 0 else self.style.hairline
            line = QRectF(0, self._tops[r + 1] - 1, self.text_width, 1)
            painter.setOpacity(0.5 if r == 0 else 1.0)
            painter.fillRect(line, colour)
            painter.setOpacity(1.0)

    # Pointing and copying ------------------------------------------------------------------------

    def _cell_at(self, point: QPointF) -> tuple[TextItem, QPointF, int]:
        """The cell nearest to `point`, the point within it, and its first offset."""
        r = max(0, sum(1 for top in self._tops[1:-1] if top <= point.y()))
        offset = sum(cell.length + 1 for row in self._rows[:r] for cell in row)
        x = point.x() + self.scrolled
        left = 0.0
        row = self._rows[r]
        for c, cell in enumerate(row):
            if x < left + self._columns[c] + GAP / 2 or c + 1 == len(row):
                return cell, QPointF(x - left, point.y() - self._tops[r] - PADDING), offset
            left += self._columns[c] + GAP
            offset += cell.length + 1
        raise AssertionError("a table has columns")

    def offset_at(self, point: QPointF) -> int:
        cell, inside, offset = self._cell_at(point)
        return offset + cell.offset_at(inside)

    def link_at(self, point: QPointF) -> str | None:
        cell, inside, _ = self._cell_at(point)
        return cell.link_at(inside)

    def links(self) -> Iterator[Link]:
        offset = 0
        for cell in self._cells():
            yield from ((start + offset, end + offset, url) for start, end, url in cell.links())
            offset += cell.length + 1

    def copied(self, start: int, end: int) -> str:
        """Tabs between cells: a spreadsheet takes it."""
        lines, offset = [], 0
        for row in self._rows:
            texts = []
            for cell in row:
                first, last = max(0, start - offset), min(cell.length, end - offset)
                if last >= first and offset <= end:
                    texts.append(cell.copied(first, last).replace("\n", " "))
                offset += cell.length + 1
            if texts:
                lines.append("\t".join(texts))
        return "\n".join(lines)


def _squeezed(natural: list[float], least: list[float], room: float) -> list[float]:
    """Natural widths cut to one limit, so that they fill `room`; none below its least."""
    low, high = 0.0, max(natural)
    for _ in range(30):  # to a fraction of a pixel
        limit = (low + high) / 2
        total = sum(max(a, min(n, limit)) for n, a in zip(natural, least, strict=True))
        low, high = (limit, high) if total < room else (low, limit)
    return [max(a, min(n, low)) for n, a in zip(natural, least, strict=True)]
