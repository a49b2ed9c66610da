"""A place at the window's edge that folds a panel away sideways, without squeezing it."""

from PySide6.QtCore import QEasingCurve, QPropertyAnimation, QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

_MOTION_MS = 160


class Fold(QWidget):
    folded = Signal(bool)

    def __init__(self, panel: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._panel = panel
        self._width = panel.width()
        self._motion = QPropertyAnimation(self, b"maximumWidth", self)
        self._motion.setDuration(_MOTION_MS)
        self._motion.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._motion.finished.connect(self._settle)
        self.is_open = True
        self.reduce_motion = False
        panel.setParent(self)
        self.setMinimumWidth(0)
        self.setMaximumWidth(self._width)

    def sizeHint(self) -> QSize:
        return QSize(self._width, self._panel.sizeHint().height())

    def set_open(self, is_open: bool) -> None:
        if is_open == self.is_open:
            return
        self.is_open = is_open
        self.folded.emit(not is_open)
        self._motion.stop()
        if is_open:
            self.show()
        target = self._width if is_open else 0
        if self.reduce_motion or not self.window().isVisible():
            self.setMaximumWidth(target)
            self._settle()
            return
        self._motion.setStartValue(min(self.width(), self._width))
        self._motion.setEndValue(target)
        self._motion.start()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._panel.setGeometry(self.width() - self._width, 0, self._width, self.height())

    def _settle(self) -> None:
        self.setVisible(self.is_open)
