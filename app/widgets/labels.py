"""Words and lines that stand in a window and do nothing: labels by kind, hairlines, tooltips."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QFrame, QLabel


def label(words: str, kind: str, *, wraps: bool = False) -> QLabel:
    """Plain text, whatever it holds; `kind` names its rules in the style sheet."""
    made = QLabel(words)
    made.setProperty("kind", kind)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wraps)
    return made


def hairline() -> QFrame:
    line = QFrame()
    line.setProperty("kind", "hairline")
    line.setFixedHeight(1)
    return line


def with_keys(words: str, keys: str) -> str:
    """A tooltip that also teaches the shortcut, as this system writes it: "New chat (⌘N)"."""
    shown = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
    return f"{words} ({shown})"
