"""Builds the objects and connects their signals: the only wiring.

Nothing is computed here. `Sordino` is one running app, which tests build as well; `run` is the
process around it. What the first paint does not need is imported and started after it.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QThreadPool, QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication, QLineEdit, QTextEdit

from app import paths
from app.chats.library import ChatLibrary
from app.chats.models import Attachment, Chat, ShownMessage, TurnStatistics
from app.conversation import Conversation
from app.desktop import Application, Desktop
from app.documents.citations import Citation
from app.documents.document import Document
from app.documents.lines import Box
from app.documents.originals import Originals
from app.documents.page_pictures import PagePictures
from app.engine_client import EngineClient
from app.forecast import Speed, forecast
from app.settings import Settings
from app.settings_store import SettingsStore
from app.single_instance import SingleInstance
from app.style import control_size, text_font
from app.theme import TEXT_SIZE, Theme
from app.widgets.effort_slider import install_accessible_effort
from app.windows.appearance import AppearanceWatch, system_is_dark
from app.windows.attaching import Attaching
from app.windows.chat_actions import ChatActions
from app.windows.draft import Draft
from app.windows.main_window import MainWindow
from app.windows.model_picker import ModelPicker
from mlx_engine.protocol import ModelInfo

if TYPE_CHECKING:
    from app.windows.settings_window import SettingsWindow

GUIDE_SEARCHES = (
    "The guide can’t read documents: it will show the lines that match your question. gpt-oss-20b "
    "reads them."
)
TEXT_SIZES = (11, 24)  # pixels, the smallest and the largest


class Sordino(QObject):
    """The app: one window, one engine, one library of chats."""

    def __init__(
        self,
        engine_command: Sequence[str] | None = None,
        is_dark: Callable[[], bool] = system_is_dark,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.settings = SettingsStore(paths.settings_path(), self)
        self.library = ChatLibrary(paths.database_path(), self)
        self.engine = EngineClient(paths.log_path(), engine_command, parent=self)
        self.conversation = Conversation(
            self.engine, self.library, lambda: self.settings.value, self
        )
        # Before any widget is made: one with a style sheet keeps the family that it began with.
        QApplication.setFont(text_font(control_size(self.settings.value.text_size)))
        self.window = MainWindow()
        self.appearance = AppearanceWatch(lambda: self.settings.value, is_dark, self)
        self.picker = ModelPicker(self.window, self.engine, self.settings)
        self.originals = Originals(paths.documents_directory())
        self.attaching = Attaching(self.window, self.originals)
        self.pictures = PagePictures(self)
        self._speed = Speed()
        self._taken = 0  # tokens of the conversation on view
        self.draft = Draft(
            self.window.composer, self.settings, self.library, self.conversation, self
        )
        self.chat_actions = ChatActions(self.window, self.conversation, self.library)
        self.settings_window: SettingsWindow | None = None
        self._theme: Theme | None = None
        self._connect_composer()
        self._connect_transcript()
        self._connect_chats()
        self._connect_models()
        self._connect_problems()
        self._connect_settings()
        self._connect_menus()

    def show(self) -> None:
        """The first paint: no disk but the settings, no engine."""
        settings = self.settings.value
        self.appearance.refresh()
        self._follow_settings(settings)
        self.window.restore_geometry(settings.geometry)
        self.draft.show_words()
        self.window.composer.effort.set_effort(settings.effort)
        self.window.show()
        self.window.composer.setFocus()

    def start(self) -> None:
        """Chats and model; the window is there already."""
        self.picker.start()
        self.library.start()
        self.draft.load_documents()
        self.library.load_digests(self._tidy_originals)
        self.conversation.open(self.settings.value.last_chat or None)
        self.settings.report()

    def shut_down(self) -> None:
        """Keeps the draft, what was said, and where the window stood; ends the engine."""
        self.conversation.return_unsaved()
        self.draft.keep()
        self.settings.update(geometry=self.window.saved_geometry())
        self.pictures.shut_down()
        self.engine.shut_down()
        self.library.close()

    def open_files(self, files: Sequence[Path]) -> None:
        """Documents from the Dock, "Open With", or a drop."""
        self.attaching.attach(files)
        self.raise_window()

    def raise_window(self) -> None:
        """In front, also when it was closed, minimised or asked for by a second start."""
        window = self.window
        if window.isMinimized():
            window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
        window.show()
        window.raise_()
        window.activateWindow()

    # Wiring --------------------------------------------------------------------------------------

    def _connect_composer(self) -> None:
        composer, conversation = self.window.composer, self.conversation
        composer.submitted.connect(self._send)
        composer.stop_requested.connect(conversation.stop)
        composer.attach_requested.connect(self.attaching.choose)
        composer.files_pasted.connect(self._attach_urls)
        composer.effort_changed.connect(conversation.set_effort)
        self.window.files_dropped.connect(self._attach_urls)
        self.attaching.attached.connect(self._attach)
        self.attaching.progressed.connect(composer.attachments.set_reading)
        composer.attachments.cancel_requested.connect(self.attaching.cancel)
        composer.attachments.changed.connect(self._forecast)
        conversation.statistics_changed.connect(self._measure)
        self.window.empty_state.example_chosen.connect(lambda words: self._send(words, ()))
        conversation.draft_returned.connect(composer.give_back)
        conversation.effort_changed.connect(composer.effort.set_effort)
        conversation.busy_changed.connect(self._on_busy)

    def _connect_transcript(self) -> None:
        transcript, conversation = self.window.transcript, self.conversation
        conversation.shown.connect(self._show_messages)
        conversation.revealed.connect(transcript.reveal)
        conversation.message_added.connect(self._add_message)
        conversation.reply_started.connect(transcript.begin_reply)
        conversation.reading_chosen.connect(transcript.begin_reply)
        conversation.prefill_progress.connect(transcript.set_prefill)
        conversation.thinking_added.connect(transcript.add_thinking)
        conversation.answer_added.connect(transcript.add_answer)
        conversation.reply_finished.connect(transcript.finish_reply)
        conversation.statistics_changed.connect(self.window.status.set_statistics)
        transcript.edit_submitted.connect(conversation.edit)
        transcript.regenerate_requested.connect(conversation.regenerate)
        transcript.reread_requested.connect(conversation.regenerate)
        transcript.branch_requested.connect(conversation.switch)
        transcript.answer_now_requested.connect(conversation.answer_now)
        transcript.link_activated.connect(_open_link)
        transcript.citation_activated.connect(self._open_citation)
        view = self.window.document_view
        view.picture_wanted.connect(self._draw_page)
        view.closed.connect(self.window.close_document)
        self.pictures.drawn.connect(view.show_picture)

    def _connect_chats(self) -> None:
        sidebar, library = self.window.sidebar, self.library
        library.chats_changed.connect(sidebar.set_chats)
        library.found.connect(sidebar.show_hits)
        sidebar.search_changed.connect(library.search)
        sidebar.new_chat_requested.connect(self._new_chat)
        sidebar.left.connect(self.window.composer.setFocus)
        sidebar.list.chosen.connect(self.conversation.open)
        sidebar.list.opened.connect(self._open_found)
        sidebar.list.rename_requested.connect(library.rename)
        sidebar.list.delete_requested.connect(self.chat_actions.delete)
        sidebar.list.export_requested.connect(self.chat_actions.export)
        self.conversation.opened.connect(self._on_opened)
        self.conversation.title_changed.connect(self._on_title)
        self.window.notice.acted.connect(self.chat_actions.undo_delete)
        self.window.notice.acted.connect(self._focus_composer)

    def _connect_models(self) -> None:
        self.picker.model_ready.connect(self._on_model)
        self.attaching.model_folder_given.connect(self.picker.choose)

    def _connect_problems(self) -> None:
        banner = self.window.banner
        for source in (self.conversation, self.engine, self.library, self.settings):
            source.problem.connect(banner.show_problem)
            source.problem_solved.connect(banner.solve)
        self.attaching.problem.connect(banner.show_problem)
        ways_out: dict[str, Callable[[], object]] = {
            "choose_model": self.picker.open_menu,
            "open_settings": self._open_settings,
            "regenerate": self.conversation.regenerate,
            "new_chat": self._new_chat,
            "restart_engine": self.engine.restart,
            "retry_save": self.library.retry,
            "show_data": _show_data,
            "stop": self.conversation.stop,
        }
        banner.action_requested.connect(lambda key: ways_out[key]())
        banner.close_button.clicked.connect(self._focus_composer)

    def _connect_settings(self) -> None:
        self.settings.changed.connect(self._follow_settings)
        self.appearance.changed.connect(self._show_theme)

    def _connect_menus(self) -> None:
        menus, window = self.window.menus, self.window
        menus.new_chat.triggered.connect(self._new_chat)
        menus.attach.triggered.connect(self.attaching.choose)
        menus.choose_folder.triggered.connect(self.picker.choose_folder)
        menus.rename_chat.triggered.connect(self.chat_actions.rename_shown)
        menus.export.triggered.connect(self.chat_actions.export_shown)
        menus.delete_chat.triggered.connect(self.chat_actions.delete_shown)
        menus.settings.triggered.connect(self._open_settings)
        menus.close.triggered.connect(lambda: (QApplication.activeWindow() or window).close())
        menus.quit.triggered.connect(QApplication.quit)
        menus.search.triggered.connect(self._search)
        menus.stop.triggered.connect(self.conversation.stop)
        menus.sidebar.triggered.connect(self._toggle_sidebar)
        menus.larger.triggered.connect(lambda: self._resize_text(1))
        menus.smaller.triggered.connect(lambda: self._resize_text(-1))
        menus.actual_size.triggered.connect(lambda: self.settings.update(text_size=TEXT_SIZE))
        menus.full_screen.triggered.connect(
            lambda: window.setWindowState(window.windowState() ^ Qt.WindowState.WindowFullScreen)
        )
        menus.minimise.triggered.connect(window.showMinimized)
        menus.zoom.triggered.connect(
            lambda: window.setWindowState(window.windowState() ^ Qt.WindowState.WindowMaximized)
        )
        menus.to_composer.triggered.connect(window.composer.setFocus)
        menus.get_model.triggered.connect(lambda: self.picker.explain_key("20b"))
        menus.ask_guide.triggered.connect(self._ask_guide)
        menus.show_data.triggered.connect(_show_data)
        menus.shortcuts.triggered.connect(self._show_shortcuts)
        menus.about.triggered.connect(self._show_about)
        window.header.toggle_sidebar.clicked.connect(self._toggle_sidebar)
        window.header.new_chat.clicked.connect(self._new_chat)

    # Turns ---------------------------------------------------------------------------------------

    def _send(self, text: str, attachments: tuple[Attachment, ...]) -> None:
        for topic in ("turn", "model"):  # read, and left behind
            self.window.banner.solve(topic)
        if self.conversation.send(text, attachments):
            self.window.composer.clear()

    def _on_busy(self, is_busy: bool) -> None:
        self.window.composer.set_busy(is_busy)
        self.window.menus.set_busy(is_busy)
        if not is_busy:
            self._focus_composer()

    def _focus_composer(self) -> None:
        """Unless the person is writing somewhere else."""
        focused = QApplication.focusWidget()
        is_field = isinstance(focused, (QLineEdit, QTextEdit)) and not focused.isReadOnly()
        if not is_field:
            self.window.composer.setFocus()

    def _show_messages(self, messages: list[ShownMessage]) -> None:
        self.window.transcript.show_messages(messages)
        self.window.show_transcript(bool(messages))

    def _add_message(self, message: ShownMessage) -> None:
        self.window.transcript.add_message(message)
        self.window.show_transcript(True)

    def _attach_urls(self, urls: list[QUrl]) -> None:
        self.attaching.attach([Path(url.toLocalFile()) for url in urls])

    def _attach(self, attachment: Attachment) -> None:
        self.window.composer.attachments.add(attachment)
        self.window.composer.setFocus()

    def _open_citation(self, citation: Citation) -> None:
        """The cited lines on their page; nothing where there are none."""
        document = citation.document
        if document is not None and citation.state != "no such lines":
            self.window.open_document(document, citation.first, citation.last)

    def _draw_page(self, document: Document, page: int, width: int, boxes: list[Box]) -> None:
        if path := self.originals.find(document.digest):
            self.pictures.draw(path, page, width, boxes)
        else:
            self.pictures.cancel()

    def _measure(self, statistics: TurnStatistics) -> None:
        self._speed = self._speed.with_turn(statistics)
        self._taken = statistics.context_used
        self._forecast()

    def _forecast(self) -> None:
        """What the documents in the composer will cost with the model at hand."""
        attachments = self.window.composer.attachments.attachments
        model = self.engine.model
        words = ""
        if attachments and model and model.is_guide:
            words = GUIDE_SEARCHES
        elif attachments:
            speed = self._speed if model and self._speed.model == model.name else Speed()
            words = forecast(attachments, model.context if model else 0, self._taken, speed)
        self.window.composer.set_forecast(words)

    def _tidy_originals(self, digests: set[str] | None) -> None:
        """Removes the copies of files whose chats are gone."""
        if digests is not None:
            QThreadPool.globalInstance().start(lambda: self.originals.drop_all_but(digests))

    # Chats ---------------------------------------------------------------------------------------

    def _new_chat(self) -> None:
        self.conversation.open(None)
        self.window.composer.setFocus()

    def _open_found(self, message_id: str) -> None:
        self.conversation.reveal(message_id)
        self.window.composer.setFocus()

    def _on_opened(self, chat: Chat | None) -> None:
        if self.window.document_view.isVisible():
            self.window.close_document()
        self.window.sidebar.list.set_current(chat.id if chat else None)
        self.window.setWindowTitle(chat.title if chat else "Sordino")
        self.window.menus.set_has_chat(chat is not None)
        self.settings.update(last_chat=chat.id if chat else "")

    def _on_title(self, chat_id: str, title: str) -> None:
        chat = self.conversation.chat
        if chat and chat.id == chat_id:
            self.window.setWindowTitle(title)

    def _search(self) -> None:
        self.window.open_sidebar()
        self.window.sidebar.focus_search()

    # Model, settings, look -----------------------------------------------------------------------

    def _on_model(self, model: ModelInfo) -> None:
        self.window.empty_state.set_model(is_guide=model.is_guide)
        self.window.composer.set_placeholder(
            "Ask the guide" if model.is_guide else f"Ask {model.name}"
        )
        self._forecast()

    def _ask_guide(self) -> None:
        self.picker.choose("guide")
        self._new_chat()

    def _follow_settings(self, settings: Settings) -> None:
        self.appearance.refresh()
        self.window.set_sidebar_visible(settings.sidebar_visible)
        self.window.set_reduced_motion(settings.reduce_motion)
        self.picker.follow_settings()
        if self.settings_window:
            self.settings_window.set_settings(settings)

    def _show_theme(self, theme: Theme, text_size: int) -> None:
        self._theme = theme
        self.window.set_appearance(theme, text_size)
        self.picker.set_theme(theme)
        if self.settings_window:
            self.settings_window.set_theme(theme)

    def _toggle_sidebar(self) -> None:
        is_open = not self.window.sidebar_is_open
        self.settings.update(sidebar_visible=is_open)
        if is_open:
            self.window.open_sidebar()

    def _resize_text(self, step: int) -> None:
        low, high = TEXT_SIZES
        wanted = self.settings.value.text_size + step
        self.settings.update(text_size=max(low, min(high, wanted)))

    def _open_settings(self) -> None:
        from app.windows.settings_window import SettingsWindow

        if self.settings_window is None:
            self.settings_window = SettingsWindow(self.window)
            self.settings_window.changed.connect(lambda values: self.settings.update(**values))
            self.settings_window.set_settings(self.settings.value)
            if self._theme:
                self.settings_window.set_theme(self._theme)
        self.settings_window.show()
        self.settings_window.raise_()
        self.settings_window.activateWindow()

    def _show_shortcuts(self) -> None:
        from app.windows.shortcuts_window import ShortcutsWindow

        window = ShortcutsWindow(self.window.menus.all, self.window)
        window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        window.show()

    def _show_about(self) -> None:
        from app.windows.about_window import AboutWindow

        window = AboutWindow(self.window)
        window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        window.show()


def _show_data() -> None:
    """The folder of the chats, in the Finder; where it can't be made, the one it should be in."""
    kept = paths.data_directory()
    folder = next(place for place in (kept, *kept.parents) if place.is_dir())
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


def _open_link(url: QUrl) -> None:
    """In the browser or the mail program; a link in an answer opens no file."""
    if url.scheme() in ("http", "https", "mailto"):
        QDesktopServices.openUrl(url)


def launch(application: Application, desktop: Desktop) -> Sordino:
    """The app, shown; model and chats follow once the event loop runs."""
    install_accessible_effort()
    sordino = Sordino()
    desktop.files_opened.connect(sordino.open_files)
    desktop.activated.connect(sordino.raise_window)
    application.aboutToQuit.connect(sordino.shut_down)
    sordino.show()
    QTimer.singleShot(0, sordino.start)
    QTimer.singleShot(0, desktop.deliver_files)
    return sordino


def run() -> int:
    """The window until it is quit. Returns the process's exit code."""
    application = Application(sys.argv[:1])
    instance = SingleInstance(paths.lock_path())
    if not instance.acquire():
        return 0  # the other window is in front now
    desktop = Desktop(application)
    desktop.quit_on_signals()
    sordino = launch(application, desktop)
    instance.raise_requested.connect(sordino.raise_window)
    code = application.exec()
    instance.release()
    del sordino  # Qt's objects go before the QApplication does
    return code
