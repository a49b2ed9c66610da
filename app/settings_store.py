"""The settings of the running app: one value, a signal when it changes, the file kept in step.

Owns the current `Settings`. Writing takes under a millisecond (no fsync: a lost setting is no lost
word), so it happens where it is called.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.problem import Problem
from app.settings import Settings, read_settings, write_settings


class SettingsStore(QObject):
    """`value` is what holds now; `update(name=value, …)` is the only way to change it."""

    changed = Signal(object)  # Settings, after every update that changed something
    problem = Signal(object)  # Problem, topic "settings"
    problem_solved = Signal(str)  # topic

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = path
        self._is_saved = True
        self.value, self._complaint = read_settings(path)

    def report(self) -> None:
        """Emits the problem that reading had, if any; call it once someone listens."""
        if self._complaint:
            self.problem.emit(Problem(self._complaint, topic="settings"))
            self._complaint = None

    def update(self, **values: Any) -> Settings:
        """Changes the named fields and saves. A full disk costs the file, not the setting, and is
        said once."""
        changed = replace(self.value, **values)
        if changed != self.value:
            self.value = changed
            self._save()
            self.changed.emit(changed)
        return self.value

    def _save(self) -> None:
        was_saved = self._is_saved
        try:
            write_settings(self.value, self._path)
            self._is_saved = True
        except OSError as error:
            self._is_saved = False
            if was_saved:
                text = f"The settings can’t be saved: {error.strerror}. They hold until you quit."
                self.problem.emit(Problem(text, topic="settings"))
        if self._is_saved and not was_saved:
            self.problem_solved.emit("settings")
