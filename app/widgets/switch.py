"""On or off, drawn as a Mac's switch; a check box to the keyboard and the screen reader."""

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QCheckBox, QWidget

from app.style import blend
from app.theme import LIGHT, Theme

_SIZE = QSize(36, 22)


class Switch(QCheckBox):
    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme: Theme = LIGHT
        self.setAccessibleName(name)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def sizeHint(self) -> QSize:
        return _SIZE

    def hitButton(self, place: QPoint) -> bool:
        return self.rect().contains(place)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pill = QRectF(1, (self.height() - 20) / 2, 34, 20)
        off = blend(theme.quiet, theme.page, 0.55)
        painter.setPen(QPen(QColor(theme.text), 1.5) if self.hasFocus() else Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.accent if self.isChecked() else off))
        painter.drawRoundedRect(pill, 10, 10)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor("#ffffff" if not theme.is_dark else theme.page))
        x = pill.right() - 10 if self.isChecked() else pill.left() + 10
        painter.drawEllipse(QPointF(x, pill.center().y()), 8, 8)
        painter.end()
