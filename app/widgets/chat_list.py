"""The list of conversations: painted, chosen from, renamed in place.

Owns selection, painting and editing. Knows no store: `Sidebar` feeds it.
"""

from PySide6.QtCore import (
    QAbstractItemModel,
    QItemSelectionModel,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemDelegate,
    QAbstractItemView,
    QLineEdit,
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.chats.models import Chat
from app.style import caption_size, control_size, text_font
from app.theme import GRID, LIGHT, TEXT_SIZE, Theme
from app.widgets.chat_rows import ChatRows, Index, Row
from app.widgets.keys import is_typing


class ChatRowPainter(QStyledItemDelegate):
    """Draws a row: a heading in quiet text, a title in a soft field when chosen or hovered."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.theme: Theme = LIGHT
        self.text_size = TEXT_SIZE

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        line = QFontMetrics(text_font(control_size(self.text_size))).height()
        row = _row(index)
        if row.chat is None:
            return QSize(0, line + (2 if index.row() else 1) * GRID)
        return QSize(0, (2 * line if row.excerpt else line) + 2 * GRID - 2)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row, theme = _row(index), self.theme
        area: QRect = option.rect.adjusted(GRID, 1, -GRID, -1)
        words = area.adjusted(GRID, 0, -GRID, 0)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if row.chat is None:
            self._write(painter, words.adjusted(0, 0, 0, -3), row.text, theme.quiet, heading=True)
        else:
            self._fill(painter, area, option)
            if row.excerpt:
                middle = words.center().y()
                lower = QRect(QPoint(words.left(), middle), words.bottomRight())
                self._write(painter, lower.adjusted(0, 0, 0, -4), row.excerpt, theme.quiet)
                words.setBottom(middle + 2)
            self._write(painter, words, row.text, theme.text)
        painter.restore()

    def _fill(self, painter: QPainter, area: QRect, option: QStyleOptionViewItem) -> None:
        state: QStyle.StateFlag = option.state
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        if chosen or state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(self.theme.selected if chosen else self.theme.hover))
            painter.drawRoundedRect(area, 7, 7)
        if chosen and option.widget.hasFocus():
            painter.setPen(QColor(self.theme.accent))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area, 7, 7)

    def _write(
        self, painter: QPainter, area: QRect, text: str, colour: str, heading: bool = False
    ) -> None:
        quiet = colour == self.theme.quiet
        font = text_font((caption_size if quiet else control_size)(self.text_size))
        if heading:
            font.setWeight(font.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(QColor(colour))
        place = Qt.AlignmentFlag.AlignBottom if heading else Qt.AlignmentFlag.AlignVCenter
        elided = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, place | Qt.AlignmentFlag.AlignLeading, elided)

    def createEditor(
        self, parent: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> QLineEdit:
        field = QLineEdit(parent)
        field.setAccessibleName("New name of the chat")
        field.setMaxLength(200)
        return field

    def updateEditorGeometry(
        self, editor: QWidget, option: QStyleOptionViewItem, index: Index
    ) -> None:
        editor.setGeometry(option.rect.adjusted(GRID + 2, 1, -GRID - 2, -1))

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        assert isinstance(editor, QLineEdit)
        model.setData(index, editor.text())


def _row(index: Index) -> Row:
    rows = index.model()
    assert isinstance(rows, ChatRows)
    return rows.row(index)


class ChatList(QListView):
    """Choosing with a click or the arrow keys, renaming with a double click, ⌘⌫ to delete."""

    chosen = Signal(str, str)  # chat id; id of the message that was found in it, or nothing
    opened = Signal(str)  # by a click or Return, to write there: id of the found message or nothing
    rename_requested = Signal(str, str)
    delete_requested = Signal(str)
    export_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("chatList")
        self.setAccessibleName("Chats")
        self._rows = ChatRows(self)
        self._painter = ChatRowPainter(self)
        self._current: str | None = None
        self._waiting: list[Row] | None = None
        self.setModel(self._rows)
        self.setItemDelegate(self._painter)
        self.setMouseTracking(True)
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._offer)
        self.clicked.connect(self._open)
        self._rows.renamed.connect(self.rename_requested)

    def set_appearance(self, theme: Theme, text_size: int) -> None:
        self._painter.theme = theme
        self._painter.text_size = text_size
        self.scheduleDelayedItemsLayout()
        self.viewport().update()

    def set_rows(self, rows: list[Row]) -> None:
        """Replaces what is listed; while a name is being edited, once that has ended."""
        if self.is_editing:
            self._waiting = rows
            return
        position = self.verticalScrollBar().value()
        self._rows.set_rows(rows)
        self._select_current()
        self.verticalScrollBar().setValue(position)

    def set_current(self, chat_id: str | None) -> None:
        """Marks the chat that is on view; tells nobody."""
        self._current = chat_id
        self._select_current()

    @property
    def is_editing(self) -> bool:
        return self.state() == QAbstractItemView.State.EditingState

    def rename(self, chat_id: str) -> None:
        """Opens the field for a new name in the chat's row."""
        index = self._rows.index_of(chat_id)
        if index.isValid():
            self.scrollTo(index)
            self.edit(index)

    def closeEditor(self, editor: QWidget, hint: QAbstractItemDelegate.EndEditHint) -> None:
        super().closeEditor(editor, hint)
        if self._waiting is not None:
            rows, self._waiting = self._waiting, None
            self.set_rows(rows)

    def currentChanged(self, current: Index, previous: Index) -> None:
        super().currentChanged(current, previous)
        chat = self._chat_at(current)
        if chat and chat.id != self._current:
            self._current = chat.id
            self.chosen.emit(chat.id, self._rows.row(current).message_id)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        chat = self._chat_at(self.currentIndex())
        is_return = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if chat and is_return and not self.is_editing:
            self._open(self.currentIndex())
        elif chat and event.key() == Qt.Key.Key_Delete:
            self.delete_requested.emit(chat.id)
        elif is_typing(event):
            event.ignore()  # for the composer
        else:
            super().keyPressEvent(event)

    def _select_current(self) -> None:
        index = self._rows.index_of(self._current)
        selection = self.selectionModel()
        if index.isValid():
            selection.setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        else:
            selection.clear()

    def _open(self, index: Index) -> None:
        if self._chat_at(index) and not self.is_editing:
            self.opened.emit(self._rows.row(index).message_id)

    def _chat_at(self, index: Index) -> Chat | None:
        return self._rows.row(index).chat if index.isValid() else None

    def _offer(self, place: QPoint) -> None:
        chat = self._chat_at(self.indexAt(place))
        if chat is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Rename").triggered.connect(lambda: self.rename(chat.id))
        menu.addAction("Export…").triggered.connect(lambda: self.export_requested.emit(chat.id))
        menu.addSeparator()
        menu.addAction("Delete").triggered.connect(lambda: self.delete_requested.emit(chat.id))
        menu.popup(self.viewport().mapToGlobal(place))
