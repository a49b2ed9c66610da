"""Tries each kernel on this machine: the same answer as its twin, and no slower.

A compiler or a driver may compute something else than the ones a kernel was proven on. So each is
run on the model's own weights, at its own sizes, before it is trusted, and held against the plain
twin: for its answer in float32, where rounding excuses nothing, for its speed in bfloat16. Knows
the operations; nothing of what becomes of a verdict.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from mlx_engine.cache import SPARE_SLOTS
from mlx_engine.config import ModelConfig
from mlx_engine.kernels import gpu, plain
from mlx_engine.kernels.launch import Launcher
from mlx_engine.kernels.operations import Operations
from mlx_engine.rope import Rope
from mlx_engine.weights import Weights

LIMIT = 0.01  # ‖own - twin‖ / ‖twin‖; rounding to bfloat16 once costs 0.002
SLOWER = 1.2  # a kernel this many times slower than its twin is left out

_SEED = 20250805
_CALLS, _ROUNDS = 8, 3  # calls queued at a time, so that they share one wait; times that is done

Trial = Callable[[Operations], list[mx.array]]
Stopwatch = Callable[[Callable[[], list[mx.array]]], float]


@dataclass(frozen=True, slots=True)
class Verdict:
    """On one of `gpu.KERNELS`. Times are of one call; NaN where there is none."""

    kernel: str
    error: float
    own_s: float
    twin_s: float
    failure: str | None = None

    @property
    def objection(self) -> str | None:
        """Why the twin serves instead; None if the kernel is trusted."""
        if self.failure is not None:
            return self.failure
        if not self.error <= LIMIT:  # NaN is not
            return f"it differs from MLX's own operations by {self.error:.1e}"
        if self.own_s > SLOWER * self.twin_s:
            return (
                f"it takes {self.own_s * 1e6:.0f} µs, MLX's own operations "
                f"{self.twin_s * 1e6:.0f} µs"
            )
        return None


def seconds(run: Callable[[], list[mx.array]]) -> float:
    """Of one call, the median of a few rounds."""
    times = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        mx.eval([run() for _ in range(_CALLS)])
        times.append((time.perf_counter() - started) / _CALLS)
    return statistics.median(times)


def try_kernel(
    name: str,
    config: ModelConfig,
    weights: Weights,
    launch: Launcher,
    stopwatch: Stopwatch = seconds,
) -> Verdict:
    """Whatever a kernel fails with becomes a verdict."""
    own, twin = gpu.operations(launch, frozenset({name})), gpu.operations(launch, frozenset())
    exact = _in_float32(twin)
    worst, times = 0.0, (math.nan, math.nan)
    try:
        for trial in _Trials(config, weights).of(name):
            found, again, wanted = trial(own), trial(own), trial(exact)
            if not all(_same(a, b) for a, b in zip(found, again, strict=True)):
                return Verdict(name, math.nan, *times, "it gives another result each time")
            worst = float(np.max([worst, *map(_error, found, wanted)]))  # NaN wins
            times = stopwatch(partial(trial, own)), stopwatch(partial(trial, twin))
    except Exception as error:  # compilers and drivers raise what they like
        return Verdict(name, math.nan, math.nan, math.nan, " ".join(str(error).split())[:500])
    return Verdict(name, worst, *times)


def _in_float32(operations: Operations) -> Operations:
    def widened(operation: Callable[..., Any]) -> Callable[..., Any]:
        def widening(*arguments: Any) -> Any:
            return operation(*map(_wide, arguments))

        return widening

    names = (part.name for part in fields(operations))
    return Operations(**{name: widened(getattr(operations, name)) for name in names})


def _wide(argument: Any) -> Any:
    is_narrow = isinstance(argument, mx.array) and argument.dtype == mx.bfloat16
    return argument.astype(mx.float32) if is_narrow else argument


def _same(a: mx.array, b: mx.array) -> bool:
    return bool(mx.array_equal(a, b, equal_nan=True))


def _error(found: mx.array, wanted: mx.array) -> float:
    if found.shape != wanted.shape:
        return math.nan
    exact, other = (np.array(x.astype(mx.float32)).astype(np.float64) for x in (wanted, found))
    return float(np.linalg.norm(other - exact) / (np.linalg.norm(exact) or 1.0))


class _Trials:
    """What each kernel is asked: random activations, the weights of the first layers."""

    def __init__(self, config: ModelConfig, weights: Weights) -> None:
        self._config, self._weights = config, weights
        self._layer = weights.layers[0]
        self._random = np.random.default_rng(_SEED)

    def of(self, name: str) -> Iterator[Trial]:
        """The last is the one that speed is measured at."""
        yield from getattr(self, name)()

    def qkv_rope(self) -> Sequence[Trial]:
        x, layer, eps = self._normal(1, self._config.hidden_size), self._layer, self._eps
        tables = Rope(self._config).table(1000, 1)
        arguments = (layer.q, layer.k, layer.v, *tables)
        return [lambda ops: list(ops.qkv_rope(x, layer.attention_norm, eps, *arguments))]

    def band_attention(self) -> Sequence[Trial]:
        slots = self._config.sliding_window + SPARE_SLOTS
        visible = (np.arange(slots) + 7) % slots < self._config.sliding_window
        q, ring = self._queries(1), self._keys_and_values(visible)
        shown, sinks = mx.array(visible), self._layer.sinks
        return [lambda ops: [ops.band_attention(q, ring, shown, sinks)]]

    def full_attention(self) -> Sequence[Trial]:
        return [self._full(total, total + 100) for total in (1, 2000)]

    def _full(self, total: int, capacity: int) -> Trial:
        q = self._queries(1)
        kv = self._keys_and_values(np.arange(capacity) < total)
        return lambda ops: [ops.full_attention(q, kv, total, self._layer.sinks)]

    def attention_out(self) -> Sequence[Trial]:
        out = self._layer.out
        attended = self._normal(1, out.weight.shape[1])
        nothing = mx.zeros((1, out.weight.shape[0]), mx.bfloat16)
        x = self._as_large_as(plain.attention_out(nothing, attended, out))
        return [lambda ops: [ops.attention_out(x, attended, out)]]

    def router(self) -> Sequence[Trial]:
        x, norm = self._normal(1, self._config.hidden_size), self._layer.experts_norm
        eps, dense, count = (self._eps, self._layer.router, self._config.num_experts_per_tok)
        scores = plain.linear(mx.fast.rms_norm(_wide(x), _wide(norm), eps), dense)

        def trial(ops: Operations) -> list[mx.array]:
            """Experts that score almost alike may change places: compare scores, not numbers."""
            normed, chosen, shares = ops.router(x, norm, eps, dense, count)
            best = mx.take_along_axis(scores, chosen, axis=-1)
            return [normed, mx.sort(best, axis=-1), mx.sort(shares, axis=-1)]

        return [trial]

    def experts(self) -> Sequence[Trial]:
        return [self._mixture(1)]

    def experts_gemm(self) -> Sequence[Trial]:
        """In small tiles, then in large ones."""
        config = self._config
        return [self._mixture(5), self._mixture(8 * config.num_local_experts)]

    def _mixture(self, tokens: int) -> Trial:
        config, layer = self._config, self._layer
        experts, count = config.num_local_experts, config.num_experts_per_tok
        normed = self._normal(tokens, config.hidden_size)
        rows = [self._random.permutation(experts)[:count] for _ in range(tokens)]
        chosen = mx.array(np.array(rows, dtype=np.uint32))
        shares = mx.softmax(self._normal(tokens, count), axis=-1)
        arguments = (normed, chosen, shares, layer.gate_up, layer.down, config.swiglu_limit)
        x = self._as_large_as(plain.experts(mx.zeros_like(normed), *arguments))
        return lambda ops: [ops.experts(x, *arguments)]

    def unembed(self) -> Sequence[Trial]:
        x, weights, eps = self._normal(1, self._config.hidden_size), self._weights, self._eps
        return [lambda ops: [ops.unembed(x, weights.norm, eps, weights.unembedding)]]

    def band_flash(self) -> Sequence[Trial]:
        return [self._band(known, length) for known, length in ((0, 9), (100, 333))]

    def _band(self, known: int, length: int) -> Trial:
        window, sinks = self._config.sliding_window, self._layer.sinks
        known = min(known, window)
        q = self._queries(length)
        kv = self._normal(2, self._config.num_key_value_heads, window + length, self._size)
        return lambda ops: [ops.band_attention_prefill(q, kv, window, known, sinks)]

    @property
    def _eps(self) -> float:
        return self._config.rms_norm_eps

    @property
    def _size(self) -> int:
        return self._config.head_dim

    def _normal(self, *shape: int) -> mx.array:
        values = self._random.standard_normal(shape, dtype=np.float32)
        return mx.array(values).astype(mx.bfloat16)

    def _as_large_as(self, added: mx.array) -> mx.array:
        """A residual that neither hides what is added to it nor is hidden by it."""
        scale = mx.sqrt(mx.mean(mx.square(added.astype(mx.float32))))
        return (self._normal(*added.shape) * scale).astype(mx.bfloat16)

    def _queries(self, length: int) -> mx.array:
        return self._normal(self._config.num_attention_heads, length, self._size)

    def _keys_and_values(self, held: NDArray[np.bool_]) -> mx.array:
        """Keys and values that would show at once stand where nothing is held."""
        kv = self._normal(2, self._config.num_key_value_heads, len(held), self._size)
        return mx.where(mx.array(held)[:, None], kv, mx.array(1e4, mx.bfloat16))
