"""One turn of generation: prefill in chunks, then decode, one token at a time.

Owns the order of work on the device and the reasons to stop. It deals in token ids: it knows
nothing of text, Harmony, requests or events. Everything here runs on the one thread that owns
MLX; only a `Control` may be touched from another.

    control = Control()
    for step in generate(model, cache, prompt, sampling, stops={200002: "return"}, context=4096):
        match step:
            case PrefillProgress(): ...  # after every chunk, and once before the first
            case Token(): ...            # every token of the turn, the stop token included
            case Finished(): ...         # always last
"""

import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import mlx.core as mx

from mlx_engine.cache import PromptCache
from mlx_engine.control import Control
from mlx_engine.errors import BadRequest, ContextOverflow
from mlx_engine.model import Model
from mlx_engine.protocol import Sampling, StopReason
from mlx_engine.repetition import RepetitionGuard
from mlx_engine.sampling import Sampler

ROOM = 1024  # tokens that a turn may have before the cache must grow


@dataclass(frozen=True, slots=True)
class PrefillProgress:
    """`done` of the prompt's `total` tokens are held; `cached` of them were before this turn."""

    done: int
    total: int
    cached: int


@dataclass(frozen=True, slots=True)
class Token:
    """The next token of the turn. A forced one was not sampled but put there by `Control.force`."""

    id: int
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """Why the turn stopped, and what it took. Times in seconds, on a monotonic clock."""

    reason: StopReason
    prompt_tokens: int
    cached_tokens: int
    prefilled_tokens: int  # of the prompt, read in this turn: all the others, unless cancelled
    completion_tokens: int
    prefill_s: float  # for `prefilled_tokens`
    decode_s: float  # from the prompt's end to the last token

    @property
    def prefill_tokens_per_s(self) -> float:
        """0 if nothing was prefilled."""
        return self.prefilled_tokens / self.prefill_s if self.prefill_s > 0 else 0.0

    @property
    def decode_tokens_per_s(self) -> float:
        """The first token costs no step of its own, so it is not counted; 0 with fewer than two.

        Its moment is no place to start from: on a CPU, queueing the second step waits for much of
        that step, so the first token is read late.
        """
        return (self.completion_tokens - 1) / self.decode_s if self.decode_s > 0 else 0.0


Step = PrefillProgress | Token | Finished


def generate(
    model: Model,
    cache: PromptCache,
    prompt: Sequence[int],
    sampling: Sampling,
    *,
    stops: Mapping[int, StopReason],
    context: int,
    max_tokens: int | None = None,
    marks: Iterable[int] = (),
    chunk: int | None = None,
    control: Control | None = None,
) -> Iterator[Step]:
    """Generate one turn after `prompt`, reusing what `cache` holds of it.

    `stops` maps a token to the reason it stands for ("return", "call"). `context` is the most
    tokens that prompt and turn may have together; `max_tokens` the most that the turn may have.
    `marks` are positions in the prompt from which a later one may differ: what is before them is
    kept for it. `chunk` is the number of tokens prefilled at a time, by default the model's own
    choice; between two chunks `control` is read.

    The generator may be abandoned at any step (`close()`); the cache stays usable.

    Raises, before the first step: BadRequest for an empty prompt or senseless sampling,
    ContextOverflow when the prompt leaves no room for a token.
    """
    if not prompt:
        raise BadRequest("The prompt is empty; write something first.")
    if len(prompt) >= context:
        can_grow = context < model.config.max_position_embeddings
        raise ContextOverflow(
            f"The prompt has {len(prompt):,} tokens and the context holds {context:,}; "
            f"shorten the conversation{' or raise the context length' if can_grow else ''}."
        )
    if max_tokens is not None and max_tokens < 0:
        raise BadRequest(f"max_tokens is {max_tokens}; it may be 0 or more.")
    room = context - len(prompt)
    limit: tuple[int, StopReason] = (room, "context")
    if max_tokens is not None and max_tokens < room:
        limit = (max_tokens, "length")
    turn = _Turn(model, cache, prompt, Sampler(sampling), control or Control())
    return turn.run(stops, limit, marks, chunk or model.prefill_chunk)


