"""What a key means before any widget has a say."""

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent

PAGE_KEYS = (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


def is_typing(event: QKeyEvent) -> bool:
    """Whether a key writes something, and is no shortcut."""
    keys = Qt.KeyboardModifier
    is_shortcut = event.modifiers() & (keys.ControlModifier | keys.MetaModifier)
    return bool(event.text()) and event.text().isprintable() and not is_shortcut


def claims_escape(event: QEvent) -> bool:
    """Accepts the question whether Esc is the widget's own; elsewhere Esc stops the answer."""
    if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
        return False
    if event.key() == Qt.Key.Key_Escape:
        event.accept()
        return True
    return False
