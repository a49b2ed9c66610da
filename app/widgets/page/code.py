"""A block of code: its language, its lines, coloured when the colours are there.

Owns a panel that scrolls sideways by itself. Lines all have one height, so only those in view are
ever made into glyphs, and a line more costs the same however many there are.
"""

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QTextCharFormat,
    QTextLayout,
    QTextOption,
)

from app.markdown.blocks import Block, CodeBlock
from app.theme import GRID
from app.widgets.page.colouring import Coloured, Line, Run, colour_code, is_fresh_start
from app.widgets.page.glyphs import between, marked_range, units
from app.widgets.page.item import Marked, Setting, WideItem

PADDING = 2.0 * GRID
HEADER = 4.5 * GRID  # language and copy button
RADIUS = 8.0
READ_AGAIN = 60  # lines; of a longer text only the end is coloured again while it grows
COLOURED = 200_000  # characters; longer code stays plain


class CodeItem(WideItem):
    """Code as it was written, without wrapping."""

    def __init__(self, setting: Setting, block: CodeBlock) -> None:
        super().__init__(setting)
        self.block = block
        self._lines: list[str] = []
        self._starts: list[int] = []  # of the lines, in characters
        self._colours: list[Line] = []
        self._settled = 0  # lines whose colours stand
        self._coloured_text: str | None = None
        self._was_cut = False  # colours were made in pieces
        self._glyphs: dict[int, QTextLayout] = {}
        self._advance = QFontMetricsF(self.style.code.font).horizontalAdvance("0")
        self._take(block)

    @property
    def length(self) -> int:
        return self._starts[-1] + len(self._lines[-1])

    @property
    def job(self) -> tuple[str, int]:
        """The name of the colouring that is under way."""
        return "colours", id(self)

    @property
    def colours(self) -> tuple[Line, ...]:
        """Of the lines, as far as they have come."""
        return tuple(self._colours)

    @property
    def view_width(self) -> float:
        """For the lines, px."""
        return self.width - 2 * PADDING

    def update(self, block: Block) -> bool:
        if not isinstance(block, CodeBlock) or block.language != self.block.language:
            return False
        if block == self.block:
            return True
        self._take(block)
        self.width = -1.0
        return True

    def estimate(self, width: float) -> float:
        return HEADER + len(self._lines) * self.style.code.line_height + PADDING

    def lay_out(self, width: float) -> None:
        self.width = width
        self.height = self.estimate(width)
        self.scroll_to(self.scrolled)
        self._colour()

    def _take(self, block: CodeBlock) -> None:
        """Takes over the text; lines that have not changed keep what was made of them."""
        lines = block.text.split("\n")
        kept = max(0, len(self._lines) - 1)
        if not (kept and block.text.startswith(self.block.text)):
            kept = 0
            self.text_width, self._settled, self._was_cut = 0.0, 0, False
            self._colours.clear()
            self._glyphs.clear()
        for i in range(kept, len(self._lines)):
            self._glyphs.pop(i, None)
        del self._lines[kept:], self._starts[kept:]
        start = self._starts[-1] + len(self._lines[-1]) + 1 if kept else 0
        metrics = QFontMetricsF(self.style.code.font)
        for line in lines[kept:]:
            self._lines.append(line)
            self._starts.append(start)
            start += len(line) + 1
            plain = line.isascii() and "\t" not in line
            width = len(line) * self._advance if plain else metrics.horizontalAdvance(line) * 1.1
            self.text_width = max(self.text_width, width + line.count("\t") * 8 * self._advance)
        self.block = block

    # Colours -------------------------------------------------------------------------------------

    def _colour(self) -> None:
        """Orders colours for what has none yet; while they come, the old ones serve."""
        block, theme = self.block, self.style.theme
        is_last = block.is_closed and self._was_cut
        if block.text == self._coloured_text and not is_last:
            return
        if not block.language or len(block.text) > COLOURED:
            return
        first = 0 if is_last else self._settled
        text = "\n".join(self._lines[first:])
        whole = block.text

        def deliver(result: object) -> None:
            if isinstance(result, Coloured):
                self._wear(result, first, whole, is_last)

        self.setting.workshop.order(
            self.job,
            lambda: colour_code(block.language, text, theme.pygments_style, theme.code, theme.text),
            deliver,
        )

    def _wear(self, coloured: Coloured, first: int, text: str, is_last: bool) -> None:
        """Puts the colours for the lines from `first` on; they were made from `text`."""
        self._coloured_text = text
        self._was_cut = self._was_cut and not is_last
        if not self.block.text.startswith(text):
            return
        for i, line in enumerate(coloured.lines, first):
            if i >= len(self._colours):
                self._colours.append(())
            if self._colours[i] != line:
                self._colours[i] = line
                self._glyphs.pop(i, None)
        cut = first + coloured.settled
        if not self.block.is_closed and cut - self._settled > READ_AGAIN:
            while cut > self._settled and not is_fresh_start(self._lines[cut]):
                cut -= 1
            self._was_cut |= cut > self._settled
            self._settled = cut
        self._colour()

    # Painting ------------------------------------------------------------------------------------

    def paint(self, painter: QPainter, top: float, bottom: float, marked: Marked) -> None:
        style = self.style
        panel = QRectF(0, 0, self.width, self.height)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(style.code_ground)
        painter.drawRoundedRect(panel, RADIUS, RADIUS)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        self._paint_label(painter)
        painter.save()
        painter.setClipRect(panel, Qt.ClipOperation.IntersectClip)
        pitch = style.code.line_height
        first = max(0, int((top - HEADER) / pitch))
        last = min(len(self._lines), int((bottom - HEADER) / pitch) + 1)
        painter.setPen(style.code.colour)
        for i in range(first, last):
            self._paint_line(painter, i, marked)
        painter.restore()

    def _paint_label(self, painter: QPainter) -> None:
        caption = self.style.caption
        painter.setFont(caption.font)
        painter.setPen(caption.colour)
        box = QRectF(PADDING, 0, self.width - 2 * PADDING - 4 * GRID, HEADER)
        flags = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.drawText(box, int(flags), self.block.language[:40])

    def _paint_line(self, painter: QPainter, i: int, marked: Marked) -> None:
        layout = self._line(i)
        first, last = (
            units(self._lines[i][: max(0, offset - self._starts[i])]) for offset in marked or (0, 0)
        )
        selections = marked_range(first, last, self.style.marked_ground)
        line = layout.lineAt(0)
        baseline = HEADER + i * self.style.code.line_height + self.style.code.baseline
        layout.draw(painter, QPointF(PADDING - self.scrolled, baseline - line.ascent()), selections)

    def _line(self, i: int) -> QTextLayout:
        """The glyphs of a line."""
        layout = self._glyphs.get(i)
        if layout is None:
            if len(self._glyphs) > 400:
                self._glyphs.clear()
            layout = self._glyphs[i] = self._shape(i)
        return layout

    def _shape(self, i: int) -> QTextLayout:
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.NoWrap)
        option.setTabStopDistance(4 * self._advance)
        option.setTextDirection(Qt.LayoutDirection.LeftToRight)
        layout = QTextLayout(self._lines[i], self.style.code.font)
        layout.setTextOption(option)
        if i < len(self._colours):
            layout.setFormats([_format(self._lines[i], run) for run in self._colours[i]])
        layout.beginLayout()
        layout.createLine().setLineWidth(1e6)
        layout.endLayout()
        layout.setCacheEnabled(True)
        return layout

    # Pointing and copying ------------------------------------------------------------------------

    def offset_at(self, point: QPointF) -> int:
        i = int((point.y() - HEADER) / self.style.code.line_height)
        if i < 0:
            return 0
        if i >= len(self._lines):
            return self.length
        offset = self._line(i).lineAt(0).xToCursor(point.x() - PADDING + self.scrolled)
        return self._starts[i] + len(between(self._lines[i], 0, offset))

    def copied(self, start: int, end: int) -> str:
        return self.block.text[start:end]


def _format(line: str, run: Run) -> QTextLayout.FormatRange:
    column, length, look = run
    part = QTextLayout.FormatRange()
    part.start = units(line[:column])
    part.length = units(line[: column + length]) - part.start
    style = QTextCharFormat()
    style.setForeground(QColor(look.colour))
    if look.is_bold:
        style.setFontWeight(QFont.Weight.DemiBold)
    style.setFontItalic(look.is_italic)
    part.format = style
    return part
