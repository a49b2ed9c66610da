"""Choosing a model: the menu, the folder dialog, the sheet for what is missing, and the engine.

Owns which model was asked for. A choice is remembered once it has opened, so that a folder that
fails to open is not what the next start begins with.
"""

import shutil
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog

from app import paths
from app.engine_client import EngineClient
from app.settings import MODEL_KEYS
from app.settings_store import SettingsStore
from app.theme import Theme
from app.widgets.model_menu import UNKNOWN
from app.windows.get_model_sheet import GetModelSheet
from app.windows.main_window import MainWindow
from mlx_engine.protocol import ModelChoice, ModelInfo, ModelList

_RECENT = 4  # folders that the menu remembers


class ModelPicker(QObject):
    model_ready = Signal(object)  # ModelInfo

    def __init__(self, window: MainWindow, engine: EngineClient, settings: SettingsStore) -> None:
        super().__init__(window)
        self._window = window
        self._engine = engine
        self._settings = settings
        self._menu = window.header.models
        self._theme: Theme | None = None
        self.sheet: GetModelSheet | None = None
        self._context: int | None = None
        self._states: str | None = None

        self._menu.model_chosen.connect(self.choose)
        self._menu.model_wanted.connect(self.explain)
        self._menu.folder_requested.connect(self.choose_folder)
        self._menu.about_to_show.connect(self._engine.request_models)
        engine.models.connect(self._on_models)
        engine.loading.connect(self._on_loading)
        engine.preparing.connect(self._on_preparing)
        engine.ready.connect(self._on_ready)
        engine.state_changed.connect(self._on_state)
        self._menu.set_recent_folders(settings.value.recent_folders)
        self._menu.set_current(settings.value.model)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        if self.sheet:
            self.sheet.set_theme(theme)

    def start(self) -> None:
        """Opens the model that was in use last."""
        self._load(self._settings.value.model)
        self._engine.request_models()

    def choose(self, key: str) -> None:
        """Opens a model by key or folder, unless it is the one at hand."""
        if key != self._engine.model_key or not self._engine.model:
            self._load(key)

    def choose_folder(self) -> None:
        """Asks for a folder that holds a checkpoint in the Hugging Face layout."""
        dialog = QFileDialog(self._window, "Choose a folder with a gpt-oss checkpoint")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self._take_folder)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def explain(self, choice: ModelChoice) -> None:
        """Shows how to get a model that is not on this machine."""
        self.sheet = sheet = GetModelSheet(choice, self._window)
        if self._theme:
            sheet.set_theme(self._theme)
        sheet.folder_requested.connect(self.choose_folder)
        sheet.look_again_requested.connect(self._engine.request_models)
        sheet.finished.connect(self._forget_sheet)
        sheet.open()

    def explain_key(self, key: str) -> None:
        known = (*self._menu.choices, *UNKNOWN)
        self.explain(next(choice for choice in known if choice.key == key))

    def open_menu(self) -> None:
        self._menu.showMenu()

    def follow_settings(self) -> None:
        """Opens the model again when the context length was changed, or what is kept; the engine
        holds on to the weights. What is no longer to be kept goes at once."""
        settings = self._settings.value
        wanted = (settings.context, paths.states_wanted(settings.keeps_documents))
        if wanted == (self._context, self._states) or not self._engine.model_key:
            return
        self._load(self._engine.model_key)
        if not settings.keeps_documents:
            shutil.rmtree(paths.states_directory(), ignore_errors=True)

    def _load(self, key: str) -> None:
        self._context = self._settings.value.context
        self._states = paths.states_wanted(self._settings.value.keeps_documents)
        self._menu.set_current(key)
        self._window.status.set_statistics(None)
        self._engine.load(key, self._context, self._states)

    def _take_folder(self, folder: str) -> None:
        if self.sheet:
            self.sheet.accept()
        self.choose(str(Path(folder)))

    def _forget_sheet(self) -> None:
        if self.sheet:
            self.sheet.deleteLater()
            self.sheet = None

    def _on_models(self, models: ModelList) -> None:
        self._menu.set_models(models.models)
        if self.sheet:
            key = self.sheet.choice.key
            found = next((m for m in models.models if m.key == key and m.path), None)
            if found:
                self.sheet.accept()
                self.choose(found.key)
            else:
                self.sheet.say_not_found()

    def _on_loading(self, share: float) -> None:
        self._window.header.progress.set_share(share)
        self._window.status.set_state(f"Opening {self._menu.text()}… {share:.0%}")

    def _on_preparing(self, share: float) -> None:
        self._window.header.progress.set_share(share)
        self._window.status.set_state(f"Preparing this machine, once… {share:.0%}")

    def _on_ready(self, model: ModelInfo) -> None:
        key = self._engine.model_key or "guide"
        recent = list(self._settings.value.recent_folders)
        if key not in MODEL_KEYS:
            recent = [key, *(folder for folder in recent if folder != key)][:_RECENT]
            self._menu.set_recent_folders(recent)
        self._settings.update(model=key, recent_folders=tuple(recent))
        self._menu.set_current(key)
        self._on_state(self._engine.state)  # it came to this before there was a model to name
        self.model_ready.emit(model)

    def _on_state(self, state: str) -> None:
        if state != "loading":
            self._window.header.progress.set_share(None)
        model = self._engine.model
        words = {
            "starting": "Starting…",
            "loading": f"Opening {self._menu.text()}…",
            "not responding": "The engine doesn’t respond",
            "failed": "The engine has stopped",
            "off": "Starting…",
        }
        self._window.status.set_state(
            words.get(state) or (model.name if model else "No model is open")
        )
