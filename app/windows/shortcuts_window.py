"""The keyboard's page: every shortcut of the menus, and the keys of the message field."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QLabel, QWidget

from app.theme import GRID

_FIELD_KEYS = (
    ("Send", "Return"),
    ("New line", "Shift+Return"),
    ("Choose the effort", "L, M, H on the slider"),
)
_ROWS = 13  # in a column


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
        for number, (words, keys) in enumerate([*_FIELD_KEYS, *rows]):
            column = 3 * (number // _ROWS)
            grid.addWidget(_label(words, "text"), number % _ROWS, column)
            grid.addWidget(_label(keys, "quiet"), number % _ROWS, column + 1)
            if column:
                grid.setColumnMinimumWidth(column - 1, 2 * GRID)


def _label(words: str, kind: str) -> QLabel:
    label = QLabel(words)
    label.setProperty("kind", kind)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label
