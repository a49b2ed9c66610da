"""Starts, watches and restarts the engine process; its lines become Qt signals.

Owns the process. Knows the protocol and nothing of conversations: a crash costs whoever asked its
running request (`turn_lost`), never the window.
"""

from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import QObject, Signal

from mlx_engine.protocol import Json, ModelInfo, Sampling

EngineState = Literal[
    "off",
    "starting",  # the process comes up
    "loading",  # a model is being opened
    "ready",  # waiting for work
    "busy",
    "not responding",  # no word for long, and it doesn't answer a call either
    "failed",  # it ended too often; `restart()` tries again
]


class EngineClient(QObject):
    """The engine as an object: methods send requests, signals bring events."""

    state_changed = Signal(str)  # EngineState
    loading = Signal(float)  # 0 … 1
    ready = Signal(object)  # ModelInfo
    prefill = Signal(object)  # protocol.Prefill
    delta = Signal(object)  # protocol.Delta
    message = Signal(object)  # protocol.MessageDone
    done = Signal(object)  # protocol.Done
    failed = Signal(object)  # protocol.Failed that ends a generate or a count
    load_failed = Signal(object)  # protocol.Failed that ends a load
    counted = Signal(object)  # protocol.Counted
    stats = Signal(object)  # protocol.StatsReport
    models = Signal(object)  # protocol.ModelList
    turn_lost = Signal(str)  # id of a generate that the end of the process cut off
    problem = Signal(object)  # Problem, topic "engine"
    problem_solved = Signal(str)  # topic

    def __init__(self, command: Sequence[str] | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)

    @property
    def state(self) -> EngineState:
        raise NotImplementedError

    @property
    def model(self) -> ModelInfo | None:
        """What is loaded; None before and while loading."""
        raise NotImplementedError

    @property
    def model_key(self) -> str | None:
        """What was last asked to be loaded: "guide", "20b", "120b" or a folder."""
        raise NotImplementedError

    def start(self) -> None:
        raise NotImplementedError

    def load(self, model: str, context: int | None = None) -> None:
        """Opens a model instead of the present one; again after every restart."""
        raise NotImplementedError

    def generate(
        self, conversation: Json, sampling: Sampling, max_tokens: int | None = None
    ) -> str:
        """Returns the id that the turn's events will carry."""
        raise NotImplementedError

    def answer_now(self, request_id: str) -> None:
        raise NotImplementedError

    def cancel(self, request_id: str) -> None:
        raise NotImplementedError

    def request_stats(self) -> None:
        raise NotImplementedError

    def request_models(self) -> None:
        raise NotImplementedError

    def unload(self) -> None:
        raise NotImplementedError

    def restart(self) -> None:
        """Ends the process and starts it anew, whatever it is doing."""
        raise NotImplementedError

    def shut_down(self) -> None:
        """Ends the process for good, within 2 s."""
        raise NotImplementedError
