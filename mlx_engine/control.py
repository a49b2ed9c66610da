"""What may be wished of a turn while it waits or runs, from any thread.

Owns the wishes; whoever runs the turn reads them. Knows neither MLX nor Harmony, so that wishes can
be taken before MLX is there.
"""

import threading
from collections.abc import Sequence


class Control:
    """Wishes about a running turn, from any thread. Each is met between two tokens or chunks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = False
        self._forced: tuple[int, ...] = ()

    def cancel(self) -> None:
        """Stop with reason "cancel". What was generated stays generated, and stays cached."""
        self._cancelled = True

    def force(self, ids: Sequence[int]) -> None:
        """Continue the turn with these tokens, then sample on from them.

        They reach the caller as `Token(id, forced=True)`. Asked for during prefill, they open
        the turn. A turn that has already met a stop token stays stopped.
        """
        with self._lock:
            self._forced += tuple(ids)

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def take_forced(self) -> tuple[int, ...]:
        """The tokens asked for since the last call."""
        if not self._forced:  # the common case costs no lock
            return ()
        with self._lock:
            forced, self._forced = self._forced, ()
        return forced


class Turn:
    """What others may wish of a turn while it waits or runs. Safe from any thread."""

    def __init__(self) -> None:
        self.control = Control()
        self.wants_answer = False

    def cancel(self) -> None:
        self.control.cancel()

    def answer_now(self) -> None:
        self.wants_answer = True
