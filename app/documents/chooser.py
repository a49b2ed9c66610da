"""Runs the choice among a conversation's documents beside the window's thread."""

import contextlib
from collections.abc import Callable, Sequence
from operator import is_

from PySide6.QtCore import QObject, QThreadPool, Signal

from app.chats.models import ChatMessage
from app.documents.choice import Mode, choose, search
from app.documents.document import Document
from app.documents.index import PassageIndex


class Chooser(QObject):
    """One choice at a time, in the order in which they are asked. Lives as long as the app: a turn
    that has ended meanwhile is no matter."""

    chosen = Signal(int, object)  # ticket; Reading | None, or what was raised
    found = Signal(int, object)  # ticket; the words and Reading | None of a search

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._tickets = 0
        self._index: PassageIndex | None = None  # of the last documents; the pool thread's own

    def choose(
        self, path: Sequence[ChatMessage], context: int, system_prompt: str, wanted: Mode | None
    ) -> int:
        """`chosen` follows with the ticket that is given."""
        return self._run(
            self.chosen.emit, lambda: choose(path, context, system_prompt, wanted, self._index_of)
        )

    def search(self, path: Sequence[ChatMessage]) -> int:
        """`found` follows with the ticket that is given."""
        return self._run(self.found.emit, lambda: search(path, self._index_of))

    def _index_of(self, documents: Sequence[Document]) -> PassageIndex:
        """Making one takes seconds for a long document: the last is kept for the next question."""
        index = self._index
        if index is not None:
            before = index.documents
            if len(before) == len(documents) and all(map(is_, before, documents)):
                return index
            index.close()
        self._index = None
        self._index = PassageIndex(documents)
        return self._index

    def _run(self, tell: Callable[[int, object], None], work: Callable[[], object]) -> int:
        self._tickets += 1
        ticket = self._tickets

        def run() -> None:
            result: object
            try:
                result = work()
            except Exception as error:  # told to the person by whoever asked
                result = error
            with contextlib.suppress(RuntimeError):  # the app is gone
                tell(ticket, result)

        self._pool.start(run)
        return ticket
