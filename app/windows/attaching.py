"""Files on their way into the composer: dropped, pasted, chosen, or opened from the Dock.

Owns the reading, which may take a while and so happens beside the window's thread. A folder with a
checkpoint is a model, not a document.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.chats.models import Attachment
from app.documents.text_file import UnreadableDocument, read_text_file
from app.problem import Problem


class Attaching(QObject):
    attached = Signal(object)  # Attachment
    model_folder_given = Signal(str)
    problem = Signal(object)  # Problem

    _read = Signal(object)  # Attachment or Problem, from another thread

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._read.connect(self._deliver)

    def choose(self) -> None:
        """Asks for files in the system's own dialog."""
        dialog = QFileDialog(self._window, "Attach documents")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(lambda names: self.attach([Path(name) for name in names]))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def attach(self, paths: Sequence[Path]) -> None:
        """Reads each file; `attached` or `problem` follows."""
        for path in paths:
            if path.is_dir() and (path / "config.json").is_file():
                self.model_folder_given.emit(str(path))
            else:
                QThreadPool.globalInstance().start(_Reading(path, self._read.emit))

    def _deliver(self, result: Attachment | Problem) -> None:
        if isinstance(result, Problem):
            self.problem.emit(result)
        else:
            self.attached.emit(result)


class _Reading(QRunnable):
    def __init__(self, path: Path, deliver: Callable[[object], None]) -> None:
        super().__init__()
        self._path = path
        self._deliver = deliver

    def run(self) -> None:
        try:
            result: object = read_text_file(self._path)
        except UnreadableDocument as error:
            result = Problem(str(error))
        self._deliver(result)
