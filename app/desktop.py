"""What the operating system tells the app: files to open, a click in the Dock, an end.

Owns the QApplication. Files that come before the window is ready wait for it.
"""

import signal
import socket
import sys
from pathlib import Path

from PySide6.QtCore import QEvent, QSocketNotifier, Qt, Signal
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication

from app.windows.app_icon import app_icon


class Desktop(QApplication):
    files_opened = Signal(list)  # list[Path]
    activated = Signal()  # brought to the front with no window open

    def __init__(self, *, is_mac: bool = sys.platform == "darwin") -> None:
        super().__init__(sys.argv[:1])
        self.setApplicationName("Sordino")
        self.setApplicationDisplayName("Sordino")
        self.setDesktopFileName("sordino")
        self.setWindowIcon(app_icon())
        # On a Mac an app lives on without a window; the Dock brings the window back.
        self.setQuitOnLastWindowClosed(not is_mac)
        self._waiting: list[Path] = []
        self._is_ready = False
        self.applicationStateChanged.connect(self._on_state)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QFileOpenEvent) and event.file():
            self._waiting.append(Path(event.file()))
            if self._is_ready:
                self.deliver_files()
            return True
        return super().event(event)

    def deliver_files(self) -> None:
        """The window is ready: hands over the files that came before, and later ones at once."""
        self._is_ready = True
        if self._waiting:
            files, self._waiting = self._waiting, []
            self.files_opened.emit(files)

    def quit_on_signals(self) -> None:
        """Ctrl-C and a polite kill quit as the menu does. Python handles a signal only while it
        runs, so a byte in a socket wakes it."""
        self._wakes, wake = socket.socketpair()
        wake.setblocking(False)
        self._wakes.setblocking(False)
        self._wake = wake
        signal.set_wakeup_fd(wake.fileno())
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.quit())
        self._notifier = QSocketNotifier(self._wakes.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(lambda: self._wakes.recv(64))

    def _on_state(self, state: Qt.ApplicationState) -> None:
        is_active = state == Qt.ApplicationState.ApplicationActive
        if is_active and self._is_ready and not any(w.isVisible() for w in self.topLevelWidgets()):
            self.activated.emit()
