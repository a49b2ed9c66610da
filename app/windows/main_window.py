"""The window: sidebar, header, conversation, composer, status line, and what floats over them.

Owns the arrangement and the drag of files. Signals out, methods in; nothing is decided here.
"""

from PySide6.QtCore import QByteArray, QEvent, QObject, QPoint, Qt, QUrl, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QKeyEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMainWindow,
    QPushButton,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from app.documents.document import Document
from app.style import stylesheet
from app.theme import COLUMN_WIDTH, GRID, Theme
from app.widgets.banner import Banner
from app.widgets.composer import Composer
from app.widgets.document_view import DocumentView
from app.widgets.drop_target import DropTarget
from app.widgets.empty_state import EmptyState
from app.widgets.fold import Fold
from app.widgets.header import Header
from app.widgets.keys import PAGE_KEYS, is_typing
from app.widgets.notice import Notice
from app.widgets.sidebar import Sidebar
from app.widgets.status_line import StatusLine
from app.widgets.transcript import TranscriptView
from app.windows.menus import Menus

_MARGIN = 3 * GRID  # px beside the reading column
_NARROW = 680  # px; below that the sidebar makes room by itself
_TWO_COLUMNS = 720  # px; below that a document's page takes the whole window
_WIDE = 1280  # px; below that it makes room for a document's page
_SIZE = (1080, 760)


