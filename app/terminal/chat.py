"""`sordino chat`: a conversation in the terminal, kept as long as it runs."""

import argparse
import contextlib
import io
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import FrameType

from app import paths
from app.chats.models import EFFORTS, ChatMessage, new_id
from app.documents.pages import page
from app.restart_budget import RestartBudget
from app.terminal.documents import OpenDocuments, read_files, room_for_documents, show_search
from app.terminal.engine import EngineGone, Failure, TerminalEngine
from app.terminal.keyboard import keys_kept
from app.terminal.screen import Screen
from app.terminal.turn import TurnOnScreen, model_of, open_model, typed_path, wish_of
from app.turn_problems import NOT_ALL_TEXT
from app.well_formed import is_text, readable
from mlx_engine.protocol import Cancel, ListModels, ModelInfo, ModelList

HELP = """\
/effort low|medium|high   how hard the model thinks
/model guide|20b|120b|FOLDER   talk with another model
/file FILE                give a document, or a folder of them, with the next question
/new                      begin a new conversation
/quit                     leave; Ctrl-D does too
Ctrl-C stops an answer. Nothing that is said here is kept."""


def chat(options: argparse.Namespace, engine_command: Sequence[str] | None = None) -> int:
    """Reads line after line until its input ends. Raises Failure."""
    return _Chat(options, lambda: TerminalEngine(paths.log_path(), engine_command)).run()


