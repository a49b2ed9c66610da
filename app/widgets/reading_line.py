"""How far the model has read the prompt: "Reading… 512 of 900" over a thin line that fills."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.style import control_size, text_font
from app.theme import GRID, LIGHT, TEXT_SIZE, Theme

HEIGHT = 4 * GRID
_BAR = (20 * GRID, 2)  # px


class ReadingLine(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(HEIGHT)
        self.done = self.total = 0  # tokens
        self._theme: Theme = LIGHT
        self.set_appearance(LIGHT, TEXT_SIZE)
        self.set_progress(0, 0)

    def set_appearance(self, theme: Theme, text_size: int) -> None:
        self._theme = theme
        self.setFont(text_font(control_size(text_size)))
        self.update()

    def set_progress(self, done: int, total: int) -> None:
        """In tokens; a `total` of 0 is not known yet."""
        self.done, self.total = done, total
        self.setAccessibleName(self.words)
        self.update()

    @property
    def words(self) -> str:
        return f"Reading… {self.done:,} of {self.total:,}" if self.total else "Reading…"

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(self._theme.quiet))
        words = QRectF(0, 0, self.width(), HEIGHT - 2 * _BAR[1])
        painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter), self.words)
        if self.total:
            painter.setPen(Qt.PenStyle.NoPen)
            bar = QRectF(0, HEIGHT - _BAR[1], *_BAR)
            painter.setBrush(QColor(self._theme.hairline))
            painter.drawRoundedRect(bar, 1, 1)
            bar.setWidth(_BAR[0] * min(1.0, self.done / self.total))
            painter.setBrush(QColor(self._theme.accent))
            painter.drawRoundedRect(bar, 1, 1)
        painter.end()
