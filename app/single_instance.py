"""One window at a time: a second start raises the first and leaves.

Owns the lock beside the chats and the local socket on which the first is asked to come forward.
The lock names the process that holds it, so that one left by a crash is taken over.
"""

import hashlib
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

CALL_MS = 2000  # for the first to answer; one that is starting up or hangs may not


class SingleInstance(QObject):
    """`acquire` once at start; whoever gets False has raised the other window and goes."""

    raise_requested = Signal()  # another start wants this window in front

    def __init__(self, lock: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = lock
        self._lock = QLockFile(str(lock))
        self._lock.setStaleLockTime(0)  # never by age: only when its process is gone
        # A name, not a path: paths of sockets may have some 100 bytes only.
        self._name = "sordino-" + hashlib.sha256(str(lock.absolute()).encode()).hexdigest()[:16]
        self._server: QLocalServer | None = None

    def acquire(self) -> bool:
        """True if this is the only one now. Where no lock can be made, nothing speaks against
        starting: the store says what is wrong with the folder."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError:
            return True
        if self._lock.tryLock(0):
            self._listen()
            return True
        if self._lock.error() != QLockFile.LockError.LockFailedError:
            return True
        self._call_the_first()
        return False

    def release(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._lock.unlock()

    def _listen(self) -> None:
        QLocalServer.removeServer(self._name)  # left by a crash
        self._server = server = QLocalServer(self)
        server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        server.newConnection.connect(self._on_call)
        server.listen(self._name)

    def _on_call(self) -> None:
        if self._server is not None and (caller := self._server.nextPendingConnection()):
            caller.disconnected.connect(caller.deleteLater)
            caller.disconnectFromServer()
            self.raise_requested.emit()

    def _call_the_first(self) -> None:
        socket = QLocalSocket()
        socket.connectToServer(self._name)
        if socket.waitForConnected(CALL_MS):
            socket.waitForDisconnected(CALL_MS)  # it hangs up when it has heard