class _Chat:
    def __init__(
        self, options: argparse.Namespace, new_engine: Callable[[], TerminalEngine]
    ) -> None:
        self._options = options
        self._wish = wish_of(options)
        self._screen = Screen()
        self._model_key = model_of(options.model, self._screen)
        self._documents = OpenDocuments(read_files(options.files, self._screen))
        self._path: list[ChatMessage] = []
        self._restarts = RestartBudget()
        self._commands: dict[str, Callable[[str], None]] = {
            "/help": lambda _: self._screen.note(HELP),
            "/effort": self._set_effort,
            "/model": self._set_model,
            "/file": self._add_file,
            "/new": self._begin_anew,
        }
        self._new_engine = new_engine
        self._engine = new_engine()
        self._model: ModelInfo | None = None

    def run(self) -> int:
        try:
            with _line_editor():
                self._open()
                self._greet()
                for line in self._lines():
                    if line in ("/quit", "/exit"):
                        break
                    self._take(line)
        finally:
            self._engine.close()
        return 0

    def _greet(self) -> None:
        if sys.stdin.isatty() and self._model is not None:
            self._screen.note(f"{self._model.name}. /help says what can be typed, Ctrl-D leaves.")

    def _lines(self) -> Iterator[str]:
        """What is typed, without empty lines; ends with the input. Ctrl-C empties the line."""
        is_terminal = sys.stdin.isatty()
        if isinstance(sys.stdin, io.TextIOWrapper):  # one wrong byte would cost all that follows it
            sys.stdin.reconfigure(errors="surrogateescape")
        while True:
            try:
                given = input("› " if is_terminal else "")
            except EOFError:
                if is_terminal:
                    print()
                return
            except KeyboardInterrupt:
                self._screen.note("\nCtrl-D leaves.")
                continue
            if not is_text(given):
                self._screen.note(NOT_ALL_TEXT.text)
            if line := readable(given).strip():
                yield line

    def _take(self, line: str) -> None:
        name, _, argument = line.partition(" ")
        try:
            if not line.startswith("/"):
                self._answer(line)
            elif name in self._commands:
                self._commands[name](argument.strip())
            else:
                self._screen.note(f"There is no {name}. /help says what there is.")
        except EngineGone as gone:
            self._screen.note(str(gone))
            self._restart(gone)
        except Failure as failure:
            self._screen.note(str(failure))

    # One turn ------------------------------------------------------------------------------------

    def _answer(self, line: str) -> None:
        """Asks; what was said stays in the conversation, however the turn ends."""
        if self._model is None:
            raise Failure("No model is open. Choose one: /model guide")
        earlier = [message.text for message in self._path if message.role == "user"]
        if not self._documents.is_empty and self._model.is_guide:
            show_search(self._documents, line, earlier, self._screen)
            return
        question = ChatMessage(new_id(), self._path[-1].id if self._path else None, "user", line)
        path = [*self._path, question]
        room = self._room(self._model, path)
        documents = self._documents
        documents.choose(question.id, line, earlier, room, self._screen)
        turn = TurnOnScreen(
            self._engine, self._screen, self._model, path, self._wish, documents.shown
        )
        try:
            with _stopping(lambda: self._engine.tell(Cancel(turn.request_id))):
                turn.run()
        finally:
            if turn.done is not None or turn.text:
                self._path = [*path, ChatMessage(new_id(), question.id, "assistant", turn.text)]
            else:
                documents.forget(question.id)
        if turn.done is not None:
            used = turn.done.usage.prompt_tokens + turn.done.usage.completion_tokens
            speed = turn.done.timing.decode_tokens_per_s
            self._screen.aside(
                f"{speed:.0f} tokens/s · {used:,} of {self._model.context:,} tokens of context"
            )

    def _room(self, model: ModelInfo, path: Sequence[ChatMessage]) -> int:
        texts = [self._wish.system_prompt, *(message.text for message in path)]
        texts += [page(part) for parts in self._documents.shown.values() for part in parts]
        return room_for_documents(model.context, self._wish.max_tokens, texts)

    def _restart(self, gone: EngineGone) -> None:
        """After a crash: the same model in a new process."""
        self._engine.close()
        if not self._restarts.allows_another():
            raise Failure("The engine ended too often. Try a smaller model.") from gone
        self._engine = self._new_engine()
        self._open()

    # Commands ------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._model = None
        self._model = open_model(self._engine, self._screen, self._model_key, self._options.context)
        self._screen.close()

    def _set_effort(self, argument: str) -> None:
        for effort in EFFORTS:
            if argument.lower() == effort:
                self._wish = replace(self._wish, effort=effort)
        self._screen.note(f"Effort: {self._wish.effort}. There are low, medium and high.")

    def _set_model(self, argument: str) -> None:
        """Opens another model; the one before comes back if that fails."""
        if not argument:
            self._list_models()
            return
        before, self._model_key = self._model_key, model_of(argument, self._screen)
        try:
            self._open()
        except EngineGone:
            self._model_key = before
            raise
        except Failure as failure:
            self._screen.note(str(failure))
            self._model_key = before
            self._open()
        if self._model is not None:
            self._screen.note(f"Talking with {self._model.name}.")

    def _list_models(self) -> None:
        for event in self._engine.ask(ListModels(self._engine.next_id())):
            if isinstance(event, ModelList):
                for choice in event.models:
                    where = "" if choice.path else " (not on this machine)"
                    self._screen.note(f"/model {choice.key}   {choice.name}{where}")
        self._screen.note("/model FOLDER   a gpt-oss checkpoint in a folder")

    def _add_file(self, argument: str) -> None:
        documents = read_files([typed_path(argument)], self._screen)
        self._documents.add(documents)
        for document in documents:
            self._screen.note(f"{document.name} goes with the next question.")

    def _begin_anew(self, _: str) -> None:
        self._path, self._documents = [], OpenDocuments()
        self._screen.note("A new conversation.")


@contextlib.contextmanager
def _line_editor() -> Iterator[None]:
    """Editing and history for input() while inside, where Python and the terminal have them."""
    try:
        import readline  # noqa: F401
    except ImportError:
        yield
        return
    with keys_kept():
        yield


@contextlib.contextmanager
def _stopping(stop: Callable[[], None]) -> Iterator[None]:
    """While inside, the first Ctrl-C calls `stop` instead of raising, so that no line from the
    engine is lost; a second one raises."""

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        stop()

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
