"""A button with a chevron after its words, because a menu opens from it."""

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPaintEvent
from PySide6.QtWidgets import QPushButton, QStyle, QStyleOptionButton, QWidget

from app.theme import GRID, LIGHT, Theme
from app.widgets.icons import paint_icon

_CHEVRON = 14 / 15  # of the text
_GAP = 4


class ChevronButton(QPushButton):
    """Painted by hand after the style's ground: Qt puts an icon before the words, not after."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme: Theme = LIGHT

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    @property
    def _chevron(self) -> int:
        return round(self.font().pixelSize() * _CHEVRON)

    def sizeHint(self) -> QSize:
        words = self.fontMetrics().horizontalAdvance(self.text())
        return QSize(words + _GAP + self._chevron + 2 * (GRID + 2), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(self._chevron + 8 * GRID, super().sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        option = QStyleOptionButton()
        self.initStyleOption(option)
        option.text, option.icon = "", QIcon()
        painter = QPainter(self)
        self.style().drawControl(QStyle.ControlElement.CE_PushButton, option, painter, self)
        words = QRectF(self.rect()).adjusted(GRID + 2, 0, -(GRID + 2 + self._chevron + _GAP), 0)
        shown = self.fontMetrics().elidedText(
            self.text(), Qt.TextElideMode.ElideMiddle, int(words.width()) + 1
        )
        painter.setPen(self.palette().buttonText().color())
        painter.drawText(words, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, shown)
        right = words.left() + self.fontMetrics().horizontalAdvance(shown) + _GAP
        size = self._chevron
        area = QRectF(right, (self.height() - size) / 2 + 0.5, size, size)
        paint_icon(painter, "chevron-down", area, self._theme.quiet)
        painter.end()
