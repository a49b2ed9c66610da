"""The veil over the window while a document is dragged across it: "Drop to attach"."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app.style import text_font
from app.theme import GRID, LIGHT, TEXT_SIZE, Theme
from app.widgets.icons import paint_icon

_ICON = 28  # px


class DropTarget(QWidget):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self._theme: Theme = LIGHT
        self._text_size = TEXT_SIZE
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName("Drop to attach")
        self.hide()

    def set_appearance(self, theme: Theme, text_size: int) -> None:
        self._theme, self._text_size = theme, text_size

    def cover(self) -> None:
        """Over all of the parent, above everything in it."""
        self.setGeometry(self._window.rect())
        self.show()
        self.raise_()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        veil = QColor(theme.page)
        veil.setAlphaF(0.97)
        painter.fillRect(self.rect(), veil)
        area = QRectF(self.rect()).adjusted(GRID, GRID, -GRID, -GRID)
        painter.setPen(QPen(QColor(theme.accent), 1.5, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(area, 14, 14)
        middle = area.center()
        paint_icon(
            painter,
            "document",
            QRectF(middle.x() - _ICON / 2, middle.y() - _ICON - GRID / 2, _ICON, _ICON),
            theme.accent,
        )
        painter.setFont(text_font(self._text_size + 2))
        painter.setPen(QColor(theme.text))
        words = QRectF(area.left(), middle.y() + GRID / 2, area.width(), 3 * GRID)
        painter.drawText(words, Qt.AlignmentFlag.AlignCenter, "Drop to attach")
        painter.end()
