"""Says a sentence through the screen reader, without moving its cursor."""

from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QWidget


def announce(widget: QWidget, words: str) -> None:
    """Politely: after what is being said now. Nothing happens where no screen reader listens."""
    QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(widget, words))
