"""Files on their way into the composer: dropped, pasted, chosen, or opened from the Dock.

Owns the reading, which may take a while and so happens beside the window's thread. A folder with a
checkpoint is a model; any other holds documents.
"""

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject, QRunnable, QThreadPool, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.chats.models import Attachment
from app.documents.attachment import read_attachments
from app.documents.errors import UnreadableDocument
from app.documents.reading.process import ReadingCancelled
from app.problem import Problem

_AT_ONCE = 2  # documents


class Attaching(QObject):
    attached = Signal(object)  # Attachment
    model_folder_given = Signal(str)
    problem = Signal(object)  # Problem
    progressed = Signal(str)  # words about what is being read; "" when nothing is

    _found = Signal(object)  # Attachment, or words for a person; from another thread
    _told = Signal(str)  # progress, from another thread
    _ended = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(_AT_ONCE)
        self._reading = 0  # files and folders
        self._leaving = threading.Event()
        self._found.connect(self._deliver)
        self._told.connect(self._tell)
        self._ended.connect(self._end)
        self.destroyed.connect(self._leaving.set)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self._leaving.set)

    def choose(self) -> None:
        """Asks for files in the system's own dialog."""
        dialog = QFileDialog(self._window, "Attach documents")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(lambda names: self.attach([Path(name) for name in names]))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def attach(self, paths: Sequence[Path]) -> None:
        """Reads each file and folder; `attached` or `problem` follows, maybe several times."""
        for path in paths:
            if path.is_dir() and (path / "config.json").is_file():
                self.model_folder_given.emit(str(path))
            else:
                self._reading += 1
                self._pool.start(_Reading(path, self, self._leaving))

    def _deliver(self, result: Attachment | str) -> None:
        if isinstance(result, str):
            self.problem.emit(Problem(result))
        else:
            self.attached.emit(result)

    def _tell(self, words: str) -> None:
        if self._reading:
            self.progressed.emit(words)

    def _end(self) -> None:
        self._reading -= 1
        if not self._reading:
            self.progressed.emit("")


class _Reading(QRunnable):
    def __init__(self, path: Path, attaching: Attaching, leaving: threading.Event) -> None:
        super().__init__()
        self._path = path
        self._attaching = attaching
        self._leaving = leaving

    def run(self) -> None:
        attaching = self._attaching
        with contextlib.suppress(RuntimeError, ReadingCancelled):  # the window is gone
            try:
                for result in read_attachments(self._path, attaching._told.emit, self._leaving):
                    attaching._found.emit(result)
            except UnreadableDocument as error:
                attaching._found.emit(str(error))
            attaching._ended.emit()
