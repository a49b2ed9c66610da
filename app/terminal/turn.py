"""What `ask` and `chat` share: opening a model, one turn on the screen.

Owns how a turn looks while it runs and what is said about its end.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app import paths
from app.chats.models import ChatMessage, Effort
from app.documents.citations import Citation, CitationParser, Piece
from app.documents.pages import Shown
from app.prompt import conversation_json
from app.settings import MODEL_KEYS, read_settings
from app.terminal.engine import Failure, TerminalEngine
from app.terminal.screen import Screen
from mlx_engine.protocol import (
    Delta,
    Done,
    Event,
    Failed,
    Generate,
    Load,
    Loading,
    ModelInfo,
    Prefill,
    Ready,
    Sampling,
    encode,
)

_LIMITS = {
    "length": "The answer ends here: it reached --max-tokens.",
    "context": "The answer ends here: the context is full. Ask anew, or with a longer --context.",
    "repetition": "The model repeated itself and was stopped. Ask again.",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """How a person wants to be answered."""

    effort: Effort
    system_prompt: str
    sampling: Sampling
    max_tokens: int | None
    shows_thinking: bool
    as_json: bool = False


def wish_of(options: argparse.Namespace) -> Wish:
    temperature = 1.0 if options.temperature is None else options.temperature
    return Wish(
        effort=options.effort or "medium",
        system_prompt=options.system,
        sampling=Sampling(temperature=temperature, seed=options.seed),
        max_tokens=options.max_tokens,
        shows_thinking=options.thinking,
        as_json=getattr(options, "json", False),
    )


def model_of(given: str | None, screen: Screen) -> str:
    """What to load: a key, or the whole path of a folder. By default the window's choice."""
    if given is None:
        settings, complaint = read_settings(paths.settings_path())
        if complaint:
            screen.note(complaint)
        given = settings.model
    if given in MODEL_KEYS:
        return given
    return str(typed_path(given).absolute())


def typed_path(given: str) -> Path:
    """`~` is a home, unless it is that of somebody who has none."""
    try:
        return Path(given).expanduser()
    except RuntimeError:
        return Path(given)


def open_model(
    engine: TerminalEngine, screen: Screen, model: str, context: int | None, as_json: bool = False
) -> ModelInfo:
    """Raises Failure in the engine's words."""
    settings, _ = read_settings(paths.settings_path())
    states = paths.states_wanted(settings.keeps_documents)
    for event in engine.ask(Load(engine.next_id(), model, context, states=states)):
        if as_json:
            screen.line(encode(event).decode("ascii"))
        elif isinstance(event, Loading):
            doing = "Preparing this machine, once" if event.preparing else "Opening the model"
            screen.progress(f"{doing}… {event.progress:.0%}")
        if isinstance(event, Ready):
            if context is not None and event.model.context < context:
                most = f"{event.model.name} holds {event.model.context:,} tokens at most"
                screen.note(f"{most}; so many are the context.")
            return event.model
        if isinstance(event, Failed):
            raise Failure(event.message)
    raise AssertionError("a load ends with ready or error")


class TurnOnScreen:
    """One turn: its words go to the screen as they come. `request_id` names it to the engine."""

    def __init__(
        self,
        engine: TerminalEngine,
        screen: Screen,
        model: ModelInfo,
        path: Sequence[ChatMessage],
        wish: Wish,
        shown: Mapping[str, Sequence[Shown]],
        citable: Sequence[Shown] = (),
    ) -> None:
        """`shown` has what of documents the model is given, by the message they go with; `citable`
        is what it read before."""
        self.request_id = engine.next_id()
        self.text = ""  # of the answer, as far as it has come
        self.done: Done | None = None
        self._engine = engine
        self._screen = screen
        self._wish = wish
        self._thinking_since = 0.0
        read = [*citable, *(part for parts in shown.values() for part in parts)]
        self._citations = CitationParser(read) if read else None
        self._unfounded: list[str] = []  # words that were quoted and are not where it is said
        self._ends_with_space = True  # the answer, as far as it is on the screen
        self._request = Generate(
            self.request_id,
            conversation_json(
                path,
                effort=wish.effort,
                is_guide=model.is_guide,
                system_prompt=wish.system_prompt,
                shown=shown,
            ),
            wish.sampling,
            wish.max_tokens,
        )

    def run(self) -> None:
        """To the end of the turn. Raises Failure if it failed or gave no answer; `text` is what
        came until then."""
        try:
            for event in self._engine.ask(self._request):
                self._show(event)
        finally:
            if self._citations is not None and not self._wish.as_json:
                self._answer(self._citations.finish())
            self._screen.close()
        if self.done is not None and not self._wish.as_json:
            self._say_what_is_unfounded()
            self._say_how_it_ended(self.done)

    def _show(self, event: Event) -> None:
        if self._wish.as_json:
            self._screen.line(encode(event).decode("ascii"))
        match event:
            case Delta(channel="final"):
                self.text += event.text
                if not self._wish.as_json:
                    parser = self._citations
                    self._answer([event.text] if parser is None else parser.feed(event.text))
            case Delta() if not self._wish.as_json:
                self._think(event.text)
            case Prefill() if not self._wish.as_json and event.total:
                self._screen.progress(f"Reading… {event.done / event.total:.0%}")
            case Done():
                self.done = event
            case Failed() if event.id == self.request_id:
                raise Failure(event.message)

    def _answer(self, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            if isinstance(piece, Citation):
                self._unfounded += [q.words for q in piece.quotes if not q.is_found]
                space = "" if self._ends_with_space else " "
                piece = f"{space}[{piece.words()}]"
            if piece:
                self._screen.answer(piece)
                self._ends_with_space = piece[-1].isspace()

    def _say_what_is_unfounded(self) -> None:
        for words in self._unfounded:
            self._screen.note(f"Not in the lines cited: “{words}”")

    def _think(self, text: str) -> None:
        if self._wish.shows_thinking:
            self._screen.thought(text)
        else:
            self._thinking_since = self._thinking_since or time.monotonic()
            self._screen.progress(f"Thinking… {time.monotonic() - self._thinking_since:.0f} s")

    def _say_how_it_ended(self, done: Done) -> None:
        if done.stop in _LIMITS:
            self._screen.note(_LIMITS[done.stop])
        elif not self.text.strip() and done.stop != "cancel":
            raise Failure("The model ended without an answer. Ask again.")
