"""Characters as Qt counts them, in UTF-16, and the range of them that is selected."""

from PySide6.QtGui import QColor, QTextCharFormat, QTextLayout


def units(text: str) -> int:
    """Length of `text`."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def between(text: str, start: int, end: int) -> str:
    """What stands between two offsets."""
    if text.isascii():
        return text[start:end]
    return text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le", "ignore")


def marked_range(start: int, end: int, ground: QColor) -> list[QTextLayout.FormatRange]:
    """For `QTextLayout.draw`; empty if nothing is selected."""
    if end <= start:
        return []
    marked = QTextLayout.FormatRange()
    marked.start, marked.length = start, end - start
    look = QTextCharFormat()
    look.setBackground(ground)
    marked.format = look
    return [marked]
