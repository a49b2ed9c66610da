"""The model menu at the top of the window: what can be talked to, and how to get the rest.

Owns the button and its menu. Knows models by name and key; loading them is others' business.
"""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from app.amounts import bytes_in_words
from app.theme import Theme
from app.widgets.chevron_button import ChevronButton
from app.widgets.icons import icon
from mlx_engine.protocol import ModelChoice

# What the menu offers before the engine has said what lies on this machine.
UNKNOWN = (
    ModelChoice("guide", "Guide", "", 0, True),
    ModelChoice("20b", "gpt-oss-20b", None, 13_761_264_768, True),
    ModelChoice("120b", "gpt-oss-120b", None, 65_248_815_744, True),
)


class ModelMenu(ChevronButton):
    model_chosen = Signal(str)  # key or folder
    model_wanted = Signal(object)  # ModelChoice that is not on this machine
    folder_requested = Signal()
    about_to_show = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("modelMenu")
        self.setProperty("kind", "flat")
        self.setToolTip("Choose a model")
        self.choices: Sequence[ModelChoice] = UNKNOWN
        self._recent: Sequence[str] = ()
        self._key = "guide"
        self._menu = QMenu(self)
        self._menu.setToolTipsVisible(True)
        self._menu.aboutToShow.connect(self._fill)
        self._menu.aboutToShow.connect(self.about_to_show)
        self.setMenu(self._menu)
        self.set_current("guide")

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self._check = icon("check", theme.text)

    def set_models(self, choices: Sequence[ModelChoice]) -> None:
        self.choices = choices
        self.set_current(self._key)
        if self._menu.isVisible():
            self._fill()

    def set_recent_folders(self, folders: Sequence[str]) -> None:
        self._recent = folders

    def set_current(self, key: str) -> None:
        """Names the model that is loaded, or being loaded: a key or a folder."""
        self._key = key
        name = self.name_of(key)
        self.setText(name)
        self.updateGeometry()
        self.setAccessibleName(f"Model: {name}")

    def name_of(self, key: str) -> str:
        return next((c.name for c in self.choices if c.key == key), Path(key).name or key)

    def _fill(self) -> None:
        self._menu.clear()
        for choice in self.choices:
            if choice.path is None:
                action = self._add(choice.key, f"{choice.name}\tGet…")
                action.triggered.connect(lambda _=False, c=choice: self.model_wanted.emit(c))
            else:
                size = bytes_in_words(choice.checkpoint_bytes) if choice.checkpoint_bytes else ""
                note = size if choice.fits else "needs more memory"
                self._add_model(choice.key, f"{choice.name}\t{note}" if note else choice.name)
        if self._recent:
            self._menu.addSeparator()
            for folder in self._recent:
                self._add_model(folder, Path(folder).name.replace("&", "&&")).setToolTip(folder)
        self._menu.addSeparator()
        self._add("", "Choose folder…").triggered.connect(self.folder_requested)

    def _add_model(self, key: str, words: str) -> QAction:
        action = self._add(key, words)
        action.triggered.connect(lambda: self.model_chosen.emit(key))
        return action

    def _add(self, key: str, words: str) -> QAction:
        action = self._menu.addAction(words)
        if key and key == self._key:
            action.setIcon(self._check)
        return action
