"""Starts, watches and restarts the engine process; its lines become Qt signals.

Owns which process runs and what it was asked. Knows the protocol and nothing of conversations: a
crash costs whoever asked the running turn (`turn_lost`), never the window; the process comes back
within 2 s and opens the model again, at most 3 times in 5 minutes. One that hangs is said to, and
ended.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QObject, QTimer, Signal

from app.engine_command import EngineLog, engine_command
from app.engine_process import EngineProcess
from app.engine_watch import Patience, Watchdog
from app.problem import Problem
from app.restart_budget import RestartBudget
from mlx_engine.protocol import (
    VERSION,
    AnswerNow,
    Cancel,
    Delta,
    Done,
    Event,
    Failed,
    Generate,
    Hello,
    Json,
    ListModels,
    Load,
    Loading,
    MessageDone,
    ModelInfo,
    ModelList,
    Ping,
    Prefill,
    Ready,
    Request,
    Sampling,
)

EngineState = Literal[
    "off",
    "starting",  # the process comes up
    "loading",  # a model is being opened
    "ready",  # waiting for work
    "busy",
    "not responding",  # no word for long, and it doesn't answer a ping either
    "failed",  # it ended too often; `restart()` tries again
]


class EngineClient(QObject):
    """The engine as an object: methods send requests, signals bring events."""

    state_changed = Signal(str)  # EngineState
    loading = Signal(float)  # 0 … 1
    preparing = Signal(float)  # 0 … 1: what only the first opening on a machine needs
    ready = Signal(object)  # ModelInfo
    prefill = Signal(object)  # protocol.Prefill
    delta = Signal(object)  # protocol.Delta
    done = Signal(object)  # protocol.Done
    failed = Signal(object)  # protocol.Failed that ends a generate
    load_failed = Signal(object)  # protocol.Failed that ends a load; the model before returns
    models = Signal(object)  # protocol.ModelList
    turn_lost = Signal(str)  # id of a generate that the end of the process cut off
    problem = Signal(object)  # Problem, topic "engine" or "model"
    problem_solved = Signal(str)  # topic

    def __init__(
        self,
        log: Path,
        command: Sequence[str] | None = None,
        patience: Patience | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._command = list(command or engine_command())
        self._patience = patience or Patience()
        self._log = EngineLog(log)
        self._process: EngineProcess | None = None
        self._ended_process: EngineProcess | None = None  # stays until it has told its end
        self._numbers = itertools.count(1)
        self._outstanding: dict[str, Request] = {}  # asked and not answered, by id
        self._wanted: Load | None = None  # what a new process opens first
        self._opened: Load | None = None  # the last that succeeded
        self._model: ModelInfo | None = None
        self._state: EngineState = "off"
        self._greeted = False
        self._gave_up = False
        self._complaint = ""  # of a process that could not serve at all
        self._budget = RestartBudget(self._patience.most_restarts, self._patience.restart_window_s)
        self._watchdog = Watchdog(self._patience, self._has_work, self)
        self._watchdog.ping_due.connect(self._ping)
        self._watchdog.gone_quiet.connect(self._say_quiet)
        self._watchdog.overdue.connect(self._kill)
        self._comeback = QTimer(self)
        self._comeback.setSingleShot(True)
        self._comeback.setInterval(self._patience.restart_ms)
        self._comeback.timeout.connect(self.start)

    @property
    def state(self) -> EngineState:
        return self._state

    @property
    def model(self) -> ModelInfo | None:
        """What is loaded; None before and while loading."""
        return self._model

    @property
    def model_key(self) -> str | None:
        """What was last asked to be loaded: "guide", "20b", "120b" or a folder."""
        return self._wanted.model if self._wanted else None

    @property
    def pid(self) -> int:
        """Of the process; 0 when none runs."""
        return self._process.pid if self._process else 0

    # What can be asked ---------------------------------------------------------------------------

    def start(self) -> None:
        """Starts the process and opens the model that was asked for, if any."""
        if self._process is not None:
            return
        self._gave_up = False
        self._greeted = False
        self._process = process = EngineProcess(self._command, self._log)
        process.received.connect(self._on_event)
        process.ended.connect(self._on_ended)
        self._watchdog.start()
        process.start()
        if self._wanted is not None:
            self._ask(self._wanted)
        self._settle()

    def load(self, model: str, context: int | None = None, states: str | None = None) -> None:
        """Opens a model instead of the present one; again after every restart."""
        self.problem_solved.emit("model")  # another try makes an earlier refusal old news
        self._open(model, context, states)

    def _open(self, model: str, context: int | None, states: str | None) -> None:
        self._wanted = Load(self._next_id(), model, context, states=states)
        self._model = None
        if self._process is None:
            self.start()
        else:
            self._ask(self._wanted)
        self._settle()

    def generate(
        self, conversation: Json, sampling: Sampling, max_tokens: int | None = None
    ) -> str:
        """Returns the id that the turn's events will carry."""
        return self._ask(Generate(self._next_id(), conversation, sampling, max_tokens))

    def answer_now(self, request_id: str) -> None:
        self._tell(AnswerNow(request_id))

    def cancel(self, request_id: str) -> None:
        self._tell(Cancel(request_id))

    def request_models(self) -> None:
        self._ask(ListModels(self._next_id()))

    def restart(self) -> None:
        """Ends the process and starts it anew, whatever it is doing."""
        self._budget.reset()
        if self._process is None:
            self.start()
        else:
            self._process.kill()

    def shut_down(self) -> None:
        """Ends the process for good, within 2 s."""
        self._comeback.stop()
        self._watchdog.stop()
        if self._process is not None:
            process, self._process = self._process, None
            process.blockSignals(True)
            process.close(0 if self._state == "not responding" else self._patience.leaving_ms)
        self._log.close()
        self._set_state("off")
        self._forget_outstanding()

    # Requests ------------------------------------------------------------------------------------

    def _next_id(self) -> str:
        return str(next(self._numbers))

    def _ask(self, request: Request) -> str:
        """Sends a request that has a reply; without a process it is lost like in a crash."""
        self._outstanding[request.id] = request
        if self._process is not None:
            self._process.send(request)
        else:
            QTimer.singleShot(0, self, self._forget_outstanding)
        self._settle()
        return request.id

    def _tell(self, request: Request) -> None:
        if self._process is not None and request.id in self._outstanding:
            self._process.send(request)

    # Events --------------------------------------------------------------------------------------

    def _on_event(self, event: Event) -> None:
        if self._state == "not responding":
            self.problem_solved.emit("engine")
        self._watchdog.heard()
        match event:
            case Hello():
                self._greet(event)
            case Loading():
                (self.preparing if event.preparing else self.loading).emit(event.progress)
            case Prefill():
                self.prefill.emit(event)
            case Delta():
                self.delta.emit(event)
            case MessageDone():
                pass  # its words have come as deltas
            case _:
                self._take_reply(event)
        self._settle()

    def _greet(self, hello: Hello) -> None:
        self._greeted = True
        if hello.version != VERSION:
            self._give_up(
                f"The engine speaks version {hello.version}, this window {VERSION}. "
                "Install Sordino again."
            )
        else:
            self.problem_solved.emit("engine")

    def _take_reply(self, event: Event) -> None:
        """An event that ends its request."""
        request = self._outstanding.pop(getattr(event, "id", None) or "", None)
        self._settle()
        match event:
            case Ready():
                if request is self._wanted:  # no other was asked for in the meantime
                    self._model = event.model
                    self._opened = self._wanted
                    self._settle()
                    self.problem_solved.emit("engine")
                    self.ready.emit(event.model)
            case Done():
                self.done.emit(event)
            case ModelList():
                self.models.emit(event)
            case Failed() if isinstance(request, Load):
                if request is self._wanted:
                    self._refuse_load(event)
            case Failed() if event.id is None:
                self._complaint = event.message
            case Failed():
                self.failed.emit(event)

    def _refuse_load(self, failure: Failed) -> None:
        """Says it, and goes back to the model there was before."""
        before, self._wanted, self._opened = self._opened, None, None
        self._settle()
        if failure.kind == "memory":
            self.problem.emit(Problem(failure.message, "Settings…", "open_settings", topic="model"))
        else:
            self.problem.emit(
                Problem(failure.message, "Choose model…", "choose_model", topic="model")
            )
        if before is not None:
            self._open(before.model, before.context, before.states)  # the refusal stays on view
        self.load_failed.emit(failure)

    # Life and death ------------------------------------------------------------------------------

    def _on_ended(self, how: str) -> None:
        if self._process is None:
            return
        self._ended_process, self._process = self._process, None
        self._model = None
        self._watchdog.stop()
        if not self._gave_up:
            if self._budget.allows_another():
                self._comeback.start()
            else:
                self._give_up(
                    self._complaint
                    or f"The engine {how}, as it did before. "
                    "A smaller model or a shorter context may help."
                )
        self._settle()
        self._forget_outstanding()

    def _give_up(self, why: str) -> None:
        self._gave_up = True
        self.problem.emit(Problem(why, "Start again", "restart_engine", topic="engine"))
        if self._process is not None:
            self._process.kill()

    def _forget_outstanding(self) -> None:
        lost = [request for request in self._outstanding.values() if isinstance(request, Generate)]
        self._outstanding.clear()
        for request in lost:
            self.turn_lost.emit(request.id)

    def _has_work(self) -> bool:
        return bool(self._outstanding) or not self._greeted

    def _ping(self) -> None:
        if self._process is not None:
            self._process.send(Ping(self._next_id()))

    def _say_quiet(self) -> None:
        self._settle()
        self.problem.emit(
            Problem(
                "The engine doesn’t respond. It is restarted in a moment; what was said stays.",
                "Restart now",
                "restart_engine",
                topic="engine",
            )
        )

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def _settle(self) -> None:
        """The state that follows from what is known."""
        waiting = [type(request) for request in self._outstanding.values()]
        if self._process is None:
            if self._gave_up:
                self._set_state("failed")
            else:
                self._set_state("starting" if self._comeback.isActive() else "off")
        elif self._watchdog.is_quiet:
            self._set_state("not responding")
        elif not self._greeted:
            self._set_state("starting")
        elif Load in waiting:
            self._set_state("loading")
        else:
            self._set_state("busy" if Generate in waiting else "ready")

    def _set_state(self, state: EngineState) -> None:
        if state != self._state:
            self._state = state
            self.state_changed.emit(state)
