"""The sidebar's rows as data: chats grouped by day, or what a search found, as a Qt model.

No painting and no store here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import QWidget

from app.chats.models import Chat, SearchHit

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Row:
    """A chat, a chat with the words that were found in it, or, without a chat, a heading."""

    text: str
    chat: Chat | None = None
    excerpt: str = ""
    message_id: str = ""  # the message that has the words


def group(chats: Sequence[Chat], today: date) -> list[Row]:
    """Chats, latest first, under the headings Today, Yesterday and Earlier (local days)."""
    rows: list[Row] = []
    heading = ""
    for chat in chats:
        if (named := day_name(chat.updated, today)) != heading:
            heading = named
            rows.append(Row(heading))
        rows.append(Row(chat.title, chat))
    return rows


def day_name(moment: datetime, today: date) -> str:
    day = moment.astimezone().date()
    if day >= today:
        return "Today"
    return "Yesterday" if day == today - timedelta(days=1) else "Earlier"


def search_rows(hits: Sequence[SearchHit]) -> list[Row]:
    """One row for each chat in which the words were found."""
    return [Row(hit.chat.title, hit.chat, hit.excerpt, hit.message_id or "") for hit in hits]


class ChatRows(QAbstractListModel):
    """The rows as Qt's views want them."""

    renamed = Signal(str, str)  # chat id, new title

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._rows: list[Row] = []

    def set_rows(self, rows: list[Row]) -> None:
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def row(self, index: Index) -> Row:
        return self._rows[index.row()]

    def index_of(self, chat_id: str | None) -> QModelIndex:
        for number, row in enumerate(self._rows):
            if row.chat and row.chat.id == chat_id:
                return self.index(number)
        return QModelIndex()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's own signature)
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.row(index)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return row.text
        if role == Qt.ItemDataRole.ToolTipRole and row.chat:
            return row.text
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{row.text}: {row.excerpt}" if row.excerpt else row.text
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if self.row(index).chat is None:
            return Qt.ItemFlag.NoItemFlags
        flag = Qt.ItemFlag
        return flag.ItemIsEnabled | flag.ItemIsSelectable | flag.ItemIsEditable

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        chat, title = self.row(index).chat, " ".join(str(value).split())
        if chat is None or not title or title == chat.title:
            return False
        self.renamed.emit(chat.id, title)  # the new row comes back through set_rows
        return True
