"""When the engine is taken for hung, and all the times it is given.

Owns the counting; `engine_client.py` acts on it. A hang is told from hard work by a ping, which
the engine's reading thread answers even while a long prefill runs. Silence is counted in ticks of
a timer, so that a Mac that slept for hours has not been silent for hours.
"""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Signal

from app.restart_budget import MOST_RESTARTS, WINDOW_S


@dataclass(frozen=True, slots=True)
class Patience:
    """How the engine is watched. Times in ticks of `tick_ms` where not said otherwise."""

    tick_ms: int = 1000
    start: int = 60  # for the first line: a cold disk reads Python and MLX slowly
    silence: int = 10  # without a word while it works, then it is pinged
    answer: int = 10  # to a ping, then the person is told
    recovery: int = 20  # after that, then it is ended
    restart_ms: int = 200  # between an end and the next start
    most_restarts: int = MOST_RESTARTS  # within …
    restart_window_s: float = WINDOW_S
    leaving_ms: int = 1200  # for the process to go by itself when the app quits


class Watchdog(QObject):
    """Counts silence while the engine has work."""

    ping_due = Signal()
    gone_quiet = Signal()  # the ping was not answered
    overdue = Signal()  # and nothing came for long after that

    def __init__(
        self, patience: Patience, has_work: Callable[[], bool], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._patience = patience
        self._has_work = has_work
        self._silence = 0
        self._allowed = 0
        self._timer = QTimer(self)
        self._timer.setInterval(patience.tick_ms)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        """For a new process, which has not said a word."""
        self._silence, self._allowed = 0, self._patience.start
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()
        self._silence = 0

    def heard(self) -> None:
        """The engine said something."""
        self._silence, self._allowed = 0, self._patience.silence

    @property
    def is_quiet(self) -> bool:
        """Whether a ping has gone unanswered."""
        return self._silence >= self._allowed + self._patience.answer

    def _tick(self) -> None:
        if not self._has_work():
            self._silence = 0
            return
        self._silence += 1
        told = self._allowed + self._patience.answer
        if self._silence == self._allowed:
            self.ping_due.emit()
        elif self._silence == told:
            self.gone_quiet.emit()
        elif self._silence == told + self._patience.recovery:
            self.overdue.emit()
