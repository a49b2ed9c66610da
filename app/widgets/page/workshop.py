"""The slow crafts of a page, done beside the window's thread: formulas drawn, code coloured.

Owns one background thread, what it has made, and who waits for what. Knows no item: it is asked
for a thing, says that it is not there yet, and emits `finished` when it is.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from queue import SimpleQueue

from PySide6.QtCore import QObject, Signal

from app.widgets.page.maths import Formula, FormulaKey, draw_formula

_log = logging.getLogger(__name__)

KEPT = 2000  # formulas

_Job = tuple[Hashable, Callable[[], object], Callable[[object], None]]


class Workshop(QObject):
    """Give it a parent: its thread ends with it."""

    finished = Signal(object)  # the name of what is there now; a formula's is its key
    _done = Signal(object, object)  # callback, result: from the thread to the window

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._formulas: OrderedDict[FormulaKey, Formula | None] = OrderedDict()
        self._running: set[Hashable] = set()
        self._done.connect(self._deliver)
        jobs = self._jobs
        self.destroyed.connect(lambda: jobs.put(None))

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

    def order(
        self, name: Hashable, job: Callable[[], object], deliver: Callable[[object], None]
    ) -> None:
        """Runs `job` in the background, then `deliver` with its result in the window's thread.
        Nothing happens if one of the same name is under way."""
        if name in self._running:
            return
        self._running.add(name)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="workshop", daemon=True)
            self._thread.start()
        self._jobs.put((name, job, deliver))

    def _work(self) -> None:
        while (order := self._jobs.get()) is not None:
            name, job, deliver = order
            try:
                result = job()
            except Exception:
                _log.exception("a drawing failed")
                result = None
            try:
                self._done.emit((name, deliver), result)
            except RuntimeError:  # the window has gone
                return

    def _deliver(self, order: tuple[Hashable, Callable[[object], None]], result: object) -> None:
        name, deliver = order
        self._running.discard(name)
        deliver(result)
        self.finished.emit(name)

    def _keep(self, key: FormulaKey, drawn: object) -> None:
        self._formulas[key] = drawn if isinstance(drawn, Formula) else None
        if len(self._formulas) > KEPT:
            self._formulas.popitem(last=False)
