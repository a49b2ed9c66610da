"""What can be done with a message: copy, edit or regenerate, go to another version.

Owns a row of quiet buttons that takes its place always and is seen while the pointer is on the
message or the keyboard's focus is in the row.
"""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from app.chats.models import Branch, Role
from app.style import control_size, text_font
from app.theme import Theme
from app.widgets.copy_button import CopyButton
from app.widgets.quiet_button import HEIGHT, QuietButton


class MessageActions(QWidget):
    edit_requested = Signal()
    regenerate_requested = Signal()
    branch_requested = Signal(int)  # −1 or 1

    def __init__(self, role: Role, text: Callable[[], str], parent: QWidget | None = None) -> None:
        """`text` gives what Copy puts on the clipboard."""
        super().__init__(parent)
        self.setFixedHeight(HEIGHT)
        self._is_pointed_at = False
        self._branch = Branch()
        is_question = role == "user"
        whose = "question" if is_question else "answer"
        self.copy = CopyButton("Copy", f"Copy {whose}", text)
        if is_question:
            self.change = QuietButton("edit", "Edit", "Edit question")
            self.change.clicked.connect(self.edit_requested)
        else:
            self.change = QuietButton("regenerate", "Regenerate", "Regenerate answer")
            self.change.clicked.connect(self.regenerate_requested)
        self.previous = QuietButton("chevron-left", "", f"Previous version of this {whose}")
        self.count = QLabel()
        self.next = QuietButton("chevron-right", "", f"Next version of this {whose}")
        self.previous.clicked.connect(lambda: self.branch_requested.emit(-1))
        self.next.clicked.connect(lambda: self.branch_requested.emit(1))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        parts = [self.copy, self.change, self.previous, self.count, self.next]
        if is_question:
            layout.addStretch(1)
            parts = [*parts[2:], *parts[:2]]
        for part in parts:
            layout.addWidget(part, 0, Qt.AlignmentFlag.AlignVCenter)
        if not is_question:
            layout.addStretch(1)
        for button in self.buttons:
            button.installEventFilter(self)
        self.set_branch(Branch())

    @property
    def buttons(self) -> list[QuietButton]:
        return [self.copy, self.change, self.previous, self.next]

    def set_branch(self, branch: Branch) -> None:
        self._branch = branch
        self.count.setText(f"{branch.index}/{branch.count}")
        self.count.setAccessibleName(f"Version {branch.index} of {branch.count}")
        for part in (self.previous, self.count, self.next):
            part.setVisible(branch.count > 1)
        self.previous.setEnabled(branch.index > 1)
        self.next.setEnabled(branch.index < branch.count)
        self._reveal()

    def set_appearance(self, theme: Theme, text_size: int) -> None:
        for button in self.buttons:
            button.set_appearance(theme, text_size)
        self.count.setFont(text_font(control_size(text_size)))
        self._colour = theme.quiet
        self._reveal()

    def set_pointed_at(self, is_pointed_at: bool) -> None:
        self._is_pointed_at = is_pointed_at
        self._reveal()

    @property
    def is_revealed(self) -> bool:
        return self._is_pointed_at or any(button.hasFocus() for button in self.buttons)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self._reveal()
        return super().eventFilter(watched, event)

    def _reveal(self) -> None:
        for button in self.buttons:
            button.set_concealed(not self.is_revealed)
        colour = getattr(self, "_colour", "#000000") if self.is_revealed else "transparent"
        self.count.setStyleSheet(f"color: {colour};")