class _Turn:
    """One run: what is queued on the device, what was read of it, and when."""

    def __init__(
        self,
        model: Model,
        cache: PromptCache,
        prompt: Sequence[int],
        sampler: Sampler,
        control: Control,
    ) -> None:
        self._model = model
        self._cache = cache
        self._prompt = prompt
        self._sampler = sampler
        self._control = control
        self._cached = 0
        self._fresh = 0  # tokens of the prompt that were read
        self._count = 0  # tokens of the turn so far
        self._started = time.perf_counter()
        self._prefilled = self._started
        self._last = 0.0

    def run(
        self,
        stops: Mapping[int, StopReason],
        limit: tuple[int, StopReason],
        marks: Iterable[int],
        chunk: int,
    ) -> Iterator[Step]:
        try:
            self._cached = self._cache.reuse(self._prompt)
            self._cache.layers.reserve(len(self._prompt) + min(limit[0], ROOM))
            logits = yield from self._prefill(marks, chunk)
            self._prefilled = time.perf_counter()
            reason: StopReason = "cancel"
            if logits is not None:
                reason = yield from self._decode(logits, stops, *limit)
        except GeneratorExit:
            raise  # abandoned between two steps, where the cache is whole
        except BaseException:
            self._cache.clear()  # the device may have stopped halfway through a step
            raise
        yield self._finished(reason)

    def _prefill(
        self, marks: Iterable[int], chunk: int
    ) -> Generator[PrefillProgress, None, mx.array | None]:
        """Returns the scores of the first token, or None if cancelled."""
        prompt, total = self._prompt, len(self._prompt)
        cache = self._cache
        cache.mark(marks)
        logits: mx.array | None = None
        for start in range(self._cached, total, chunk):
            yield PrefillProgress(start, total, self._cached)
            if self._control.cancelled:
                return None
            piece = prompt[start : start + chunk]
            ends = start + chunk >= total
            logits = self._append(mx.array(list(piece)), last=1 if ends else 0)
            mx.eval(cache.layers.arrays, *([logits] if ends else []))
            cache.record(piece)
            self._fresh += len(piece)
        yield PrefillProgress(total, total, self._cached)
        return logits

    def _decode(
        self, logits: mx.array, stops: Mapping[int, StopReason], most: int, at_most: StopReason
    ) -> Generator[Token, None, StopReason]:
        """`most` tokens end the turn for the reason `at_most`."""
        guard = RepetitionGuard()
        pending = self._draw(logits)  # drawn on the device, neither read nor appended yet
        while self._count < most:
            if self._control.cancelled:
                return "cancel"
            forced = self._control.take_forced()[: most - self._count]
            if forced:
                pending = self._draw(self._append(mx.array(forced), last=1))
                self._cache.record(forced)
                for token in forced:
                    yield self._count_token(Token(token, forced=True))
                continue
            drawn, room = pending, self._count + 1 < most
            if room:  # the device goes on while Python reads, parses and prints
                pending = self._draw(self._append(drawn, last=1))
            token = int(drawn.item())  # type: ignore[arg-type]  # complex only in theory
            if room:
                self._cache.record([token])
            yield self._count_token(Token(token))
            if token in stops:
                return stops[token]
            if guard.feed(token):
                return "repetition"
        return at_most

    def _append(self, tokens: mx.array, last: int) -> mx.array:
        return self._model(tokens, self._cache.layers, last)

    def _draw(self, logits: mx.array) -> mx.array:
        token = self._sampler(logits)
        mx.async_eval(token)  # type: ignore[no-untyped-call]
        return token

    def _count_token(self, token: Token) -> Token:
        self._last = time.perf_counter()
        self._count += 1
        return token

    def _finished(self, reason: StopReason) -> Finished:
        return Finished(
            reason=reason,
            prompt_tokens=len(self._prompt),
            cached_tokens=self._cached,
            prefilled_tokens=self._fresh,
            completion_tokens=self._count,
            prefill_s=self._prefilled - self._started,
            decode_s=self._last - self._prefilled if self._count else 0.0,
        )
