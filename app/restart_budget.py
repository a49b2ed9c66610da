"""How often an engine process that ended by itself may be started again.

Owns the counting, for the window and the terminal alike. No Qt.
"""

import time
from collections import deque
from collections.abc import Callable

MOST_RESTARTS = 3  # within …
WINDOW_S = 300.0


class RestartBudget:
    """`clock` gives seconds, from wherever."""

    def __init__(
        self,
        most: int = MOST_RESTARTS,
        window_s: float = WINDOW_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._window_s = window_s
        self._clock = clock
        self._ends: deque[float] = deque()

    def allows_another(self) -> bool:
        """Counts an end; False if there were too many lately."""
        now = self._clock()
        while self._ends and now - self._ends[0] > self._window_s:
            self._ends.popleft()
        self._ends.append(now)
        return len(self._ends) <= self._most

    def reset(self) -> None:
        self._ends.clear()