class MainWindow(QMainWindow):
    files_dropped = Signal(list)  # list[QUrl]
    closing = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Sordino")
        self.setAcceptDrops(True)
        self.setMinimumSize(400, 420)
        self.resize(*_SIZE)
        self._wants_sidebar = True

        self.sidebar = Sidebar()
        self.header = Header()
        self.banner = Banner()
        self.empty_state = EmptyState()
        self.transcript = TranscriptView()
        self.composer = Composer()
        self.status = StatusLine()
        self.fold = Fold(self.sidebar)
        self.document_view = DocumentView()

        pages = QWidget()
        self._pages = QStackedLayout(pages)
        self._pages.addWidget(self.empty_state)
        self._pages.addWidget(self.transcript)
        self._conversation = QWidget()
        main = QVBoxLayout(self._conversation)
        main.setContentsMargins(0, 0, 0, 0)
        main.setSpacing(0)
        main.addWidget(self.header)
        main.addLayout(_in_column(self.banner, top=0, bottom=0))
        main.addWidget(pages, 1)
        main.addLayout(_in_column(self.composer, top=GRID, bottom=0))
        main.addLayout(_in_column(self.status, top=GRID - 2, bottom=GRID))
        self._page = page = QWidget()
        page.setObjectName("page")
        row = QHBoxLayout(page)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.fold)
        row.addWidget(self._conversation, 1)
        row.addWidget(self.document_view, 1)
        self.setCentralWidget(page)

        self.notice = Notice(page)
        self.drop_target = DropTarget(page)
        self.menus = Menus(self)
        self.menus.pastes_into = self.composer.field
        self.composer.installEventFilter(self)
        _leave_focus_on_click(page)
        self.fold.folded.connect(lambda folded: self._tell_sidebar(not folded))
        self._tell_sidebar(True)

    def set_appearance(self, theme: Theme, text_size: int) -> None:
        """Redraws everything in a theme; safe at any moment, also while text streams."""
        self.setStyleSheet(stylesheet(theme, text_size))
        self.sidebar.set_appearance(theme, text_size)
        self.header.set_appearance(theme)
        self.banner.set_theme(theme)
        self.empty_state.set_appearance(theme)
        self.transcript.set_appearance(theme, text_size)
        self.composer.set_appearance(theme, text_size)
        self.drop_target.set_appearance(theme, text_size)
        self.document_view.set_appearance(theme, text_size)

    def set_reduced_motion(self, reduce: bool) -> None:
        self.fold.reduce_motion = reduce
        self.transcript.set_reduced_motion(reduce)
        self.composer.effort.set_reduced_motion(reduce)

    def show_transcript(self, has_messages: bool) -> None:
        """The conversation, or what to do while there is none."""
        self._pages.setCurrentWidget(self.transcript if has_messages else self.empty_state)

    def set_sidebar_visible(self, visible: bool) -> None:
        """The wish that is kept; a new one holds at once."""
        if visible != self._wants_sidebar:
            self._wants_sidebar = visible
            self.fold.set_open(visible and (self.width() >= _NARROW or not self.isVisible()))

    def open_document(self, document: Document, first: int, last: int) -> None:
        """The page with these lines, beside the conversation; the sidebar makes room."""
        if self.width() < _WIDE:
            self.fold.set_open(False)
        self.document_view.show_lines(document, first, last)
        self._place_document_view()
        self.document_view.setFocus()

    def _place_document_view(self) -> None:
        """Half of the window; all of it where that is too narrow for two."""
        self._conversation.setVisible(self.document_view.isHidden() or self.width() >= _TWO_COLUMNS)

    def close_document(self) -> None:
        self.document_view.hide()
        self._conversation.show()
        self.fold.set_open(self._wants_sidebar and self.width() >= _NARROW)
        self.composer.setFocus()

    @property
    def sidebar_is_open(self) -> bool:
        return self.fold.is_open

    def open_sidebar(self) -> None:
        """Also in a narrow window, because the person asked."""
        self.fold.set_open(True)

    def restore_geometry(self, saved: str) -> None:
        """Where the window was, moved onto a screen that is there."""
        if saved:
            self.restoreGeometry(QByteArray.fromBase64(saved.encode("ascii", "ignore")))
        screen = self.screen() or QGuiApplication.primaryScreen()
        if not screen.availableGeometry().contains(self.frameGeometry()):
            # Less than all of it: the frame's own width is not known before the window is shown.
            room = screen.availableGeometry().adjusted(GRID, 4 * GRID, -GRID, -GRID)
            self.resize(self.size().boundedTo(room.size()))
            left = max(room.left(), min(self.x(), room.right() - self.width() + 1))
            top = max(room.top(), min(self.y(), room.bottom() - self.height() + 1))
            self.move(left, top)

    def saved_geometry(self) -> str:
        return bytes(self.saveGeometry().toBase64().data()).decode("ascii")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            is_reading = self.document_view.isVisible()
            least = _WIDE if is_reading else _NARROW
            self.fold.set_open(self._wants_sidebar and self.width() >= least)
            if is_reading:
                self._place_document_view()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Move, QEvent.Type.Resize):
            self._place_notice()  # it stands on the composer
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """What nothing with the focus wants: words are for the composer, pages to be turned."""
        if is_typing(event):
            self.composer.setFocus()
            self.composer.field.keyPressEvent(event)
        elif event.key() in PAGE_KEYS:
            self.transcript.keyPressEvent(event)
        elif event.key() == Qt.Key.Key_Escape and self.document_view.isVisible():
            self.close_document()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.closing.emit()
        super().closeEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _files(event):
            event.acceptProposedAction()
            self.drop_target.cover()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.drop_target.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        self.drop_target.hide()
        if files := _files(event):
            event.acceptProposedAction()
            self.files_dropped.emit(files)

    def _tell_sidebar(self, shown: bool) -> None:
        self.header.set_sidebar_shown(shown)
        self.menus.set_sidebar_shown(shown)

    def _place_notice(self) -> None:
        page = self._page
        foot = self.composer.mapTo(page, QPoint(self.composer.width() // 2, -GRID))
        self.notice.place_above(foot)


def _leave_focus_on_click(page: QWidget) -> None:
    """A click on a button leaves the keyboard where it is, as on a Mac; Tab goes there."""
    for button in page.findChildren(QPushButton):
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)


def _in_column(widget: QWidget, *, top: int, bottom: int) -> QHBoxLayout:
    """Centres a widget in the reading column."""
    widget.setMaximumWidth(COLUMN_WIDTH)
    layout = QHBoxLayout()
    layout.setContentsMargins(_MARGIN, top, _MARGIN, bottom)
    layout.addWidget(widget)
    return layout


def _files(event: QDropEvent) -> list[QUrl]:
    return [url for url in event.mimeData().urls() if url.isLocalFile()]
