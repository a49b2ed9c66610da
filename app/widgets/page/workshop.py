"""The slow crafts of a page, done beside the window's thread: formulas drawn, code coloured.

Owns one background thread, what it has made, and who waits for what. Knows no item: it is asked
for a thing, says that it is not there yet, and emits `finished` when it is. The thread touches
nothing of Qt, and ends with the thing at hand when the app does: killed in the middle, it could
take the process down with an abort.
"""

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable

from PySide6.QtCore import QObject, QTimer, Signal

from app.widgets.page.maths import Formula, FormulaKey, draw_formula

_log = logging.getLogger(__name__)

KEPT = 2000  # formulas

COLLECT_MS = 8  # while something is being made

_Deliver = Callable[[object], None]
_Job = tuple[Hashable, Callable[[], object]]
_Result = tuple[Hashable, object]


class Workshop(QObject):
    """Give it a parent: what it has not begun is dropped with it."""

    finished = Signal(object)  # the name of what is there now; a formula's is its key

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bench = bench = _Bench()
        self._formulas: OrderedDict[FormulaKey, Formula | None] = OrderedDict()
        self._running: dict[Hashable, _Deliver] = {}
        self._collector = QTimer(self, interval=COLLECT_MS)
        self._collector.timeout.connect(self._collect)
        self.destroyed.connect(lambda: bench.clear())

    @property
    def is_idle(self) -> bool:
        return not self._running

    def formula(self, key: FormulaKey) -> Formula | None:
        """The drawing; None if it is not there yet, or can't be made (see `is_hopeless`)."""
        if key in self._formulas:
            self._formulas.move_to_end(key)
            return self._formulas[key]
        self.order(key, lambda: draw_formula(key), lambda drawn: self._keep(key, drawn))
        return None

    def is_hopeless(self, key: FormulaKey) -> bool:
        return key in self._formulas and self._formulas[key] is None

    def order(self, name: Hashable, job: Callable[[], object], deliver: _Deliver) -> None:
        """Runs `job` in the background, then `deliver` with its result in the window's thread.
        Nothing happens if one of the same name is under way. Name and job hold nothing of Qt: the
        thread may be the last to let go of them."""
        if name in self._running:
            return
        self._running[name] = deliver
        self._bench.put((name, job))
        self._collector.start()

    def _collect(self) -> None:
        while self._bench.results:
            name, result = self._bench.results.popleft()
            self._running.pop(name)(result)
            self.finished.emit(name)
        if not self._running:
            self._collector.stop()

    def _keep(self, key: FormulaKey, drawn: object) -> None:
        self._formulas[key] = drawn if isinstance(drawn, Formula) else None
        if len(self._formulas) > KEPT:
            self._formulas.popitem(last=False)


class _Bench:
    """The thread, there while there are jobs, and what passes between it and the window."""

    def __init__(self) -> None:
        self.jobs: deque[_Job] = deque()
        self.results: deque[_Result] = deque()
        self._lock = threading.Lock()
        self._is_manned = False

    def put(self, job: _Job) -> None:
        with self._lock:
            self.jobs.append(job)
            if not self._is_manned:
                self._is_manned = True
                threading.Thread(target=self._work, name="workshop").start()

    def clear(self) -> None:
        with self._lock:
            self.jobs.clear()

    def _next(self) -> _Job | None:
        with self._lock:
            # Once the main thread has ended, the interpreter waits for this one only.
            if self.jobs and threading.main_thread().is_alive():
                return self.jobs.popleft()
            self._is_manned = False
            return None

    def _work(self) -> None:
        while order := self._next():
            name, job = order
            result: object = None
            try:
                result = job()
            except Exception:
                _log.exception("something could not be made in the background")
            self.results.append((name, result))
