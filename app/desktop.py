"""What the operating system tells the app: files to open, a click in the Dock, an end.

Files that come before the window is ready wait for it.
"""

import signal
import socket
import sys
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QSocketNotifier, Qt, Signal
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication

from app.windows.app_icon import app_icon


class Application(QApplication):
    """A QApplication that says when a file was dropped on the Dock or chosen with "Open With".

    (An event filter would do as well, but it would see every event of every widget.)"""

    file_given = Signal(str)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QFileOpenEvent) and event.file():
            self.file_given.emit(event.file())
            return True
        return super().event(event)


class Desktop(QObject):
    files_opened = Signal(list)  # list[Path]
    activated = Signal()  # brought to the front with no window open

    def __init__(
        self, application: Application, *, is_mac: bool = sys.platform == "darwin"
    ) -> None:
        super().__init__()
        application.setApplicationName("Sordino")
        application.setApplicationDisplayName("Sordino")
        application.setDesktopFileName("sordino")
        application.setWindowIcon(app_icon())
        # On a Mac an app lives on without a window; the Dock brings the window back.
        application.setQuitOnLastWindowClosed(not is_mac)
        self._application = application
        self._waiting: list[Path] = []
        self._is_ready = False
        application.file_given.connect(self._take_file)
        application.applicationStateChanged.connect(self._on_state)

    def deliver_files(self) -> None:
        """The window is ready: hands over the files that came before, and later ones at once."""
        self._is_ready = True
        if self._waiting:
            files, self._waiting = self._waiting, []
            self.files_opened.emit(files)

    def quit_on_signals(self) -> None:
        """Ctrl-C and a polite kill quit as the menu does. Python handles a signal only while it
        runs, so a byte in a socket wakes it."""
        self._wakes, self._wake = socket.socketpair()
        self._wakes.setblocking(False)
        self._wake.setblocking(False)
        signal.set_wakeup_fd(self._wake.fileno())
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._application.quit())
        self._notifier = QSocketNotifier(self._wakes.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(lambda: self._wakes.recv(64))

    def _take_file(self, name: str) -> None:
        self._waiting.append(Path(name))
        if self._is_ready:
            self.deliver_files()

    def _on_state(self, state: Qt.ApplicationState) -> None:
        is_active = state == Qt.ApplicationState.ApplicationActive
        windows = self._application.topLevelWidgets()
        if is_active and self._is_ready and not any(window.isVisible() for window in windows):
            self.activated.emit()
