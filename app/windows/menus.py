"""The menu bar as a Mac has it: every action, its words, its shortcut, its role.

Owns the actions; what they do is connected in `application.py`. Qt turns Ctrl into ⌘ and Meta
into ⌃ on a Mac, and moves About, Settings and Quit into the application's menu by their roles.
"""

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QApplication, QMainWindow, QMenu, QWidget

Role = QAction.MenuRole


class Menus(QObject):
    def __init__(self, window: QMainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.pastes_into: QWidget | None = None  # where nothing with the focus takes words
        bar = window.menuBar()

        menu = bar.addMenu("&File")
        self.new_chat = self._add(menu, "New Chat", "Ctrl+N")
        self.attach = self._add(menu, "Attach Document…", "Ctrl+O")
        self.choose_folder = self._add(menu, "Open Model Folder…", "Ctrl+Shift+O")
        menu.addSeparator()
        self.rename_chat = self._add(menu, "Rename Chat", "Ctrl+Shift+R")
        self.export = self._add(menu, "Export…", "Ctrl+Shift+E")
        self.delete_chat = self._add(menu, "Delete Chat", "Ctrl+Backspace")
        menu.addSeparator()
        self.settings = self._add(menu, "Settings…", "Ctrl+,", Role.PreferencesRole)
        self.close = self._add(menu, "Close Window", "Ctrl+W")
        self.quit = self._add(menu, "Quit Sordino", "Ctrl+Q", Role.QuitRole)

        menu = bar.addMenu("&Edit")
        self.undo = self._add(menu, "Undo", "Ctrl+Z")
        self.redo = self._add(menu, "Redo", "Ctrl+Shift+Z")
        menu.addSeparator()
        self.cut = self._add(menu, "Cut", "Ctrl+X")
        self.copy = self._add(menu, "Copy", "Ctrl+C")
        self.paste = self._add(menu, "Paste", "Ctrl+V")
        self.select_all = self._add(menu, "Select All", "Ctrl+A")
        menu.addSeparator()
        self.search = self._add(menu, "Find in Chats", "Ctrl+F")
        self.stop = self._add(menu, "Stop", "Ctrl+.")
        self.stop.setShortcuts([QKeySequence("Ctrl+."), QKeySequence("Esc")])

        menu = bar.addMenu("&View")
        self.sidebar = self._add(menu, "Hide Sidebar", "Meta+Ctrl+S")
        menu.addSeparator()
        self.larger = self._add(menu, "Make Text Bigger", "Ctrl++")
        self.larger.setShortcuts([QKeySequence("Ctrl++"), QKeySequence("Ctrl+=")])
        self.smaller = self._add(menu, "Make Text Smaller", "Ctrl+-")
        self.actual_size = self._add(menu, "Actual Size", "Ctrl+0")
        menu.addSeparator()
        self.full_screen = self._add(menu, "Enter Full Screen", "Meta+Ctrl+F")

        menu = bar.addMenu("&Window")
        self.minimise = self._add(menu, "Minimize", "Ctrl+M")
        self.zoom = self._add(menu, "Zoom", "")
        menu.addSeparator()
        self.to_composer = self._add(menu, "Go to Message Field", "Ctrl+L")

        menu = bar.addMenu("&Help")
        self.shortcuts = self._add(menu, "Keyboard Shortcuts", "Ctrl+/")
        self.get_model = self._add(menu, "Get gpt-oss-20b", "")
        self.ask_guide = self._add(menu, "Ask the Guide", "")
        self.show_data = self._add(menu, "Show Where Chats Are Kept", "")
        self.about = self._add(menu, "About Sordino", "", Role.AboutRole)

        for action, method in (
            (self.undo, "undo"),
            (self.redo, "redo"),
            (self.cut, "cut"),
            (self.copy, "copy"),
            (self.select_all, "selectAll"),
        ):
            action.triggered.connect(_on_focus_widget(method))
        self.paste.triggered.connect(self._paste)
        for action in (self.close, self.quit):  # they mean whichever window is in front
            action.setShortcutContext(Qt.ShortcutContext.ApplicationShortcut)
        self.stop.setEnabled(False)

    @property
    def all(self) -> list[QAction]:
        """Every action, in the order of the menus."""
        return [
            action
            for menu in self._window.menuBar().findChildren(QMenu)
            for action in menu.actions()
            if not action.isSeparator()
        ]

    def set_busy(self, is_busy: bool) -> None:
        self.stop.setEnabled(is_busy)

    def set_has_chat(self, has_chat: bool) -> None:
        for action in (self.rename_chat, self.export, self.delete_chat):
            action.setEnabled(has_chat)

    def set_sidebar_shown(self, shown: bool) -> None:
        self.sidebar.setText("Hide Sidebar" if shown else "Show Sidebar")

    def _paste(self) -> None:
        place = QApplication.focusWidget()
        if not hasattr(place, "paste") and self.pastes_into:
            place = self.pastes_into
            place.setFocus()
        _call(place, "paste")

    def _add(self, menu: QMenu, words: str, keys: str, role: Role = Role.NoRole) -> QAction:
        # NoRole by default: Qt would otherwise guess roles from words such as "settings".
        action = QAction(words, self._window)
        action.setShortcut(QKeySequence(keys))
        action.setMenuRole(role)
        menu.addAction(action)
        return action


def _on_focus_widget(method: str) -> Callable[[], None]:
    """Calls an editing method of whatever has the focus, if it has such a method."""

    return lambda: _call(QApplication.focusWidget(), method)


def _call(widget: QWidget | None, method: str) -> None:
    act = getattr(widget, method, None)
    if callable(act):
        act()
