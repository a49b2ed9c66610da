"""Copies something to the clipboard and says so for a moment."""

from collections.abc import Callable

from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from app.widgets.announcement import announce
from app.widgets.quiet_button import QuietButton

_THANKS_MS = 1600


class CopyButton(QuietButton):
    """`text` is asked for when the button is pressed."""

    def __init__(
        self, words: str, name: str, text: Callable[[], str], parent: QWidget | None = None
    ) -> None:
        super().__init__("copy", words, name, parent)
        self._name = name
        self._copied_text = text
        self._pause = QTimer(self, singleShot=True, interval=_THANKS_MS)
        self._pause.timeout.connect(self._rest)
        self.clicked.connect(self._copy)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._copied_text())
        self.icon_name = "check"
        self.setAccessibleName("Copied")
        announce(self, "Copied")
        self._pause.start()
        self.update()

    def _rest(self) -> None:
        self.icon_name = "copy"
        self.setAccessibleName(self._name)
        self.update()
