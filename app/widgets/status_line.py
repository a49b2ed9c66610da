"""The quiet line at the bottom: model, tokens per second, context used, memory."""

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from app.amounts import bytes_in_words, speed_in_words, tokens_in_words
from app.chats.models import TurnStatistics

_BETWEEN = "  ·  "


class StatusLine(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: list[str] = []
        self._state = QLabel()
        self._numbers = QLabel()
        self._numbers.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        for label in (self._state, self._numbers):
            label.setProperty("kind", "caption")
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._numbers.setToolTip("Speed, tokens of the context in use, memory of the engine")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 0, 4, 0)
        layout.setSpacing(16)
        layout.addWidget(self._state)
        layout.addWidget(self._numbers, 1)
        self.setMinimumWidth(1)

    @property
    def text(self) -> str:
        """All that the line says, also where the window is too narrow to show it."""
        return _BETWEEN.join([self._state.text(), *self._parts])

    @property
    def shown_numbers(self) -> str:
        return self._numbers.text()

    def set_state(self, words: str) -> None:
        """The model's name, or what is happening to it."""
        self._state.setText(words)
        self._fit()

    def set_statistics(self, statistics: TurnStatistics | None) -> None:
        self._parts = parts(statistics) if statistics else []
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def minimumSizeHint(self) -> QSize:
        hint = super().minimumSizeHint()
        hint.setWidth(1)
        return hint

    def _fit(self) -> None:
        """Drops numbers from the end until the rest has room."""
        room = self.width() - self._state.sizeHint().width() - 24
        metrics = self._numbers.fontMetrics()
        for count in range(len(self._parts), -1, -1):
            words = _BETWEEN.join(self._parts[:count])
            if metrics.horizontalAdvance(words) <= room:
                break
        self._numbers.setText(words)


def parts(statistics: TurnStatistics) -> list[str]:
    """The numbers in words, the most telling first."""
    result = []
    if statistics.decode_tokens_per_s:
        result.append(speed_in_words(statistics.decode_tokens_per_s))
    if statistics.context_used:
        used = tokens_in_words(statistics.context_used)
        if statistics.context:
            used = f"{used} of {tokens_in_words(statistics.context)}"
        result.append(f"{used} tokens")
    if statistics.peak_bytes:
        result.append(bytes_in_words(statistics.peak_bytes))
    return result
