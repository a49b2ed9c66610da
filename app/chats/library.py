"""The chats as the window sees them: everything asked here is done on the store's own thread.

An fsync can take 10 ms on an SSD and far longer on a busy one, and opening checks the whole file;
neither may hold a frame. So one thread owns the one `ChatStore`, takes jobs in the order in which
they were asked, and answers by signal or callback on the thread that built this object. A read
that is asked after a write sees it. What a full disk refuses waits, in order, for `retry` or for
the next write; meanwhile everything can be read.
"""

import os
import queue
import sqlite3
import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal

from app.chats.database import is_busy, is_damage, is_unwritable
from app.chats.export import markdown
from app.chats.models import Attachment, Chat, ChatMessage
from app.chats.store import ChatStore
from app.chats.tree import MessageTree
from app.problem import Problem

CLOSING_S = 2.0  # how long quitting may wait for the disk


@dataclass(frozen=True, slots=True)
class _Job:
    run: Callable[[ChatStore], Any]
    then: Callable[[Any], None] | None = None
    writes: bool = False
    lists: bool = False  # the list of chats is another one afterwards
    messages: tuple[str, ...] = ()  # ids of those it saves; a waiting job for the same says less


_RETRY = _Job(run=lambda store: None)


class ChatLibrary(QObject):
    """Chats on disk, without waiting for the disk."""

    chats_changed = Signal(list)  # list[Chat], latest first: at start and after every change
    found = Signal(str, list)  # the query, list[SearchHit]
    saved = Signal(str)  # id of a message that now survives a crash
    lost = Signal(str)  # id of a message that was put in vain
    deleted = Signal(str)  # id of a chat
    problem = Signal(object)  # Problem, topic "storage"
    problem_solved = Signal(str)  # topic
    _answered = Signal(object)  # a callable to be called on this object's thread

    def __init__(self, database: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._database = database
        self._read_only = False
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._waiting: list[_Job] = []  # writes not on disk yet; the store thread's own
        self._refused = False
        self._answered.connect(self._call, Qt.ConnectionType.QueuedConnection)
        self._thread = threading.Thread(target=self._work, name="chats", daemon=True)

    def start(self) -> None:
        """Opens the database; `chats_changed` follows. Call it once someone listens."""
        self._thread.start()

    @property
    def read_only(self) -> bool:
        """The database is from a newer Sordino, or may not be written: nothing can be added."""
        return self._read_only

    def load(self, chat_id: str, then: Callable[[Chat | None, list[ChatMessage]], None]) -> None:
        """Reads a chat with all its messages; `then(None, [])` if there is none."""
        self._jobs.put(
            _Job(
                run=lambda store: (store.chat(chat_id), store.messages(chat_id)),
                then=lambda answer: then(*answer),
            )
        )

    def put(self, chat: Chat, *messages: ChatMessage) -> None:
        """Adds or replaces a chat and some of its messages; `saved` or `lost` follows for each.
        The title of a known chat stays: see `rename`."""
        self._jobs.put(
            _Job(
                run=lambda store: store.put(chat, *messages),
                writes=True,
                lists=any(message.status != "streaming" for message in messages) or not messages,
                messages=tuple(message.id for message in messages),
            )
        )

    def take_back(self, chat: Chat, message_id: str) -> None:
        """Removes a message that could not be answered; a chat without messages goes too."""
        self._write(lambda store: store.take_back(chat, message_id))

    def rename(self, chat_id: str, title: str) -> None:
        self._write(lambda store: store.rename(chat_id, title))

    def delete(self, chat_id: str) -> None:
        """Hides the chat; `restore` brings it back until the next start, which removes it."""
        self._write(lambda store: store.delete(chat_id), then=lambda _: self.deleted.emit(chat_id))

    def restore(self, chat_id: str) -> None:
        self._write(lambda store: store.restore(chat_id))

    def put_draft_attachments(self, attachments: Sequence[Attachment]) -> None:
        """Keeps the documents of the question that is being written, in place of those before."""
        kept = tuple(attachments)
        self._jobs.put(_Job(run=lambda store: store.put_draft_attachments(kept), writes=True))

    def load_draft_attachments(self, then: Callable[[list[Attachment]], None]) -> None:
        self._jobs.put(_Job(run=lambda store: store.draft_attachments(), then=then))

    def load_digests(self, then: Callable[[set[str] | None], None]) -> None:
        """Of all attached files; None where some may not be known."""
        self._jobs.put(_Job(run=lambda store: store.digests(), then=then))

    def search(self, query: str) -> None:
        """`found` follows; an empty query finds nothing."""
        self._jobs.put(
            _Job(
                run=lambda store: store.search(query),
                then=lambda hits: self.found.emit(query, hits),
            )
        )

    def export_markdown(self, chat_id: str, target: Path, then: Callable[[], None]) -> None:
        """Writes the path on view as Markdown; a problem is emitted if it can't be written."""

        def run(store: ChatStore) -> None:
            if chat := store.chat(chat_id):
                path = MessageTree(store.messages(chat_id)).path(chat.leaf_id)
                _write_whole(target, markdown(chat, path))

        self._jobs.put(_Job(run=run, then=lambda _: then()))

    def retry(self) -> None:
        """Tries again what the disk refused, be it a write or to open the chats for writing, and
        says so if it still does."""
        self._jobs.put(_RETRY)

    def close(self) -> None:
        """Finishes what is queued and closes the database; within 2 s."""
        if self._thread.is_alive():
            self._jobs.put(None)
            self._thread.join(CLOSING_S)

    def _write(
        self, run: Callable[[ChatStore], Any], then: Callable[[Any], None] | None = None
    ) -> None:
        self._jobs.put(_Job(run=run, then=then, writes=True, lists=True))

    def _call(self, answer: Callable[[], None]) -> None:
        answer()

    # On the store's thread -----------------------------------------------------------------------

    def _work(self) -> None:
        """A fault that nobody foresaw ends the store, never without a word."""
        try:
            self._serve(ChatStore(self._database))
        except Exception as error:
            traceback.print_exc()
            self._report(
                Problem(
                    f"Chats can’t be read or kept any more ({error}). Open Sordino again; if that "
                    f"doesn’t help, move {self._database.name} out of {self._database.parent}.",
                    topic="storage",
                )
            )
            for waiting in self._waiting:
                self._drop(waiting)
            while job := self._jobs.get():
                self._drop(job)

    def _serve(self, store: ChatStore) -> None:
        self._begin(store)
        while job := self._jobs.get():
            if job is _RETRY and store.read_only:
                store.close()
                store = ChatStore(self._database)
                self._begin(store)
            elif job is _RETRY:
                self._write_waiting(store, says_again=True)
            elif not job.writes:
                self._read(store, job)
            elif self._read_only:
                self._drop(job)
            else:
                self._wait_in_line(job)
                self._write_waiting(store)
        self._write_waiting(store)  # there may be room by now
        store.close()

    def _begin(self, store: ChatStore) -> None:
        """With a database that has just been opened."""
        self._read_only = store.read_only
        if store.notice and store.may_heal:
            self._report(Problem(store.notice, "Try again", "retry_save", topic="storage"))
        elif store.notice:
            self._report(Problem(store.notice, "Show the folder", "show_data", topic="storage"))
        else:
            self._answered.emit(lambda: self.problem_solved.emit("storage"))
        self._list(store)

    def _read(self, store: ChatStore, job: _Job) -> None:
        try:
            self._answer(job, job.run(store))
        except (sqlite3.Error, OSError) as error:
            self._report(_explained(error))

    def _wait_in_line(self, job: _Job) -> None:
        for place, waiting in enumerate(self._waiting):
            if job.messages and waiting.messages == job.messages:
                self._waiting[place] = job
                return
        self._waiting.append(job)

    def _write_waiting(self, store: ChatStore, *, says_again: bool = False) -> None:
        """In order, up to the first that the disk refuses: said once, not for every new word."""
        lists = False
        while self._waiting:
            job = self._waiting[0]
            try:
                result = job.run(store)
            except sqlite3.Error as error:
                if is_unwritable(error):
                    if says_again or not self._refused:
                        self._report(_explained(error))
                    self._refused = True
                    break
                self._report(_explained(error))  # it would fail for ever and hold up the others
                self._drop(job)
            else:
                lists |= job.lists
                self._answer(job, result)
            self._waiting.pop(0)
        if lists:
            self._list(store)
        if self._refused and not self._waiting:
            self._refused = False
            self._answered.emit(lambda: self.problem_solved.emit("storage"))

    def _answer(self, job: _Job, result: Any) -> None:
        if job.then:
            then = job.then
            self._answered.emit(lambda: then(result))
        for message_id in job.messages:
            self._answered.emit(partial(self.saved.emit, message_id))

    def _drop(self, job: _Job) -> None:
        for message_id in job.messages:
            self._answered.emit(partial(self.lost.emit, message_id))

    def _report(self, problem: Problem) -> None:
        self._answered.emit(lambda: self.problem.emit(problem))

    def _list(self, store: ChatStore) -> None:
        chats = store.chats()
        self._answered.emit(lambda: self.chats_changed.emit(chats))


def _write_whole(target: Path, text: str) -> None:
    """All of it or nothing: an older file stays where a disk is too full. Raises OSError."""
    beside = target.with_name(f".sordino-{os.getpid()}.part")
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


def _explained(error: OSError | sqlite3.Error) -> Problem:
    if isinstance(error, OSError):
        return Problem(f"The file can’t be written: {error.strerror}.", topic="storage")
    if is_damage(error):
        return Problem(
            "The chats on disk are damaged. Quit and open Sordino again: they are then set aside "
            "and a new list begun.",
            topic="storage",
        )
    if not is_unwritable(error):
        return Problem(
            f"That can’t be read or saved: {error}. Open Sordino again.", topic="storage"
        )
    remedy = "Close what else holds the chats" if is_busy(error) else "Free some space"
    return Problem(
        f"Your words are not saved: {error}. {remedy}, then try again.",
        "Try again",
        "retry_save",
        topic="storage",
    )
