"""A small button without a ground: an icon, words, or both, in the quiet colour until it is meant.

It can be concealed: then it takes its place and the keyboard's focus, but is not painted, so that a
row of actions can appear under the pointer without anything moving.
"""

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QFocusEvent,
    QFontMetrics,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QAbstractButton, QWidget

from app.style import control_size, icon_size, text_font
from app.theme import GRID, LIGHT, TEXT_SIZE, Theme
from app.widgets.icons import IconName, paint_icon

HEIGHT = 3 * GRID + 4
_RADIUS = 7.0
_KEYBOARD = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)


class QuietButton(QAbstractButton):
    def __init__(
        self, icon: IconName | None, words: str, name: str, parent: QWidget | None = None
    ) -> None:
        """`name` is what a screen reader says and, without words, the tooltip."""
        super().__init__(parent)
        self.icon_name = icon
        self.is_tinted = False  # in the accent: what is to be found without looking for it
        self.is_raised = False  # on a ground of its own, with a hairline around it
        self._theme: Theme = LIGHT
        self._is_concealed = False
        self._shows_focus = False
        self.setText(words)
        self.set_name(name)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.set_appearance(LIGHT, TEXT_SIZE)

    def set_name(self, name: str) -> None:
        self.setAccessibleName(name)
        self.setToolTip("" if self.text() else name)

    def set_appearance(self, theme: Theme, text_size: int) -> None:
        self._theme, self._icon = theme, icon_size(text_size)
        self.setFont(text_font(control_size(text_size)))
        self.updateGeometry()
        self.update()

    def set_concealed(self, is_concealed: bool) -> None:
        if is_concealed != self._is_concealed:
            self._is_concealed = is_concealed
            self.update()

    @property
    def is_concealed(self) -> bool:
        return self._is_concealed and not self.hasFocus()

    def sizeHint(self) -> QSize:
        words = QFontMetrics(self.font()).horizontalAdvance(self.text())
        icon = self._icon if self.icon_name else 0
        between = 6 if words and icon else 0
        margin = GRID if words else (HEIGHT - self._icon) // 2
        return QSize(margin * 2 + icon + between + words, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.is_concealed:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme, is_over = self._theme, self.underMouse() and self.isEnabled()
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        radius = box.height() / 2 if self.is_raised else _RADIUS
        ground = theme.selected if self.isDown() else theme.hover if is_over else theme.raised
        if self.is_raised or is_over or self.isDown():
            painter.setPen(QPen(QColor(theme.hairline), 1) if self.is_raised else Qt.PenStyle.NoPen)
            painter.setBrush(QColor(ground))
            painter.drawRoundedRect(box, radius, radius)
        if self._shows_focus:
            painter.setPen(QPen(QColor(theme.accent), 1.5))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
        resting = theme.accent if self.is_tinted else theme.quiet
        colour = theme.text if is_over or self._shows_focus else resting
        if not self.isEnabled():
            painter.setOpacity(0.4)
        self._paint_words(painter, colour)
        painter.end()

    def _paint_words(self, painter: QPainter, colour: str) -> None:
        left = float(GRID if self.text() else (self.width() - self._icon) / 2)
        if self.icon_name:
            size = self._icon
            top = (self.height() - size) / 2
            paint_icon(painter, self.icon_name, QRectF(left, top, size, size), colour)
            left += size + 6
        painter.setPen(QColor(colour))
        words = QRectF(left, 0, self.width() - left, self.height())
        painter.drawText(words, int(Qt.AlignmentFlag.AlignVCenter), self.text())

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._shows_focus = event.reason() in _KEYBOARD
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._shows_focus = False
        super().focusOutEvent(event)
