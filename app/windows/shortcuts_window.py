"""The keyboard's page: every shortcut of the menus, and the keys of the message field."""

from collections.abc import Sequence

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QWidget

from app.theme import GRID
from app.widgets.labels import label

_FIELD_KEYS = (
    ("Send", "Return"),
    ("New line", "Shift+Return"),
    ("Choose the effort", "L, M, H on the slider"),
)


class ShortcutsWindow(QDialog):
    def __init__(self, actions: Sequence[QAction], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyboard Shortcuts")
        shown = QKeySequence.SequenceFormat.NativeText
        rows = [
            (
                action.text().replace("&", "").rstrip("…"),
                "  or  ".join(keys.toString(shown) for keys in action.shortcuts()),
            )
            for action in actions
            if action.shortcuts() and not action.shortcut().isEmpty()
        ]
        grid = QGridLayout(self)
        grid.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 3 * GRID)
        grid.setHorizontalSpacing(3 * GRID)
        grid.setVerticalSpacing(GRID)
        rows = [*_FIELD_KEYS, *rows]
        height = (len(rows) + 1) // 2
        grid.setColumnMinimumWidth(2, 2 * GRID)  # between the two halves
        for number, (words, keys) in enumerate(rows):
            row, column = number % height, 3 * (number // height)
            grid.addWidget(label(words, "text"), row, column)
            grid.addWidget(label(keys, "quiet"), row, column + 1)
