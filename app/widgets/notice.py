"""A quiet word that something was done, with the chance to take it back; it leaves by itself."""

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from app.theme import GRID
from app.widgets.announcement import announce

STAYS_MS = 8000


class Notice(QFrame):
    """Floats over its parent; `place_above` says where."""

    acted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("notice")
        self._words = QLabel()
        self._words.setTextFormat(Qt.TextFormat.PlainText)
        self.action = QPushButton()
        self.action.setProperty("kind", "link")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID // 2, GRID, GRID // 2)
        layout.setSpacing(GRID)
        layout.addWidget(self._words)
        layout.addWidget(self.action)
        self._leave = QTimer(self, singleShot=True, interval=STAYS_MS)
        self._leave.timeout.connect(self._go)
        self.action.clicked.connect(self._act)
        self._foot = QPoint()
        self.hide()

    @property
    def text(self) -> str:
        return self._words.text()

    def say(self, words: str, action: str = "") -> None:
        metrics = self._words.fontMetrics()
        self._words.setText(metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, 320))
        self.action.setText(action)
        self.action.setVisible(bool(action))
        self.show()
        self.raise_()
        self._move()
        self._leave.start()
        announce(self, words)

    def place_above(self, foot: QPoint) -> None:
        """Centres the notice over a point of its parent."""
        self._foot = foot
        self._move()

    def enterEvent(self, event: QEnterEvent) -> None:
        self._leave.stop()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._leave.start()
        super().leaveEvent(event)

    def _go(self) -> None:
        """Not while the keyboard is on its button."""
        if self.action.hasFocus():
            self._leave.start()
        else:
            self.hide()

    def _act(self) -> None:
        self.hide()
        self.acted.emit()

    def _move(self) -> None:
        self.adjustSize()
        self.move(self._foot.x() - self.width() // 2, self._foot.y() - self.height())
