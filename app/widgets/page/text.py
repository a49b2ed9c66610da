"""Words in lines: a paragraph, a heading, a cell.

Owns how spans become glyphs: fonts, links, chips of code, formulas that sit on the baseline. The
direction is that of the first letter that has one.
"""

import unicodedata
from collections.abc import Iterator

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QPainter,
    QTextCharFormat,
    QTextLayout,
    QTextLine,
    QTextOption,
)

from app.markdown.blocks import FOUND, UNFOUNDED, Span, Spans
from app.widgets.page.glyphs import between, marked_range, units
from app.widgets.page.item import Item, Link, Marked, Setting
from app.widgets.page.maths import Formula, FormulaKey, paint_formula
from app.widgets.page.style import Face, PageStyle

_HOLDER = "\u00a0"  # keeps room in a line: for a formula, or beside code
_LINE_BREAK = "\u2028"
_MATHS_SCALE = 1.12  # the letters of the formulas' font are smaller than those of the text's
_CHIP_RADIUS = 4.0
_CHIP_PADDING = 3.0  # px
_UNBOUNDED = 1e6  # px


class TextItem(Item):
    """Spans set in one face."""

    def __init__(self, setting: Setting, spans: Spans, face: Face) -> None:
        super().__init__(setting)
        self.spans = spans
        self.face = face
        self.alignment = Qt.AlignmentFlag.AlignLeft
        self._text = ""
        self._sources: dict[int, str] = {}  # what is copied for a formula, by its offset
        self._formulas: dict[int, Formula] = {}
        self._chips: list[tuple[int, int]] = []
        self._links: list[Link] = []
        self._is_waiting = False
        self._layout: QTextLayout | None = None

    @property
    def length(self) -> int:
        self._shaped()
        return units(self._text)

    @property
    def is_right_to_left(self) -> bool:
        return _is_right_to_left("".join(s.text for s in self.spans if not s.maths)[:500])

    @property
    def waits(self) -> bool:
        return self._is_waiting

    def set_spans(self, spans: Spans) -> None:
        if spans != self.spans:
            self.spans = spans
            self.forget_layout()

    def forget_layout(self) -> None:
        self._layout = None
        self.width = -1.0

    def estimate(self, width: float) -> float:
        size = self.face.font.pixelSize()
        lines = sum(
            1 + int(len(line) * size * 0.52 / max(width, 1.0))
            for line in "".join(s.text for s in self.spans).split("\n")
        )
        return lines * self.face.line_height

    def natural_width(self) -> float:
        """Of the longest line, broken only where the author did; px."""
        return float(self._spread().maximumWidth()) + 1.0

    def narrowest_width(self) -> float:
        """Of the longest word, px."""
        self._shaped()
        metrics = QFontMetricsF(self.face.font)
        words = [metrics.horizontalAdvance(word) for word in self._text.split()]
        return max([0.0, *words, *(f.width for f in self._formulas.values())]) + 1.0

    def _spread(self) -> QTextLayout:
        """The layout, with lines of whatever width."""
        layout = self._shaped()
        if layout.lineCount() == 0:
            self._break_lines(layout, _UNBOUNDED)
        return layout

    def lay_out(self, width: float) -> None:
        if self._is_waiting:
            self._layout = None
        self._break_lines(self._shaped(), width)
        self.width = width

    def paint(self, painter: QPainter, top: float, bottom: float, marked: Marked) -> None:
        layout = self._shaped()
        self._paint_chips(painter, layout)
        selections = marked_range(*(marked or (0, 0)), self.style.marked_ground)
        painter.setPen(self.face.colour)
        layout.draw(painter, QPointF(0, 0), selections)
        for offset, formula in self._formulas.items():
            line = layout.lineForTextPosition(offset)
            if line.isValid() and line.y() <= bottom and line.y() + line.height() >= top:
                left = min(_x(line, offset), _x(line, offset + 1))
                baseline = line.y() + line.ascent()
                paint_formula(painter, formula, left, baseline, self.face.colour)

    def offset_at(self, point: QPointF) -> int:
        line = self._line_at(point.y())
        return line.xToCursor(point.x()) if line else 0

    def link_at(self, point: QPointF) -> str | None:
        line = self._line_at(point.y())
        if line is None or not line.naturalTextRect().contains(point.x(), line.y() + 1):
            return None
        offset = line.xToCursor(point.x(), QTextLine.CursorPosition.CursorOnCharacter)
        return next((url for start, end, url in self._links if start <= offset < end), None)

    def links(self) -> Iterator[Link]:
        self._shaped()
        return iter(self._links)

    def copied(self, start: int, end: int) -> str:
        self._shaped()
        pieces = []
        for offset in [at for at in sorted(self._sources) if start <= at < end]:
            pieces += [between(self._text, start, offset), self._sources[offset]]
            start = offset + 1
        return "".join([*pieces, between(self._text, start, end)]).replace(_LINE_BREAK, "\n")

    def _line_at(self, y: float) -> QTextLine | None:
        layout = self._shaped()
        for i in range(layout.lineCount()):
            line = layout.lineAt(i)
            if y < line.y() + line.height() + self._leading(line) or i + 1 == layout.lineCount():
                return line
        return None

    def _leading(self, line: QTextLine) -> float:
        return max(0.0, (self.face.line_height - line.height()) / 2)

    # Glyphs --------------------------------------------------------------------------------------

    def _shaped(self) -> QTextLayout:
        """The text with its formats; lines come with `lay_out`."""
        if self._layout is None:
            self._layout = self._shape()
        return self._layout

    def _shape(self) -> QTextLayout:
        self._formulas, self._sources = {}, {}
        self._chips, self._links = [], []
        self._is_waiting = False
        pieces: list[str] = []
        formats: list[QTextLayout.FormatRange] = []
        offset = 0
        for span in self.spans:
            start = offset
            for text, look in self._set(span, offset):
                length = units(text)
                if look is not None:
                    part = QTextLayout.FormatRange()
                    part.start, part.length, part.format = offset, length, look
                    formats.append(part)
                pieces.append(text)
                offset += length
            if span.code or _is_chip(span):
                self._chips.append((start, offset))
                ends = ("", "") if span.code else ("[", "]")
                self._sources |= {start: ends[0], offset - 1: ends[1]}
            if span.link:
                self._links.append((start, offset, span.link))
        self._text = "".join(pieces)
        layout = QTextLayout(self._text, self.face.font)
        layout.setTextOption(self._option())
        layout.setFormats(formats)
        layout.setCacheEnabled(True)
        return layout

    def _set(self, span: Span, offset: int) -> list[tuple[str, QTextCharFormat | None]]:
        """The characters that stand for `span`, and their look where it is not the face's own."""
        text = span.text.replace("\n", _LINE_BREAK)
        if span.code or _is_chip(span):
            padding = (_HOLDER, self._room(_CHIP_PADDING if span.code else 2 * _CHIP_PADDING))
            return [padding, (text, _look(span, self.face, self.style)), padding]
        if span.maths:
            return [self._set_maths(span, offset)]
        return [(text, _look(span, self.face, self.style))]

    def _set_maths(self, span: Span, offset: int) -> tuple[str, QTextCharFormat | None]:
        size = self.face.font.pixelSize() * _MATHS_SCALE
        key = FormulaKey(span.text, size, span.maths == "display")
        source = f"$${span.text}$$" if key.is_display else f"${span.text}$"
        formula = self.setting.workshop.formula(key)
        if formula is None:
            self._is_waiting |= not self.setting.workshop.is_hopeless(key)
            return source.replace("\n", " "), _look(Span("", code=True), self.face, self.style)
        self._formulas[offset] = formula
        self._sources[offset] = source
        return _HOLDER, self._room(formula.width)

    def _room(self, width: float) -> QTextCharFormat:
        """Makes the holder `width` px wide."""
        look = QTextCharFormat()
        look.setFontLetterSpacingType(QFont.SpacingType.AbsoluteSpacing)
        holder = QFontMetricsF(self.face.font).horizontalAdvance(_HOLDER)
        look.setFontLetterSpacing(width - holder)
        return look

    def _option(self) -> QTextOption:
        option = QTextOption()
        alignment = self.alignment
        if self.is_right_to_left:
            option.setTextDirection(Qt.LayoutDirection.RightToLeft)
            if alignment == Qt.AlignmentFlag.AlignLeft:
                alignment = Qt.AlignmentFlag.AlignRight
        option.setAlignment(alignment)
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        return option

    def _break_lines(self, layout: QTextLayout, width: float) -> None:
        """Lines on an even rhythm; one that a tall formula stands in gets the room it needs."""
        layout.beginLayout()
        top = 0.0
        while (line := layout.createLine()).isValid():
            line.setLineWidth(width)
            above, below = self._reach(line)
            baseline = top + max(self.face.baseline, above)
            line.setPosition(QPointF(0, baseline - line.ascent()))
            top = baseline + max(self.face.line_height - self.face.baseline, below)
        layout.endLayout()
        self.height = max(top, self.face.line_height)

    def _reach(self, line: QTextLine) -> tuple[float, float]:
        """How far the formulas in a line reach above and below its baseline."""
        if not self._formulas:
            return 0.0, 0.0
        start, end = line.textStart(), line.textStart() + line.textLength()
        inside = [f for offset, f in self._formulas.items() if start <= offset < end]
        above = max((f.ascent for f in inside), default=0.0)
        below = max((f.descent for f in inside), default=0.0)
        return float(round(above + 3)) if above else 0.0, float(round(below + 3)) if below else 0.0

    def _paint_chips(self, painter: QPainter, layout: QTextLayout) -> None:
        if not self._chips:
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.style.chip_ground)
        metrics = QFontMetricsF(self.style.code.font)
        above, below = metrics.ascent() + 1, metrics.descent() + 1
        for i in range(layout.lineCount()):
            line = layout.lineAt(i)
            first, last = line.textStart(), line.textStart() + line.textLength()
            for start, end in self._chips:
                if start < last and end > first:
                    a, b = _x(line, max(start, first)), _x(line, min(end, last))
                    baseline = line.y() + line.ascent()
                    box = QRectF(min(a, b), baseline - above, abs(b - a), above + below)
                    painter.drawRoundedRect(box, _CHIP_RADIUS, _CHIP_RADIUS)
        painter.setBrush(Qt.BrushStyle.NoBrush)


