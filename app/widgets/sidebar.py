"""The sidebar: a new chat, a search, the conversations. Signals out, methods in."""

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.chats.models import Chat, SearchHit
from app.style import icon_size
from app.theme import GRID, SIDEBAR_WIDTH, Theme
from app.widgets.chat_list import ChatList
from app.widgets.chat_rows import group, search_rows
from app.widgets.icons import icon
from app.widgets.keys import claims_escape
from app.widgets.labels import with_keys

SEARCH_PAUSE_MS = 120  # a search starts when the typing pauses


class SearchField(QLineEdit):
    """Words to look for. Esc empties it and leaves, Down goes into the list."""

    left = Signal()
    entered_list = Signal()

    def event(self, event: QEvent) -> bool:
        return claims_escape(event) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.clear()
            self.left.emit()
        elif event.key() == Qt.Key.Key_Down:
            self.entered_list.emit()
        else:
            super().keyPressEvent(event)


class Sidebar(QFrame):
    new_chat_requested = Signal()
    search_changed = Signal(str)  # empty when the search has ended
    left = Signal()  # the person wants back to the composer

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sidebar")
        self.setFixedWidth(SIDEBAR_WIDTH)
        self._chats: Sequence[Chat] = ()
        self._hits: Sequence[SearchHit] | None = None

        self.new_chat = QPushButton("New chat")
        self.new_chat.setProperty("kind", "flat")
        self.new_chat.setToolTip(with_keys("New chat", "Ctrl+N"))
        self.search = SearchField()
        self.search.setObjectName("search")
        self.search.setPlaceholderText("Search")
        self.search.setAccessibleName("Search in chats")
        self.search.setClearButtonEnabled(False)
        self.list = ChatList()
        self.empty = QLabel()
        self.empty.setProperty("kind", "quiet")
        self.empty.setWordWrap(True)
        self.empty.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)

        top = QVBoxLayout()
        top.setContentsMargins(GRID, GRID, GRID, GRID)
        top.setSpacing(GRID)
        top.addWidget(self.new_chat)
        top.addWidget(self.search)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, GRID)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(self.empty)
        layout.addWidget(self.list, 1)

        self._pause = QTimer(self, singleShot=True, interval=SEARCH_PAUSE_MS)
        self._pause.timeout.connect(self._search)
        self.new_chat.clicked.connect(self.new_chat_requested)
        self.search.textChanged.connect(self._schedule_search)
        self.search.left.connect(self.left)
        self.search.entered_list.connect(self.list.setFocus)
        self.search.returnPressed.connect(self.list.setFocus)
        self._show_rows()

    def set_appearance(self, theme: Theme, text_size: int) -> None:
        size = icon_size(text_size)
        self.new_chat.setIcon(icon("new-chat", theme.text, size=size))
        self.new_chat.setIconSize(QSize(size, size))
        for action in self.search.actions():
            self.search.removeAction(action)
        self.search.addAction(icon("search", theme.quiet), QLineEdit.ActionPosition.LeadingPosition)
        self.list.set_appearance(theme, text_size)

    def set_chats(self, chats: Sequence[Chat]) -> None:
        self._chats = chats
        self._show_rows()
        if self.search.text().strip():
            self._pause.start()  # what was found may be gone or renamed

    def show_hits(self, query: str, hits: Sequence[SearchHit]) -> None:
        """What `query` found; ignored if something else is being looked for by now."""
        if query and query == self.search.text().strip():
            self._hits = hits
            self._show_rows()

    def title_of(self, chat_id: str) -> str:
        return next((chat.title for chat in self._chats if chat.id == chat_id), "")

    def focus_search(self) -> None:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def _schedule_search(self, text: str) -> None:
        if text.strip():
            self._pause.start()
        else:
            self._pause.stop()
            self._search()

    def _search(self) -> None:
        query = self.search.text().strip()
        if not query and self._hits is not None:
            self._hits = None
            self._show_rows()
        self.search_changed.emit(query)

    def _show_rows(self) -> None:
        if self._hits is None:
            rows = group(self._chats, datetime.now().date())
            self.empty.setText("Your chats will be listed here.")
        else:
            rows = search_rows(self._hits)
            self.empty.setText("No chat has these words.")
        self.empty.setVisible(not rows)
        self.list.set_rows(rows)
