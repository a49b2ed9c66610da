"""What is done to a whole chat: rename, export, delete, and take the deletion back.

Serves the menus, which mean the chat on view, and the sidebar, which names one.
"""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from app.chats.library import ChatLibrary
from app.conversation import Conversation
from app.windows.main_window import MainWindow


class ChatActions(QObject):
    def __init__(
        self, window: MainWindow, conversation: Conversation, library: ChatLibrary
    ) -> None:
        super().__init__(window)
        self._window = window
        self._conversation = conversation
        self._library = library
        self._deleted: list[str] = []  # the chats that the notice offers to bring back

    def rename_shown(self) -> None:
        if chat := self._conversation.chat:
            self._window.open_sidebar()
            self._window.sidebar.list.rename(chat.id)

    def delete_shown(self) -> None:
        if chat := self._conversation.chat:
            self.delete(chat.id)

    def export_shown(self) -> None:
        if chat := self._conversation.chat:
            self.export(chat.id)

    def delete(self, chat_id: str) -> None:
        """At once, without a question: the notice that follows takes it back."""
        shown = self._conversation.chat
        if shown and shown.id == chat_id:
            self._conversation.open(None)
        notice = self._window.notice
        if not notice.isVisible() or notice.text != _deleted_words(self._deleted):
            self._deleted = []
        self._deleted.append(chat_id)
        self._library.delete(chat_id)
        notice.say(_deleted_words(self._deleted), "Undo")

    def undo_delete(self) -> None:
        """Brings back all that the notice names, and shows what was deleted last."""
        deleted, self._deleted = self._deleted, []
        for chat_id in deleted:
            self._library.restore(chat_id)
        if deleted:
            self._conversation.open(deleted[-1])

    def export(self, chat_id: str) -> None:
        """Asks where to, then writes Markdown."""
        dialog = QFileDialog(self._window, "Export chat", str(Path.home()), "Markdown (*.md)")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("md")
        dialog.selectFile(file_name(self._window.sidebar.title_of(chat_id)))
        dialog.fileSelected.connect(lambda name: self._write(chat_id, Path(name)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _write(self, chat_id: str, target: Path) -> None:
        self._library.export_markdown(
            chat_id, target, lambda: self._window.notice.say(f"Saved as {target.name}")
        )


def _deleted_words(chat_ids: Sequence[str]) -> str:
    return "Chat deleted" if len(chat_ids) == 1 else f"{len(chat_ids)} chats deleted"


def file_name(title: str) -> str:
    """A title without what a file's name can't hold."""
    kept = "".join(c if c.isalnum() or c in " -_" else " " for c in title)
    return " ".join(kept.split()) or "Chat"
