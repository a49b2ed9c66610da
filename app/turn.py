"""One turn: from a question on the path to a finished reply.

Owns the request to the engine and the reply it brings, and turns every way a turn can end into a
status and, where a person should know, a problem. Knows no chats, no store, no widget.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from app import turn_problems as problems
from app.chats.models import ChatMessage, Reading, Status, TurnStatistics
from app.documents.choice import Mode, NoRoom, Passes, given
from app.documents.chooser import Chooser
from app.documents.notes import request_for_notes, request_with_notes
from app.engine_client import EngineClient
from app.problem import Problem
from app.prompt import conversation_json
from app.reply import Reply
from app.settings import Settings
from mlx_engine.protocol import Delta, Done, Failed, ModelInfo, Prefill, Sampling


class Turn(QObject):
    """Emits exactly one of `ended` and `refused`, and nothing after it."""

    prefill_progress = Signal(int, int)
    thinking_added = Signal(str)
    answer_added = Signal(str)
    reading_chosen = Signal()  # what of the documents the model gets: `message` has it
    ended = Signal(object, object)  # the whole ChatMessage; Problem | None
    refused = Signal(object)  # nothing was said, nor will be; a Problem, None where it was told

    def __init__(
        self,
        engine: EngineClient,
        path: Sequence[ChatMessage],
        reply: ChatMessage,
        settings: Callable[[], Settings],
        chooser: Chooser,
        wanted: Mode | None = None,
    ) -> None:
        """`path` ends with the question, `reply` is the empty message that will answer it. It has
        no parent: it goes with its last reference, when its end has been told."""
        super().__init__()
        self._engine = engine
        self._path = tuple(path)
        self._settings = settings
        self._chooser = chooser
        self._wanted = wanted
        self._ticket: int | None = None  # of the choice among the documents
        self._passes: Passes | None = None  # while the documents are read part by part
        self._notes: list[str] = []
        self._note = ""  # on the part that is being read
        self._effort = reply.effort
        self._reply = Reply(reply)
        self._request_id: str | None = None  # None while the model is not there yet
        self._has_begun = self._is_over = self._wants_answer = False
        engine.prefill.connect(self._on_prefill)
        engine.delta.connect(self._on_delta)
        engine.done.connect(self._on_done)
        engine.failed.connect(self._on_failed)
        engine.turn_lost.connect(self._on_lost)
        engine.load_failed.connect(self._on_load_failed)
        engine.state_changed.connect(self._on_engine_state)
        chooser.chosen.connect(self._on_chosen)
        chooser.found.connect(self._on_found)

    @property
    def reply_id(self) -> str:
        return self._reply.id

    def start(self) -> None:
        """Asks the engine now, or as soon as its model is open. Once."""
        if self._has_begun or self._is_over:
            return
        self._has_begun = True
        self._engine.ready.connect(self._ask)
        if self._engine.state == "failed":
            self._engine.restart()
        if self._engine.model is not None:
            self._ask(self._engine.model)

    @property
    def has_news(self) -> bool:
        """Whether words have come since `message` was asked last."""
        return self._reply.has_news

    def message(self) -> ChatMessage:
        """The reply as far as it has come."""
        return self._reply.message()

    def statistics(self) -> TurnStatistics:
        return self._reply.statistics()

    def stop(self) -> None:
        """Ends the turn at once; the engine follows after its present step."""
        if self._request_id is not None and not self._is_over:
            self._engine.cancel(self._request_id)
        self._end("stopped", "cancel")

    def give_up(self) -> None:
        """Before it starts: there is no answering what could not be kept."""
        if not self._is_over:
            self._is_over = True
            self.refused.emit(None)

    def answer_now(self) -> None:
        """Ends the thinking, also where it has yet to begin."""
        self._wants_answer = True
        if self._request_id is not None:
            self._engine.answer_now(self._request_id)

    def _ask(self, model: ModelInfo) -> None:
        """With documents, what the model is given of them is chosen first."""
        if self._request_id is not None or self._is_over or self._ticket is not None:
            return
        self._reply.set_model(model)
        if not any(message.attachments for message in self._path):
            self._generate(model)
        elif model.is_guide:
            self._ticket = self._chooser.search(self._path)
        else:
            prompt = self._settings().system_prompt
            self._ticket = self._chooser.choose(self._path, model.context, prompt, self._wanted)

    def _on_chosen(self, ticket: int, result: object) -> None:
        if ticket != self._ticket or self._is_over:
            return
        if isinstance(result, NoRoom):
            self._is_over = True
            self.refused.emit(Problem(str(result), "New chat", "new_chat"))
        elif isinstance(result, Exception):
            self._end("failed", f"The documents can’t be searched: {result}.")
        elif self._engine.model is None:
            self._ticket = None  # asked again when the model is there
        elif isinstance(result, Passes):
            self._passes = result
            self._reply.set_reading(result.reading)
            self.reading_chosen.emit()
            self._read_part(result)
        else:
            self._reply.set_reading(result if isinstance(result, Reading) else None)
            self.reading_chosen.emit()
            self._generate(self._engine.model)

    def _on_found(self, ticket: int, result: object) -> None:
        """The guide's way with documents."""
        if ticket != self._ticket or self._is_over:
            return
        if not isinstance(result, tuple):
            self._end("failed", f"The documents can’t be searched: {result}.")
            return
        words, reading = result
        self._reply.set_reading(reading)
        self.reading_chosen.emit()
        self._reply.take(Delta("", "final", None, words))
        self.answer_added.emit(words)
        self._end("complete", "search")

    def _read_part(self, passes: Passes) -> None:
        """The next part of documents too long to be read at once; what the model notes on it is
        seen among the thoughts."""
        number, count = len(self._notes) + 1, len(passes.parts)
        question = self._path[-1]
        asked = request_for_notes(question.text, passes.parts[number - 1], number, count)
        self._think(f"\n\nPart {number} of {count}\n\n")
        self._note = ""
        self._request_id = self._engine.generate(
            conversation_json(
                [replace(question, text=asked, attachments=())],
                effort="low",
                is_guide=False,
                system_prompt=self._settings().system_prompt,
            ),
            self._sampling(),
            passes.note_tokens,
        )

    def _on_part_read(self, passes: Passes, model: ModelInfo) -> None:
        self._notes.append(self._note)
        if len(self._notes) < len(passes.parts):
            self._read_part(passes)
            return
        question = self._path[-1]
        asked = request_with_notes(question.text, self._notes)
        self._path = (*self._path[:-1], replace(question, text=asked))
        self._passes = None
        self._generate(model)

    def _think(self, text: str) -> None:
        self._reply.take(Delta("", "analysis", None, text))
        self.thinking_added.emit(text)

    def _sampling(self) -> Sampling:
        settings = self._settings()
        return Sampling(settings.temperature, settings.top_p, settings.top_k, settings.min_p)

    def _generate(self, model: ModelInfo) -> None:
        settings = self._settings()
        self._request_id = self._engine.generate(
            conversation_json(
                self._path,
                effort=self._effort,
                is_guide=model.is_guide,
                system_prompt=settings.system_prompt,
                shown=given([*self._path, self._reply.message()]),
            ),
            self._sampling(),
        )
        if self._wants_answer:
            self._engine.answer_now(self._request_id)

    def _is_mine(self, request_id: str | None) -> bool:
        return request_id == self._request_id and request_id is not None and not self._is_over

    def _on_prefill(self, progress: Prefill) -> None:
        if self._is_mine(progress.id):
            self._reply.take_prefill(progress)
            self.prefill_progress.emit(progress.done, progress.total)

    def _on_delta(self, delta: Delta) -> None:
        if self._is_mine(delta.id) and self._passes is not None:
            if delta.channel == "final":
                self._note += delta.text
            self._think(delta.text)
        elif self._is_mine(delta.id):
            is_answer = self._reply.take(delta)
            (self.answer_added if is_answer else self.thinking_added).emit(delta.text)

    def _on_done(self, done: Done) -> None:
        if not self._is_mine(done.id):
            return
        model = self._engine.model
        if self._passes is not None and done.stop != "cancel" and model is not None:
            self._on_part_read(self._passes, model)
        else:
            self._reply.take_numbers(done)
            status: Status = "stopped" if done.stop == "cancel" else "complete"
            has_answer = bool(self._reply.message().text.strip())
            self._end(status, done.stop, problems.after_stop(done.stop, has_answer))

    def _on_failed(self, failure: Failed) -> None:
        if not self._is_mine(failure.id):
            return
        problem = problems.after_error(failure)
        if failure.kind == "context" and not self._reply.has_words:
            self._is_over = True
            self.refused.emit(problem)
        else:
            self._end("failed", failure.message, problem)

    def _on_lost(self, request_id: str) -> None:
        if self._is_mine(request_id):
            self._end("interrupted", self._gone(), problems.LOST)

    def _on_load_failed(self, failure: Failed) -> None:
        """The engine has said why. Where it goes back to a model there was before, that answers."""
        if self._request_id is None and self._engine.model_key is None:
            self._end("failed", failure.message)

    def _on_engine_state(self, state: str) -> None:
        if state in ("failed", "off") and self._request_id is None:
            self._end("interrupted", self._gone())

    def _gone(self) -> str:
        """Who went away: the engine, or, where that was asked to, the app itself."""
        return "" if self._engine.state == "off" else "engine"

    def _end(self, status: Status, stop: str, problem: Problem | None = None) -> None:
        if not self._is_over:
            self._is_over = True
            self.ended.emit(self._reply.message(status, stop), problem)
