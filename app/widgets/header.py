"""The slim strip over the conversation: the sidebar's switch, the model menu, and a new chat.

At its foot is how far a model has been opened.
"""

from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from app.theme import GRID, Theme
from app.widgets.icons import icon
from app.widgets.labels import with_keys
from app.widgets.model_menu import ModelMenu
from app.widgets.progress_line import ProgressLine

HEIGHT = 48  # px


class Header(QFrame):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("header")
        self.setFixedHeight(HEIGHT)
        self.toggle_sidebar = _button(
            "Show or hide the sidebar", with_keys("Sidebar", "Meta+Ctrl+S")
        )
        self.new_chat = _button("New chat", with_keys("New chat", "Ctrl+N"))
        self.models = ModelMenu()
        self.progress = ProgressLine()
        layout = QHBoxLayout()
        layout.setContentsMargins(GRID + 2, 0, GRID + 2, 0)
        layout.setSpacing(GRID // 2)
        layout.addWidget(self.toggle_sidebar)
        layout.addWidget(self.models)
        layout.addStretch(1)
        layout.addWidget(self.new_chat)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addStretch(1)
        column.addLayout(layout)
        column.addStretch(1)
        column.addWidget(self.progress)

    def set_appearance(self, theme: Theme) -> None:
        self.toggle_sidebar.setIcon(icon("sidebar", theme.quiet, size=18))
        self.new_chat.setIcon(icon("new-chat", theme.quiet, size=18))
        self.models.set_theme(theme)
        self.progress.set_theme(theme)

    def set_sidebar_shown(self, shown: bool) -> None:
        """The sidebar has a button for a new chat; the header needs one only without it."""
        self.new_chat.setVisible(not shown)


def _button(name: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setProperty("kind", "flat")
    button.setAccessibleName(name)
    button.setToolTip(tip)
    button.setFixedSize(32, 32)
    button.setStyleSheet("padding: 0;")
    return button
