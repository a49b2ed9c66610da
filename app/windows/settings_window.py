"""Settings: what the model is told, how it draws its words, how the window looks.

Every change holds at once, as on a Mac. Shows a `Settings` and says what the person changed; the
store decides.
"""

from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.amounts import tokens_in_words
from app.settings import Settings
from app.theme import GRID, Theme
from app.widgets.choice_button import ChoiceButton
from app.widgets.labels import hairline, label
from app.widgets.number_row import NumberRow
from app.widgets.segments import Segments
from app.widgets.switch import Switch
from app.windows.fitted_dialog import FittedDialog

_PAUSE_MS = 400  # the system prompt is taken over when the typing pauses
_CONTEXTS = (4096, 8192, 16384, 32768, 65536, 131072)
_SAMPLING = ("temperature", "top_p", "top_k", "min_p")


class SettingsWindow(FittedDialog):
    changed = Signal(dict)  # names and new values of Settings fields

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(560, parent)
        self.setWindowTitle("Settings")

        self.system_prompt = QPlainTextEdit()
        self.system_prompt.setPlaceholderText("For example: Answer briefly. Use British spelling.")
        self.system_prompt.setAccessibleName("System prompt")
        self.system_prompt.setTabChangesFocus(True)
        self.system_prompt.setFixedHeight(96)
        self.numbers = {
            "temperature": NumberRow("Temperature", 0, 2, 0.05),
            "top_p": NumberRow("Top-p", 0.01, 1, 0.01),
            "top_k": NumberRow("Top-k", 0, 200, 1, is_off_at_low=True),
            "min_p": NumberRow("Min-p", 0, 1, 0.01, is_off_at_low=True),
        }
        self.reset = QPushButton("Use OpenAI’s defaults")
        self.reset.setProperty("kind", "plain")
        self.context = ChoiceButton(
            "Context length",
            {"": "As much as fits"} | {str(n): f"{tokens_in_words(n)} tokens" for n in _CONTEXTS},
        )
        self.appearance = Segments(
            "Appearance", {"system": "System", "light": "Light", "dark": "Dark"}
        )
        self.text_size = NumberRow("Text size", 11, 24, 1, unit=" px")
        self.keeps_documents = Switch("Keep what was read")
        self.reduce_motion = Switch("Reduce motion")

        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(2 * GRID)
        self._grid.setVerticalSpacing(GRID + 4)
        self._grid.setColumnStretch(1, 1)
        said = _with_words(self.system_prompt, "What every model is told before a chat begins.")
        self._row("System prompt", said, top=True)
        self._hairline()
        temperature = _with_words(
            self.numbers["temperature"], "Higher is more varied; 0 gives the same answer each time."
        )
        self._row("Temperature", temperature, top=True)
        self._row("Top-p", self.numbers["top_p"])
        self._row("Top-k", self.numbers["top_k"])
        self._row("Min-p", self.numbers["min_p"])
        self._row("", self.reset, left=True)
        self._hairline()
        context = _with_words(
            self.context, "How much the model sees at once. Shorter takes less memory."
        )
        self._row("Context length", context, top=True)
        keeping = _with_words(
            self.keeps_documents,
            "Long documents need not be read again another day. Takes up to 8 GB on the disk.",
        )
        self._row("Keep what was read", keeping, top=True)
        self._hairline()
        self._row("Appearance", self.appearance, left=True)
        self._row("Text size", self.text_size)
        self._row("Reduce motion", self.reduce_motion, left=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * GRID, 3 * GRID, 3 * GRID, 3 * GRID)
        layout.addLayout(self._grid)
        layout.addStretch(1)

        self._pause = QTimer(self, singleShot=True, interval=_PAUSE_MS)
        self._pause.timeout.connect(self._take_prompt)
        self.system_prompt.textChanged.connect(self._pause.start)
        for name, row in self.numbers.items():
            row.changed.connect(lambda value, n=name: self._say(n, value))
        self.reset.clicked.connect(self._use_defaults)
        self.context.chosen.connect(lambda key: self._say("context", int(key) if key else None))
        self.appearance.chosen.connect(lambda key: self._say("appearance", key))
        self.text_size.changed.connect(lambda value: self._say("text_size", int(value)))
        self.keeps_documents.clicked.connect(lambda on: self._say("keeps_documents", on))
        self.reduce_motion.clicked.connect(lambda on: self._say("reduce_motion", on))

    def set_theme(self, theme: Theme) -> None:
        self.context.set_theme(theme)
        self.keeps_documents.set_theme(theme)
        self.reduce_motion.set_theme(theme)

    def set_settings(self, settings: Settings) -> None:
        """Shows what holds; tells nobody."""
        if (
            self.system_prompt.toPlainText() != settings.system_prompt
            and not self._pause.isActive()
        ):
            self.system_prompt.blockSignals(True)
            self.system_prompt.setPlainText(settings.system_prompt)
            self.system_prompt.blockSignals(False)
        for name, row in self.numbers.items():
            row.set_value(getattr(settings, name))
        self.context.set_key(str(settings.context or ""))
        self.appearance.set_key(settings.appearance)
        self.text_size.set_value(settings.text_size)
        self.keeps_documents.setChecked(settings.keeps_documents)
        self.reduce_motion.setChecked(settings.reduce_motion)

    def closeEvent(self, event: QCloseEvent) -> None:
        self._take_prompt()
        super().closeEvent(event)

    def reject(self) -> None:
        self._take_prompt()
        super().reject()

    def _say(self, name: str, value: Any) -> None:
        self.changed.emit({name: int(value) if name == "top_k" else value})

    def _take_prompt(self) -> None:
        if self._pause.isActive():
            self._pause.stop()
        self._say("system_prompt", self.system_prompt.toPlainText())

    def _use_defaults(self) -> None:
        defaults = Settings()
        self.changed.emit({name: getattr(defaults, name) for name in _SAMPLING})

    def _row(self, words: str, widget: QWidget, *, left: bool = False, top: bool = False) -> None:
        row = self._grid.rowCount()
        if words:
            name = label(words, "text")
            place = Qt.AlignmentFlag.AlignTop if top else Qt.AlignmentFlag.AlignVCenter
            name.setContentsMargins(0, 6 if top else 0, 0, 0)
            self._grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignRight | place)
        if left:
            self._grid.addWidget(widget, row, 1, Qt.AlignmentFlag.AlignLeft)
        else:
            self._grid.addWidget(widget, row, 1)

    def _hairline(self) -> None:
        self._grid.addWidget(hairline(), self._grid.rowCount(), 0, 1, 2)


def _with_words(widget: QWidget, words: str) -> QWidget:
    """A control and what it does, in a line below it."""
    both = QWidget()
    layout = QVBoxLayout(both)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(GRID // 2)
    if isinstance(widget, (QPushButton, Switch)):
        row = QHBoxLayout()
        row.addWidget(widget)
        row.addStretch(1)
        layout.addLayout(row)
    else:
        layout.addWidget(widget)
    layout.addWidget(label(words, "caption", wraps=True))
    return both