def _is_chip(span: Span) -> bool:
    """Whether it is a citation."""
    return span.link is not None and span.link.startswith((FOUND, UNFOUNDED))


def _look(span: Span, face: Face, style: PageStyle) -> QTextCharFormat | None:
    if not (span.bold or span.italic or span.strike or span.code or span.link):
        return None
    look = QTextCharFormat()
    if span.code:
        look.setFontFamilies(style.code.font.families())
        look.setProperty(QTextCharFormat.Property.FontPixelSize, style.code.font.pixelSize())
        look.setFontStyleHint(QFont.StyleHint.Monospace)
    if span.bold:
        look.setFontWeight(QFont.Weight.DemiBold)
    if span.italic:
        look.setFontItalic(True)
    if span.strike:
        look.setFontStrikeOut(True)
    if _is_chip(span):
        look.setProperty(QTextCharFormat.Property.FontPixelSize, style.caption.font.pixelSize())
        is_founded = str(span.link).startswith(FOUND)
        look.setForeground(style.accent if is_founded else style.danger)
    elif span.link:
        look.setForeground(style.accent)
        look.setFontUnderline(True)
        line = QColor(style.accent)
        line.setAlphaF(0.4)
        look.setUnderlineColor(line)
    return look


def _x(line: QTextLine, offset: int) -> float:
    """Where in the line a character begins."""
    found: object = line.cursorToX(offset)  # PySide gives (x, offset), its stubs say otherwise
    return float(found[0]) if isinstance(found, tuple) else 0.0


def _is_right_to_left(text: str) -> bool:
    for character in text:
        direction = unicodedata.bidirectional(character)
        if direction in ("R", "AL"):
            return True
        if direction == "L":
            return False
    return False
