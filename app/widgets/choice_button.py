"""A button that shows what is chosen and opens a menu of the other choices."""

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QWidget

from app.widgets.chevron_button import ChevronButton


class ChoiceButton(ChevronButton):
    chosen = Signal(str)  # key, when the person chose it

    def __init__(
        self, name: str, choices: Mapping[str, str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._name = name
        self._choices = dict(choices)
        self.key = next(iter(choices))
        self.setProperty("kind", "plain")
        self._menu = QMenu(self)
        for key, words in choices.items():
            self._menu.addAction(words).triggered.connect(lambda _=False, k=key: self._choose(k))
        self.setMenu(self._menu)
        self.set_key(self.key)

    def set_key(self, key: str) -> None:
        """Shows a choice; tells nobody. A key that is no choice is shown as it is."""
        self.key = key
        words = self._choices.get(key, key)
        self.setText(words)
        self.setAccessibleName(f"{self._name}: {words}")

    def _choose(self, key: str) -> None:
        self.set_key(key)
        self.chosen.emit(key)
