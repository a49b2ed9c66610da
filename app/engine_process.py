"""One life of the engine process: lines out, events in, and the news of its end.

Owns one `QProcess`, for one start; `engine_client.py` makes a new one for the next. Knows the
protocol's lines, not what they mean.
"""

from collections.abc import Sequence

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, Qt, QTimer, Signal

from app.engine_command import EngineLog, engine_environment
from app.process_end import how_it_ended
from mlx_engine.protocol import ProtocolError, Request, decode_event, encode

LINE_BYTES = 256 << 20  # a longer line is no event; it would fill the memory


class EngineProcess(QObject):
    """Emits `ended` exactly once after `start`, and nothing after it."""

    received = Signal(object)  # a protocol event
    ended = Signal(str)  # how, to complete "The engine …"

    def __init__(self, command: Sequence[str], log: EngineLog) -> None:
        super().__init__()
        self._log = log
        self._pieces: list[bytes] = []  # of a line that has not ended
        self._length = 0
        self._process = process = QProcess(self)
        process.setProgram(command[0])
        process.setArguments(list(command[1:]))
        environment = QProcessEnvironment()
        for name, value in engine_environment().items():
            environment.insert(name, value)
        process.setProcessEnvironment(environment)
        process.readyReadStandardOutput.connect(self._read)
        process.readyReadStandardError.connect(self._keep_log)
        # Queued: whoever hears of the end may drop this object, and QProcess with it.
        process.finished.connect(self._on_finished, Qt.ConnectionType.QueuedConnection)
        process.errorOccurred.connect(self._on_error)

    @property
    def pid(self) -> int:
        """0 when it doesn't run."""
        return int(self._process.processId())

    def start(self) -> None:
        self._process.start()

    def send(self, request: Request) -> None:
        if self._process.state() != QProcess.ProcessState.NotRunning:
            self._process.write(encode(request))

    def kill(self) -> None:
        self._process.kill()

    def close(self, patience_ms: int) -> None:
        """Asks it to leave by ending its input; kills it if it is still there after that."""
        self._process.closeWriteChannel()
        if not self._process.waitForFinished(patience_ms):
            self._process.kill()
            self._process.waitForFinished(500)

    def _read(self) -> None:
        *lines, rest = bytes(self._process.readAllStandardOutput().data()).split(b"\n")
        for line in lines:
            self._pieces.append(line)
            whole = b"".join(self._pieces)
            self._pieces, self._length = [], 0
            self._take(whole)
        self._pieces.append(rest)
        self._length += len(rest)
        if self._length > LINE_BYTES:
            self._log.write(b"a line of the engine never ended; it is killed\n")
            self.kill()

    def _take(self, line: bytes) -> None:
        try:
            event = decode_event(line)
        except ProtocolError as error:
            self._log.write(f"not an event: {error}\n".encode("utf-8", "replace"))
            return
        if event is not None:
            self.received.emit(event)

    def _keep_log(self) -> None:
        self._log.write(bytes(self._process.readAllStandardError().data()))

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:  # the only one without `finished`
            how = f"can’t be started: {self._process.errorString()}"
            QTimer.singleShot(0, self, lambda: self.ended.emit(how))

    def _on_finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._read()
        self._keep_log()
        was_killed = status == QProcess.ExitStatus.CrashExit  # then the code is the signal's number
        self.ended.emit(how_it_ended(-code if was_killed else code))
