"""One quiet line under an answer: what of the documents was read for it, and the other way."""

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QWidget

from app.chats.models import ShownMessage
from app.style import control_size, text_font
from app.theme import GRID, Theme
from app.widgets.quiet_button import HEIGHT, QuietButton

_OTHER = {
    "all": ("search", "Search instead"),
    "passes": ("search", "Search instead"),
    "search": ("all", "Read all"),
}


class CoverageLine(QWidget):
    reread_requested = Signal(str)  # "all" or "search"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._mode = ""
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.other_way = QuietButton(None, "", "Read the documents the other way", self)
        self.other_way.is_tinted = True
        self.other_way.clicked.connect(lambda: self.reread_requested.emit(self._mode))
        self.hide()

    def set_reading(self, shown: ShownMessage) -> None:
        reading, message = shown.message.reading, shown.message
        self.setVisible(bool(shown.coverage))
        self.words.setText(shown.coverage)
        if reading is not None:
            self._mode, words = _OTHER[reading.mode]
            self.other_way.setText(words)
            self.other_way.setAccessibleName(words)
        self.other_way.setVisible(message.status != "streaming" and message.stop != "search")
        self._place()

    def set_appearance(self, theme: Theme, text_size: int) -> None:
        self.words.setFont(text_font(control_size(text_size)))
        self.words.setStyleSheet(f"color: {theme.quiet};")
        self.other_way.set_appearance(theme, text_size)
        self._place()

    def heightForWidth(self, width: int) -> int:
        return max(HEIGHT, self.words.heightForWidth(self._room(width)) + GRID // 2)

    def _button(self) -> QSize:
        return self.other_way.sizeHint() if self.other_way.isVisibleTo(self) else QSize(0, HEIGHT)

    def _room(self, width: int) -> int:
        return max(1, width - self._button().width() - GRID)

    def _place(self) -> None:
        """The button stands right after the words."""
        button = self._button()
        natural = self.words.fontMetrics().horizontalAdvance(self.words.text()) + 2
        width = min(natural, self._room(self.width()))
        self.words.setGeometry(0, 0, width, self.height())
        self.other_way.setGeometry(
            width + GRID, (self.height() - HEIGHT) // 2, button.width(), HEIGHT
        )

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()
