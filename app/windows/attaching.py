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
from app.documents.attachment import read_documents
from app.documents.document import Document
from app.documents.errors import UnreadableDocument
from app.documents.originals import Originals
from app.documents.reading.process import ReadingCancelled, isolated
from app.problem import Problem
from app.well_formed import well_formed

_AT_ONCE = 2  # documents
_MOST_CHARACTERS = 16 << 20  # of one document: three thousand pages and more


class Attaching(QObject):
    attached = Signal(object)  # Attachment
    model_folder_given = Signal(str)
    problem = Signal(object)  # Problem
    progressed = Signal(str)  # words about what is being read; "" when nothing is

    _found = Signal(object)  # Attachment, or words for a person; from another thread
    _told = Signal(str)  # progress, from another thread
    _ended = Signal()

    def __init__(self, window: QWidget, originals: Originals) -> None:
        super().__init__(window)
        self._window = window
        self._originals = originals
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(_AT_ONCE)
        self._reading = 0  # files and folders
        self._cancelled = threading.Event()  # of what is being read now
        self._found.connect(self._deliver)
        self._told.connect(self._tell)
        self._ended.connect(self._end)
        running = self._running = {self._cancelled}
        self.destroyed.connect(lambda: _set_all(running))
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.cancel)

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
                self._pool.start(_Reading(path, self, self._originals, self._cancelled))

    def cancel(self) -> None:
        """Gives up what is being read; what has been read stays."""
        self._cancelled.set()
        self._running.clear()
        self._cancelled = threading.Event()
        self._running.add(self._cancelled)

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


def _set_all(events: set[threading.Event]) -> None:
    for event in events:
        event.set()


class _Reading(QRunnable):
    def __init__(
        self, path: Path, attaching: Attaching, originals: Originals, cancelled: threading.Event
    ) -> None:
        super().__init__()
        self._path = path
        self._attaching = attaching
        self._originals = originals
        self._cancelled = cancelled

    def run(self) -> None:
        with contextlib.suppress(RuntimeError):  # the window is gone
            try:
                self._read()
            except ReadingCancelled:
                pass
            except UnreadableDocument as error:
                self._attaching._found.emit(str(error))
            self._attaching._ended.emit()

    def _read(self) -> None:
        attaching = self._attaching
        said: set[str] = set()  # by the documents themselves
        for result in read_documents(self._path, attaching._told.emit, self._cancelled):
            if isinstance(result, Document):
                said |= {f"{isolated(result.name)}: {note}" for note in result.notes}
                attaching._found.emit(self._kept(result))
            elif result not in said:
                attaching._found.emit(result)

    def _kept(self, document: Document) -> Attachment | str:
        """With a copy of its file."""
        characters = sum(len(line) + 1 for line in document.lines)
        if characters > _MOST_CHARACTERS:
            return (
                f"{isolated(document.name)} has {characters / 1e6:,.0f} million characters of "
                f"text; {_MOST_CHARACTERS / 1e6:,.0f} million fit. Attach a part of it."
            )
        # A folder's documents are named by their way from the folder that holds it.
        is_folder = self._path.is_dir()
        path = self._path.absolute().parent / document.name if is_folder else self._path.absolute()
        attachment = Attachment.of(document, well_formed(str(path)))
        self._originals.keep(path, document.digest)
        attachment.tokens  # noqa: B018 (counted here, not on the window's thread)
        return attachment
