"""The question that is being written, kept across a restart: its words and its documents.

The words lie with the settings, where the first paint finds them; the documents, which may be
megabytes, lie with the chats and are written when others are attached. Both stay on the disk until
that has the question they became.
"""

from PySide6.QtCore import QObject, QTimer

from app.chats.library import ChatLibrary
from app.chats.models import Attachment
from app.conversation import Conversation
from app.settings_store import SettingsStore
from app.widgets.composer import Composer

PAUSE_MS = 500  # in the typing, after which the draft is kept


class Draft(QObject):
    def __init__(
        self,
        composer: Composer,
        settings: SettingsStore,
        library: ChatLibrary,
        conversation: Conversation,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._composer = composer
        self._settings = settings
        self._library = library
        self._conversation = conversation
        self._documents: tuple[Attachment, ...] = ()  # that the disk has
        self._pause = QTimer(self, singleShot=True, interval=PAUSE_MS)
        self._pause.timeout.connect(self.keep)
        composer.draft_changed.connect(self._pause.start)
        composer.attachments.changed.connect(self._pause.start)

    def show_words(self) -> None:
        self._composer.set_text(self._settings.value.draft)

    def load_documents(self) -> None:
        """They come into the composer, before what has been attached since the start."""
        self._library.load_draft_attachments(self._restore)

    def keep(self) -> None:
        """What stands in the composer; later, while the disk has not taken what stood there."""
        if self._conversation.has_unsaved:
            self._pause.start()
            return
        self._pause.stop()
        self._settings.update(draft=self._composer.text)
        documents = self._composer.attachments.attachments
        if documents != self._documents:
            self._documents = documents
            self._library.put_draft_attachments(documents)

    def _restore(self, documents: list[Attachment]) -> None:
        self._documents = tuple(documents)
        for document in (*documents, *self._composer.attachments.attachments):
            self._composer.attachments.add(document)
