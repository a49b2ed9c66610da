"""The engine: opens a model, takes turns with it, gives its memory back.

Owns the loaded model, its vocabulary and its caches, and turns requests into events. Everything
here runs on the one thread that owns MLX; only a `Turn` may be touched from another. Knows
nothing of pipes or lines: events leave through `emit`.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import mlx.core as mx

from mlx_engine import memory, models
from mlx_engine.cache import PromptCache
from mlx_engine.checkpoint import Inventory, inspect
from mlx_engine.config import CONFIG_FILE
from mlx_engine.control import Control, Turn
from mlx_engine.errors import BadRequest, OutOfMemory
from mlx_engine.generate import ROOM, Finished, PrefillProgress, Step, Token, generate
from mlx_engine.harmony import conversation_from_json, runs
from mlx_engine.model import Model
from mlx_engine.opening import open_network
from mlx_engine.protocol import (
    AnswerNow,
    Cancel,
    Count,
    Counted,
    Done,
    Event,
    Generate,
    Json,
    ListModels,
    Load,
    Loading,
    Memory,
    ModelChoice,
    ModelInfo,
    ModelList,
    Ping,
    Prefill,
    Ready,
    Request,
    Stats,
    StatsReport,
    Timing,
    Unload,
    Unloaded,
    Usage,
)
from mlx_engine.reply import Reply
from mlx_engine.saved_states import LEAST_TOKENS, SavedStates, identity
from mlx_engine.tokenizer import Tokenizer

Emit = Callable[[Event], None]

_PROGRESS_S = 0.1  # at least this long between two events about the same progress


@dataclass(frozen=True, slots=True)
class Origin:
    """What was opened, and how: the same again need not be read again."""

    place: models.ModelLocation
    files: tuple[tuple[str, int, int], ...]  # name, size and time of change of each
    threads: int | None

    @classmethod
    def of(cls, place: models.ModelLocation, inventory: Inventory, threads: int | None) -> "Origin":
        paths = [shard.path for shard in inventory.shards]
        found = [(path.name, path.stat()) for path in (*paths, place.folder / CONFIG_FILE)]
        files = tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in found)
        return cls(place, files, threads)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model ready for turns."""

    info: ModelInfo
    origin: Origin
    asked: int | None  # the context; `info.context` is what came of it
    model: Model
    tokenizer: Tokenizer
    cache: PromptCache
    load_s: float
    states: SavedStates | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the network reads, and where a later prompt may part from it."""

    ids: list[int]
    marks: tuple[int, ...]

    @classmethod
    def of(cls, conversation: Json, tokenizer: Tokenizer) -> "Prompt":
        parsed = conversation_from_json(conversation)
        if not parsed.messages:
            raise BadRequest("There is nothing to answer: the conversation has no message.")
        ids: list[int] = []
        marks = []
        for run in runs(parsed, tokenizer):
            marks.append(len(ids))
            ids += run
        return cls(ids, tuple(marks))

    def lasting(self, boundary: int) -> list[int]:
        """Where a long part of a message ends, such as one with documents, the last first.

        `boundary` opens a message: what another message follows is only as lasting as that.
        """
        return [
            place
            for place in reversed(self.marks)
            if place >= LEAST_TOKENS and self.ids[place] != boundary
        ]


class Engine:
    """One model at a time. `emit` gets the events of whatever request is being handled."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._loaded: Loaded | None = None
        self._unsaved: int | None = None  # a position in the cache whose state the disk should keep

    def handle(self, request: Request, turn: Turn | None = None) -> None:
        """Serve one request to its end. Raises EngineError if it can't be served."""
        match request:
            case Load():
                self.load(request)
            case Generate():
                self.generate(request, turn or Turn())
            case Count():
                self.count(request)
            case Stats():
                self._emit(self.stats(request.id))
            case ListModels():
                self._emit(ModelList(request.id, model_choices()))
            case Unload():
                self.unload()
                self._emit(Unloaded(request.id))
            case Cancel() | AnswerNow() | Ping():
                pass  # met by whoever reads requests

    def load(self, request: Load) -> None:
        """Open a model; one that is open already, and unchanged, keeps its weights and caches.

        What can be refused by names and sizes is refused before the one that is loaded is let
        go; then that goes first, so that two never share the memory.
        """
        place = models.resolve(request.model)
        inventory = inspect(place.folder)
        origin = Origin.of(place, inventory, request.threads)
        target = memory.device(held_bytes=mx.get_active_memory())
        try:
            plan = memory.plan(
                inventory.config, inventory.nbytes, target, name=place.name, context=request.context
            )
        except OutOfMemory:
            if not (self._holds(origin) and self._require_model().asked == request.context):
                raise
            # Others have taken memory since: no reason to take the model away.
        else:
            if self._holds(origin):
                self._change_context(request.context, plan, target)
            else:
                self._open(request, inventory, origin, plan, target)
        self._loaded = _with_states(self._require_model(), request.states)
        self._emit(Ready(request.id, self._require_model().info))

    def _holds(self, origin: Origin) -> bool:
        return self._loaded is not None and self._loaded.origin == origin

    def _change_context(self, asked: int | None, plan: memory.Plan, target: memory.Device) -> None:
        """Asked for the same again, a context may grow with the free memory; it doesn't shrink."""
        loaded = self._require_model()
        if asked == loaded.asked and plan.context <= loaded.info.context:
            return
        memory.respect(plan, target)
        self._loaded = replace(loaded, asked=asked, info=replace(loaded.info, context=plan.context))
        if len(loaded.cache.tokens) > plan.context:
            self.forget()

    def _open(
        self,
        request: Load,
        inventory: Inventory,
        origin: Origin,
        plan: memory.Plan,
        target: memory.Device,
    ) -> None:
        started = time.monotonic()
        place = origin.place
        tokenizer = Tokenizer.for_checkpoint(place.folder, inventory.config.vocab_size)
        self.unload()
        memory.respect(plan, target)
        opened = open_network(
            inventory, threads=request.threads, progress=self._loading(request.id)
        )
        checkpoint, model = opened.checkpoint, opened.model
        config = checkpoint.config
        self._loaded = Loaded(
            info=ModelInfo(
                name=place.name,
                path=str(place.folder),
                context=plan.context,
                checkpoint_bytes=checkpoint.nbytes,
                layers=config.num_hidden_layers,
                experts=config.num_local_experts,
                vocabulary=config.vocab_size,
                is_guide=place.is_guide,
                route=opened.choice.route,
                replaced_kernels=opened.choice.replaced,
            ),
            origin=origin,
            asked=request.context,
            model=model,
            tokenizer=tokenizer,
            cache=PromptCache(config, model.dtype),
            load_s=time.monotonic() - started,
        )

    def _loading(self, request_id: str) -> Callable[[float, bool], None]:
        pace = _Pace()

        def tell(share: float, preparing: bool) -> None:
            if pace.is_due(share >= 1):
                self._emit(Loading(request_id, share, preparing))

        return tell

    def unload(self) -> None:
        self._loaded = self._unsaved = None
        mx.clear_cache()

    def forget(self) -> None:
        """Drop what is held for reuse: after an error its state is not known."""
        if self._loaded is not None:
            self._loaded.cache.clear()
        mx.clear_cache()

    def generate(self, request: Generate, turn: Turn) -> None:
        """One turn, from prompt to `done`. What was written before an error was emitted."""
        started = time.monotonic()
        loaded = self._require_model()
        prompt = Prompt.of(request.conversation, loaded.tokenizer)
        config, held_bytes = loaded.model.config, loaded.cache.layers.nbytes
        positions = min(len(prompt.ids), loaded.info.context)
        memory.ensure_room(config, positions, held_bytes, memory.device())
        reply = Reply(request.id, loaded.tokenizer, self._emit, turn.control.force)
        progress = _Pace()
        first_token_s = 0.0
        self._recall(request.id, loaded, prompt, turn.control)
        for step in _steps(loaded, prompt, request, turn.control):
            match step:
                case PrefillProgress(done, total, cached):
                    if progress.is_due(done in (cached, total)):
                        self._emit(Prefill(request.id, done, total, cached))
                case Token():
                    first_token_s = first_token_s or time.monotonic() - started
                    reply.take(step.id)
                case Finished():
                    reply.finish()
                    self._emit(_done(request.id, step, reply, loaded, first_token_s))
            if turn.wants_answer:
                reply.answer_now()

    def _recall(self, request_id: str, loaded: Loaded, prompt: Prompt, control: Control) -> None:
        """Take a document's state from the disk, where that goes further than what is held."""
        self._unsaved = None
        states, total = loaded.states, len(prompt.ids)
        if states is None or total >= loaded.info.context:
            return
        progress = _Pace()
        held = loaded.cache.match(prompt.ids)
        for end in prompt.lasting(loaded.tokenizer.special["<|start|>"]):
            self._unsaved = self._unsaved or end

            def go_on(share: float, end: int = end) -> bool:
                if progress.is_due(False):
                    self._emit(Prefill(request_id, int(share * end), total, 0))
                return not control.cancelled

            if held >= end or states.restore(loaded.cache, prompt.ids[:end], total + ROOM, go_on):
                break

    def rest(self, is_awaited: Callable[[], bool]) -> None:
        """What can wait until nobody waits: saving the state at the end of what was read last."""
        loaded = self._loaded
        if loaded is None or loaded.states is None or self._unsaved is None:
            return
        if loaded.states.save(loaded.cache, self._unsaved, is_awaited):
            self._unsaved = None

    def count(self, request: Count) -> None:
        loaded = self._require_model()
        tokens = len(Prompt.of(request.conversation, loaded.tokenizer).ids)
        self._emit(Counted(request.id, tokens, loaded.info.context))

    def stats(self, request_id: str) -> StatsReport:
        target = memory.device()
        loaded = self._loaded
        return StatsReport(
            id=request_id,
            device=target.name,
            route=target.route,
            active_bytes=mx.get_active_memory(),
            peak_bytes=memory.peak_bytes(),
            cache_bytes=loaded.cache.nbytes if loaded else 0,
            limit_bytes=target.limit_bytes,
            model=loaded.info if loaded else None,
        )

    def _require_model(self) -> Loaded:
        if self._loaded is None:
            raise BadRequest("No model is loaded. Choose one in the model menu.")
        return self._loaded


