"""How hard the model thinks: a slider whose three stops have names, for eyes and screen readers.

Owns its drawing and its accessible value; says nothing about what an effort does.
"""

from typing import Any

from PySide6.QtCore import (
    QEasingCurve,
    QObject,
    QPointF,
    QRectF,
    QSize,
    Qt,
    QVariantAnimation,
    Signal,
)
from PySide6.QtGui import (
    QAccessible,
    QAccessibleInterface,
    QAccessibleValueInterface,
    QColor,
    QFont,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QAccessibleWidget, QSlider, QWidget

from app.chats.models import EFFORTS, Effort
from app.style import blend, caption_size, text_font
from app.theme import LIGHT, TEXT_SIZE, Theme

NAMES: dict[Effort, str] = {"low": "Low", "medium": "Medium", "high": "High"}
_MOTION_MS = 140
_KNOB = 6.0  # px, radius
_TRACK = 18  # px, the height below the names


class EffortSlider(QSlider):
    """Low, Medium, High: by click, drag, arrow keys or the letters l, m and h."""

    effort_changed = Signal(str)  # Effort, when the person chose one

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._theme: Theme = LIGHT
        self._text_size = TEXT_SIZE
        self._reduce_motion = False
        self._knob_at = 1.0  # stops, moving smoothly behind value()
        self._motion = QVariantAnimation(self, duration=_MOTION_MS)
        self._motion.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._motion.valueChanged.connect(self._move_knob)
        self.setRange(0, len(EFFORTS) - 1)
        self.setPageStep(1)
        self.setValue(EFFORTS.index("medium"))
        self.setAccessibleName("Effort")
        self.setAccessibleDescription("How long the model thinks before it answers")
        self.setToolTip("How long the model thinks before it answers")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.valueChanged.connect(self._start_motion)

    @property
    def effort(self) -> Effort:
        return EFFORTS[self.value()]

    def set_effort(self, effort: Effort) -> None:
        """Shows the chat's effort; tells nobody."""
        self.setValue(EFFORTS.index(effort))

    def set_appearance(self, theme: Theme, text_size: int) -> None:
        self._theme, self._text_size = theme, text_size
        self.updateGeometry()
        self.update()

    def set_reduced_motion(self, reduce: bool) -> None:
        self._reduce_motion = reduce

    def sizeHint(self) -> QSize:
        words = self._font(QFont.Weight.DemiBold)
        metrics = QFontMetrics(words)
        widest = max(metrics.horizontalAdvance(name) for name in NAMES.values())
        return QSize(3 * (widest + 14), metrics.height() + _TRACK)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def choose(self, stop: int) -> None:
        """Moves to a stop on the person's behalf."""
        stop = max(0, min(self.maximum(), stop))
        if stop != self.value():
            self.setValue(stop)
            self.effort_changed.emit(self.effort)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key
        steps = {key.Key_Left: -1, key.Key_Down: -1, key.Key_Right: 1, key.Key_Up: 1}
        stops = {key.Key_Home: 0, key.Key_End: 2, key.Key_L: 0, key.Key_M: 1, key.Key_H: 2}
        pressed = Qt.Key(event.key())
        if pressed in steps:
            self.choose(self.value() + steps[pressed])
        elif pressed in stops and not event.modifiers():
            self.choose(stops[pressed])
        else:
            event.ignore()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.choose(self._stop_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.choose(self._stop_at(event.position().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # scrolling past must not change how the model thinks

    def paintEvent(self, event: QPaintEvent) -> None:
        theme, painter = self._theme, QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        track = self.height() - 8.0
        first, last, knob = self._x(0), self._x(self.maximum()), self._x(self._knob_at)
        rest = blend(theme.quiet, theme.raised, 0.45)
        painter.setPen(QPen(QColor(rest), 2, c=Qt.PenCapStyle.RoundCap))
        painter.drawLine(QPointF(first, track), QPointF(last, track))
        painter.setPen(QPen(QColor(theme.accent), 2, c=Qt.PenCapStyle.RoundCap))
        painter.drawLine(QPointF(first, track), QPointF(knob, track))
        painter.setPen(Qt.PenStyle.NoPen)
        for stop in range(self.maximum() + 1):
            painter.setBrush(QColor(theme.accent if stop <= self._knob_at else rest))
            painter.drawEllipse(QPointF(self._x(stop), track), 2.5, 2.5)
        painter.setBrush(QColor(theme.accent))
        painter.drawEllipse(QPointF(knob, track), _KNOB, _KNOB)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(theme.text), 1.5))
            painter.drawEllipse(QPointF(knob, track), _KNOB, _KNOB)
        self._paint_names(painter)
        painter.end()

    def _paint_names(self, painter: QPainter) -> None:
        width = self.width() / 3
        for stop, effort in enumerate(EFFORTS):
            is_chosen = stop == self.value()
            weight = QFont.Weight.DemiBold if is_chosen else QFont.Weight.Normal
            painter.setFont(self._font(weight))
            painter.setPen(QColor(self._theme.text if is_chosen else self._theme.quiet))
            area = QRectF(stop * width, 0, width, self.height() - _TRACK)
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, NAMES[effort])

    def _font(self, weight: QFont.Weight) -> QFont:
        return text_font(caption_size(self._text_size), weight)

    def _x(self, stop: float) -> float:
        return (stop + 0.5) * self.width() / 3

    def _stop_at(self, x: float) -> int:
        return int(3 * x / max(1, self.width()))

    def _start_motion(self, value: int) -> None:
        self._motion.stop()
        if self._reduce_motion or not self.isVisible():
            self._move_knob(float(value))
            return
        self._motion.setStartValue(self._knob_at)
        self._motion.setEndValue(float(value))
        self._motion.start()

    def _move_knob(self, stop: float) -> None:
        self._knob_at = stop
        self.update()


class _SpokenValue(QAccessibleValueInterface):
    """The value as a screen reader gets it: the stop's name, where Qt would say 0, 1, 2."""

    def __init__(self, slider: EffortSlider) -> None:
        super().__init__()
        self._slider = slider

    def currentValue(self) -> Any:
        return NAMES[self._slider.effort]

    def setCurrentValue(self, value: Any) -> None:
        names = list(NAMES.values())
        self._slider.choose(names.index(value) if value in names else int(value))

    def minimumValue(self) -> Any:
        return self._slider.minimum()

    def maximumValue(self) -> Any:
        return self._slider.maximum()

    def minimumStepSize(self) -> Any:
        return 1


class _AccessibleEffort(QAccessibleWidget):
    def __init__(self, slider: EffortSlider) -> None:
        super().__init__(slider, QAccessible.Role.Slider, "Effort")
        self._slider = slider
        self._value = _SpokenValue(slider)

    def text(self, kind: QAccessible.Text) -> str:
        if kind == QAccessible.Text.Value:
            return NAMES[self._slider.effort]
        return super().text(kind)

    def interface_cast(self, kind: QAccessible.InterfaceType) -> Any:
        if kind == QAccessible.InterfaceType.ValueInterface:
            return self._value
        return super().interface_cast(kind)


def install_accessible_effort() -> None:
    """Lets screen readers hear the stops' names; once a process, after QApplication."""
    made: list[QAccessibleInterface] = []  # Qt holds the C++ side alone

    def make(key: str, target: QObject) -> QAccessibleInterface | None:
        if not isinstance(target, EffortSlider):
            return None
        made.append(_AccessibleEffort(target))
        return made[-1]

    QAccessible.installFactory(make)
