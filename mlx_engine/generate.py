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

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlx_engine.protocol import Sampling, StopReason

if TYPE_CHECKING:
    from mlx_engine.cache import PromptCache
    from mlx_engine.model import Model


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
    completion_tokens: int
    prefill_s: float  # for the prompt's tokens that were not cached
    first_token_s: float  # from the call to the first sampled token; 0 if there was none
    decode_s: float  # from the first token to the last

    @property
    def prefill_tokens_per_s(self) -> float:
        """0 if nothing was prefilled."""
        fresh = self.prompt_tokens - self.cached_tokens
        return fresh / self.prefill_s if self.prefill_s > 0 else 0.0

    @property
    def decode_tokens_per_s(self) -> float:
        """The first token belongs to prefill, so it is not counted; 0 with fewer than two."""
        return (self.completion_tokens - 1) / self.decode_s if self.decode_s > 0 else 0.0


Step = PrefillProgress | Token | Finished


class Control:
    """Wishes about a running turn, from any thread. Each is met between two tokens or chunks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = False
        self._forced: tuple[int, ...] = ()

    def cancel(self) -> None:
        """Stop with reason "cancel". What was generated stays generated, and stays cached."""
        self._cancelled = True

    def force(self, ids: Sequence[int]) -> None:
        """Continue the turn with these tokens, then sample on from them.

        They reach the caller as `Token(id, forced=True)`. Asked for during prefill, they open
        the turn. A turn that has already met a stop token stays stopped.
        """
        with self._lock:
            self._forced += tuple(ids)

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def take_forced(self) -> tuple[int, ...]:
        """The tokens asked for since the last call."""
        if not self._forced:  # the common case costs no lock
            return ()
        with self._lock:
            forced, self._forced = self._forced, ()
        return forced


def generate(
    model: "Model",
    cache: "PromptCache",
    prompt: Sequence[int],
    sampling: Sampling,
    *,
    stops: Mapping[int, StopReason],
    context: int,
    max_tokens: int | None = None,
    boundary: int | None = None,
    chunk: int = 512,
    control: Control | None = None,
) -> Iterator[Step]:
    """Generate one turn after `prompt`, reusing what `cache` holds of it.

    `stops` maps a token to the reason it stands for ("return", "call"). `context` is the most
    tokens that prompt and turn may have together; `max_tokens` the most that the turn may have.
    `boundary` is the token that opens a message (`<|start|>`): the cache is marked before each
    of the prompt's, so that a later prompt that differs from some message on reuses all before
    it. `chunk` is the number of tokens prefilled at a time: between two chunks `control` is read.

    The generator may be abandoned at any step (`close()`); the cache stays usable.

    Raises, before the first step: BadRequest for an empty prompt or senseless sampling,
    ContextOverflow when the prompt leaves no room for a token.
    """
    raise NotImplementedError