class _Pace:
    """Keeps events about progress from crowding the pipe."""

    def __init__(self) -> None:
        self._last = 0.0

    def is_due(self, always: bool) -> bool:
        now = time.monotonic()
        if not always and now - self._last < _PROGRESS_S:
            return False
        self._last = now
        return True


def model_choices() -> tuple[ModelChoice, ...]:
    """The models that have names, where they lie, and whether the device could hold them."""
    target = memory.device()
    choices = []
    for known in models.KNOWN_MODELS:
        folder = models.find(known)
        nbytes = known.checkpoint_bytes if folder is None else models.checkpoint_bytes(folder)
        choices.append(
            ModelChoice(
                key=known.key,
                name=known.name,
                path=None if folder is None else str(folder),
                checkpoint_bytes=nbytes,
                fits=memory.fits(nbytes, target),
            )
        )
    return tuple(choices)


def _with_states(loaded: Loaded, folder: str | None) -> Loaded:
    if folder is None:
        return replace(loaded, states=None)
    origin = loaded.origin
    same = identity(origin.files, origin.place.folder, loaded.model.dtype, loaded.info.route)
    return replace(loaded, states=SavedStates(Path(folder), same))


def _steps(loaded: Loaded, prompt: Prompt, request: Generate, control: Control) -> Iterator[Step]:
    special = loaded.tokenizer.special
    return generate(
        loaded.model,
        loaded.cache,
        prompt.ids,
        request.sampling,
        stops={
            special["<|return|>"]: "return",
            special["<|endoftext|>"]: "return",
            special["<|call|>"]: "call",
        },
        context=loaded.info.context,
        max_tokens=request.max_tokens,
        marks=prompt.marks,
        control=control,
    )


def _done(
    request_id: str, finished: Finished, reply: Reply, loaded: Loaded, first_token_s: float
) -> Done:
    return Done(
        id=request_id,
        usage=Usage(
            prompt_tokens=finished.prompt_tokens,
            cached_tokens=finished.cached_tokens,
            completion_tokens=finished.completion_tokens,
            reasoning_tokens=reply.reasoning_tokens,
        ),
        timing=Timing(
            load_s=loaded.load_s,
            first_token_s=first_token_s,
            prefill_tokens_per_s=finished.prefill_tokens_per_s,
            decode_tokens_per_s=finished.decode_tokens_per_s,
        ),
        memory=Memory(peak_bytes=memory.peak_bytes(), cache_bytes=loaded.cache.nbytes),
        stop=finished.reason,
    )
