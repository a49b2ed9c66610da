"""A calm line above the conversation that says what went wrong, with a way out beside it.

Owns which problems stand; what the button does is decided where the signal is heard.
"""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QToolButton,
    QWidget,
)

from app.problem import Problem
from app.theme import GRID, Theme
from app.widgets.announcement import announce
from app.widgets.icons import icon, icon_pixmap

_ICON = 16  # px
_GAP = GRID + 2


class Banner(QFrame):
    action_requested = Signal(str)  # ActionKey

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self._problems: dict[str, Problem] = {}  # by topic, the latest last
        self._picture = QLabel()
        self._words = QLabel()
        self._words.setWordWrap(True)
        self._words.setTextFormat(Qt.TextFormat.PlainText)
        self._words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.action = QPushButton()
        self.action.setProperty("kind", "link")
        self.close_button = QToolButton()
        self.close_button.setProperty("kind", "flat")
        self.close_button.setAccessibleName("Dismiss")
        self._layout = layout = QGridLayout(self)
        layout.setContentsMargins(GRID + 6, GRID, GRID, GRID)
        layout.setHorizontalSpacing(_GAP)
        layout.setVerticalSpacing(0)
        layout.setColumnStretch(1, 1)
        layout.addWidget(self._picture, 0, 0)
        layout.addWidget(self._words, 0, 1)
        layout.addWidget(self.close_button, 0, 3)
        # Below, its words in line with the others, and its ring around them.
        self._below = QHBoxLayout()
        self._below.addSpacing(_ICON + _GAP - 7)
        layout.addLayout(self._below, 1, 0, 1, 3)
        self._place_action()
        self.action.clicked.connect(self._act)
        self.close_button.clicked.connect(self._dismiss)
        self.hide()

    @property
    def text(self) -> str:
        return self._words.text() if self._problems else ""

    def set_theme(self, theme: Theme) -> None:
        self._picture.setPixmap(icon_pixmap("warning", theme.text, _ICON))
        self.close_button.setIcon(icon("close", theme.quiet))

    def show_problem(self, problem: Problem) -> None:
        """A newer problem of a topic replaces the older one."""
        self._problems.pop(problem.topic, None)
        self._problems[problem.topic] = problem
        self._refresh()
        announce(self, problem.text)

    def solve(self, topic: str) -> None:
        if self._problems.pop(topic, None):
            self._refresh()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_action()

    def _place_action(self) -> None:
        """Beside the words, or below them where it would take their room."""
        if self.width() < 4 * self.action.sizeHint().width():
            self._below.addWidget(self.action, 0, Qt.AlignmentFlag.AlignLeft)
        else:
            self._layout.addWidget(self.action, 0, 2)

    def _current(self) -> Problem | None:
        return next(reversed(self._problems.values()), None)

    def _act(self) -> None:
        problem = self._current()
        if problem and problem.action_key:
            self.solve(problem.topic)
            self.action_requested.emit(problem.action_key)

    def _dismiss(self) -> None:
        if problem := self._current():
            self.solve(problem.topic)

    def _refresh(self) -> None:
        problem = self._current()
        if problem:
            self._words.setText(problem.text)
            self.setAccessibleName(problem.text)
            self.action.setText(problem.action_label or "")
            self.action.setVisible(bool(problem.action_label))
            self._place_action()
        self.setVisible(problem is not None)
