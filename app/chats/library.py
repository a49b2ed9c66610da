"""The chats as the window sees them: everything asked here is done on the store's own thread.

An fsync can take 10 ms on an SSD and far longer on a busy one, and a search reads every message;
neither may hold a frame. So one thread owns the one `ChatStore`, takes jobs in the order in which
they were asked, and answers by signal or callback on the thread that built this object. A read
that is asked after a write sees it.
"""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.chats.models import Chat, ChatMessage


class ChatLibrary(QObject):
    """Chats on disk, without waiting for the disk."""

    chats_changed = Signal(list)  # list[Chat], latest first: at start and after every change
    found = Signal(str, list)  # the query, list[SearchHit]
    saved = Signal(str)  # id of a message that now survives a crash
    deleted = Signal(str)  # id of a chat
    problem = Signal(object)  # Problem, topic "storage"
    problem_solved = Signal(str)  # topic

    def __init__(self, database: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)

    @property
    def read_only(self) -> bool:
        """The database is from a newer Sordino: chats can be read, nothing can be written."""
        raise NotImplementedError

    def load(self, chat_id: str, then: Callable[[Chat | None, list[ChatMessage]], None]) -> None:
        """Reads a chat with all its messages; `then(None, [])` if there is none."""
        raise NotImplementedError

    def put_chat(self, chat: Chat) -> None:
        raise NotImplementedError

    def put_message(self, chat_id: str, message: ChatMessage) -> None:
        """Adds or replaces a message; `saved` follows."""
        raise NotImplementedError

    def remove_message(self, message_id: str) -> None:
        """Takes back a message that was never answered."""
        raise NotImplementedError

    def rename(self, chat_id: str, title: str) -> None:
        raise NotImplementedError

    def delete(self, chat_id: str) -> None:
        """Hides the chat; `restore` brings it back until the next start, which purges it."""
        raise NotImplementedError

    def restore(self, chat_id: str) -> None:
        raise NotImplementedError

    def search(self, query: str) -> None:
        """`found` follows; an empty query finds nothing."""
        raise NotImplementedError

    def export_markdown(self, chat_id: str, target: Path, then: Callable[[], None]) -> None:
        """Writes the path on view as Markdown; a problem is emitted if it can't be written."""
        raise NotImplementedError

    def retry(self) -> None:
        """Tries again what a full disk refused."""
        raise NotImplementedError

    def close(self) -> None:
        """Finishes what is queued and closes the database; within 2 s."""
        raise NotImplementedError
