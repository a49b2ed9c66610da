"""What an empty window shows: one sentence on what to do next, and three examples to click."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from app.theme import GRID, Theme
from app.widgets.icons import icon
from app.widgets.labels import hairline, label

GUIDE_SENTENCE = "Ask the guide how Sordino works."
GUIDE_EXAMPLES = (
    "What can you do?",
    "How do I get gpt-oss-20b?",
    "Is anything I write sent anywhere?",
)
SENTENCE = "Ask anything. It stays on this Mac."
EXAMPLES = (
    "Explain how a violin mute changes the sound",
    "Write a Python function that merges overlapping intervals",
    "Help me word a friendly reminder about an unpaid invoice",
)
_WIDTH = 480  # px


class EmptyState(QWidget):
    example_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sentence = label("", "sentence", wraps=True)
        self._sentence.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.examples: list[QPushButton] = []
        self._words: Sequence[str] = GUIDE_EXAMPLES

        block = QWidget()
        block.setMaximumWidth(_WIDTH)
        self._column = QVBoxLayout(block)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(self._sentence)
        self._column.addSpacing(3 * GRID)
        for number in range(3):
            if number:
                self._column.addWidget(hairline())
            button = QPushButton()
            button.setObjectName("example")
            button.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the chevron at the end
            button.setCursor(Qt.CursorShape.PointingHandCursor)
            button.clicked.connect(lambda _=False, n=number: self._choose(n))
            self.examples.append(button)
            self._column.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addStretch(4)
        layout.addWidget(block, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(5)
        self._block = block
        self.set_model(is_guide=True)

    def set_model(self, *, is_guide: bool) -> None:
        """Examples must work with the model at hand: the guide knows this app alone."""
        self._sentence.setText(GUIDE_SENTENCE if is_guide else SENTENCE)
        self._words = GUIDE_EXAMPLES if is_guide else EXAMPLES
        self._fill()

    def set_appearance(self, theme: Theme) -> None:
        for button in self.examples:
            button.setIcon(icon("chevron-right", theme.quiet))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._block.setFixedWidth(min(_WIDTH, self.width() - 6 * GRID))
        self._fill()

    def _choose(self, number: int) -> None:
        self.example_chosen.emit(self._words[number])

    def _fill(self) -> None:
        for button, words in zip(self.examples, self._words, strict=True):
            room = max(80, self._block.width() - 64)
            shown = QFontMetrics(button.font()).elidedText(words, Qt.TextElideMode.ElideRight, room)
            button.setText(shown)
            button.setToolTip(words)
            button.setAccessibleName(f"Ask: {words}")
