"""A calm line above the conversation that says what went wrong, with a way out beside it.

Owns which problems stand; what the button does is decided where the signal is heard.
"""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from app.problem import Problem
from app.theme import GRID, Theme
from app.widgets.announcement import announce
from app.widgets.icons import icon, icon_pixmap


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
        layout = QHBoxLayout(self)
        layout.setContentsMargins(GRID + 6, GRID, GRID, GRID)
        layout.setSpacing(GRID + 2)
        layout.addWidget(self._picture, 0)
        layout.addWidget(self._words, 1)
        layout.addWidget(self.action)
        layout.addWidget(self.close_button)
        self.action.clicked.connect(self._act)
        self.close_button.clicked.connect(self._dismiss)
        self.hide()

    @property
    def text(self) -> str:
        return self._words.text() if self._problems else ""

    def set_theme(self, theme: Theme) -> None:
        self._picture.setPixmap(icon_pixmap("warning", theme.text, 16))
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
        self.setVisible(problem is not None)
