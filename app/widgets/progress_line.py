"""A thin line that fills while a model is opened. Takes its two pixels always, so nothing jumps."""

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.theme import LIGHT, Theme

_HEIGHT = 2  # px


class ProgressLine(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(_HEIGHT)
        self.setAccessibleName("Loading")
        self.theme: Theme = LIGHT
        self.share: float | None = None  # 0 … 1, None while nothing is loaded

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self.update()

    def set_share(self, share: float | None) -> None:
        self.share = share
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.share is None:
            return
        painter = QPainter(self)
        area = QRectF(0, 0, max(0.02, self.share) * self.width(), _HEIGHT)
        painter.fillRect(area, QColor(self.theme.accent))
        painter.end()
