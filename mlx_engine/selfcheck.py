"""Each operation of `kernels` held against float64 arithmetic in NumPy, on this very machine.

A compiler, a driver or a library that computes something else shows here before it shows in an
answer. Inputs are random, as wide as gpt-oss (its experts a third); references are written from the
definitions (the model card, arXiv 2508.10925). Knows operations; nothing of checkpoints or models.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from mlx_engine.kernels import Operations, on_cpu
from mlx_engine.kernels.choice import routes, untried
from mlx_engine.weights import Dense, Experts

Floats = NDArray[np.float64]

HIDDEN, INNER = 2880, 960
HEADS, GROUPS, SIZE, WINDOW = 64, 8, 64, 128
EXPERTS, CHOSEN = 6, 4
EPS, SWIGLU_LIMIT = 1e-5, 7.0

# Largest rms error over the rms of the exact result. bfloat16 has 8 significant bits and rounds
# between steps; a GPU may compute float32 products in TF32, which has 11.
LIMITS = {mx.bfloat16: 1e-2, mx.float32: 2e-3}
_LIMITS_ON_CPU = {"plain": 1e-5, "cpu": 1e-4}  # compiled, experts read 16-bit activations

_TIMED_S = 0.3  # how long an operation is repeated for its speed, once at least
_E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])


@dataclass(frozen=True, slots=True)
class Check:
    """One operation, computed once more exactly. `error` is NaN where it failed outright."""

    operation: str
    route: str  # one of `kernels.choice.routes`
    dtype: str
    error: float
    limit: float
    median_s: float
    failure: str | None = None

    @property
    def is_good(self) -> bool:
        return self.failure is None and self.error <= self.limit  # NaN is not


@dataclass(frozen=True, slots=True)
class _Case:
    operation: str
    run: Callable[[Operations], list[mx.array]]
    exact: Callable[[], list[Floats]]


def check_operations() -> Iterator[Check]:
    """Every operation, on every route there is, in the dtypes that it computes in.

    A CPU computes in float32 alone. On a GPU MLX's own operations are checked in float32 too,
    because it hides less.
    """
    for route in routes():
        operations = untried(route)
        natural = operations.activations(mx.bfloat16)
        for dtype in {natural, mx.float32} if route == "plain" else {natural}:
            yield from check_route(route, operations, dtype)


def check_route(route: str, operations: Operations, dtype: mx.Dtype) -> Iterator[Check]:
    random = _Random(dtype)
    for case in (
        *_qkv_rope(random),
        *_full_attention(random),
        *_band_attention(random),
        *_attention_out(random),
        *_router(random),
        *_experts(random),
        *_unembed(random),
    ):
        yield _check(case, route, operations, dtype)


def _check(case: _Case, route: str, operations: Operations, dtype: mx.Dtype) -> Check:
    name = str(dtype).removeprefix("mlx.core.")
    limit = _LIMITS_ON_CPU[route] if on_cpu() else LIMITS[dtype]
    try:
        found = [_exactly(array) for array in case.run(operations)]
        times = _times(partial(case.run, operations))
    except Exception as error:  # whatever an operation fails with, the others are still checked
        words = " ".join(str(error).split())
        return Check(case.operation, route, name, math.nan, limit, math.nan, words)
    errors = [_error(*pair) for pair in zip(found, case.exact(), strict=True)]
    worst = math.nan if any(map(math.isnan, errors)) else max(errors)
    return Check(case.operation, route, name, worst, limit, statistics.median(times))


def _times(run: Callable[[], list[mx.array]]) -> list[float]:
    times: list[float] = []
    while not times or sum(times) < _TIMED_S:
        started = time.perf_counter()
        mx.eval(run())
        times.append(time.perf_counter() - started)
    return times


def _error(found: Floats, wanted: Floats) -> float:
    """rms of the difference over rms of the exact values."""
    if found.shape != wanted.shape:
        return math.nan
    scale = math.sqrt(float((wanted**2).mean()))
    return math.sqrt(float(((found - wanted) ** 2).mean())) / (scale or 1.0)


class _Random:
    """Random inputs, the same on every machine, in one dtype."""

    def __init__(self, dtype: mx.Dtype) -> None:
        self._rng = np.random.default_rng(20250805)
        self._dtype = dtype

    def normal(self, *shape: int, scale: float = 1.0, mean: float = 0.0) -> mx.array:
        values = self._rng.normal(mean, scale, size=shape).astype(np.float32)
        return mx.array(values).astype(self._dtype)

    def dense(self, rows: int, columns: int) -> Dense:
        """Weights are bfloat16 as published, whatever the activations are."""
        weight = self.normal(rows, columns, scale=columns**-0.5).astype(mx.bfloat16)
        return Dense(weight, self.normal(rows, scale=0.1).astype(mx.bfloat16))

    def experts(self, rows: int, columns: int) -> Experts:
        blocks = self._rng.integers(0, 1 << 32, (EXPERTS, rows, columns // 8), dtype=np.uint32)
        exponent = 127 - round(math.log2(2.93 * columns**0.5))  # 2.93: e2m1's own deviation
        scales = self._rng.integers(exponent - 1, exponent + 2, (EXPERTS, rows, columns // 32))
        bias = self.normal(EXPERTS, rows, scale=0.1).astype(mx.bfloat16)
        return Experts(mx.array(blocks), mx.array(scales.astype(np.uint8)), bias)

    def choices(self, tokens: int) -> mx.array:
        rows = [self._rng.permutation(EXPERTS)[:CHOSEN] for _ in range(tokens)]
        return mx.array(np.array(rows, dtype=np.uint32))


# One function an operation ------------------------------------------------------------------------


def _qkv_rope(random: _Random) -> Iterator[_Case]:
    norm = random.normal(HIDDEN, scale=0.1, mean=1.0)
    weights = tuple(random.dense(heads * SIZE, HIDDEN) for heads in (HEADS, GROUPS, GROUPS))
    for length in (1, 4):
        x = random.normal(length, HIDDEN)
        angles = np.arange(1000, 1000 + length)[:, None] * 150_000.0 ** (-np.arange(32) / 32)
        cosines, sines = np.cos(angles), np.sin(angles)
        twice = np.concatenate([cosines, cosines], 1), np.concatenate([-sines, sines], 1)
        tables = [mx.array(t[:, None].astype(np.float32)) for t in twice]  # as of `rope.Rope`
        yield _Case(
            f"qkv_rope, {_tokens(length)}",
            lambda ops, x=x, tables=tables: [  # type: ignore[misc]
                *ops.qkv_rope(x, norm, EPS, *weights, *tables)
            ],
            partial(_exact_qkv_rope, x, norm, weights, cosines, sines),
        )


def _full_attention(random: _Random) -> Iterator[_Case]:
    for length, total in ((1, 1000), (24, 300)):
        q, kv = random.normal(HEADS, length, SIZE), random.normal(2, GROUPS, total, SIZE)
        sinks = random.normal(HEADS)
        ends = np.arange(total - length, total)
        seen = np.arange(total) <= ends[:, None]
        yield _Case(
            f"full_attention, {_tokens(length)} of {total}",
            lambda ops, q=q, kv=kv, s=sinks: [  # type: ignore[misc]
                ops.full_attention(q, kv, kv.shape[2], s)
            ],
            lambda q=q, kv=kv, s=sinks, seen=seen: [  # type: ignore[misc]
                _exact_attention(q, kv, s, seen)
            ],
        )


def _band_attention(random: _Random) -> Iterator[_Case]:
    sinks = random.normal(HEADS)
    q, ring = random.normal(HEADS, 1, SIZE), random.normal(2, GROUPS, WINDOW + 32, SIZE)
    visible = np.arange(WINDOW + 32) % (WINDOW + 32) < WINDOW
    yield _Case(
        "band_attention, 1 token",
        lambda ops: [ops.band_attention(q, ring, mx.array(visible), sinks)],
        lambda: [_exact_attention(q, ring, sinks, visible[None])],
    )
    length, known = 200, 100
    queries = random.normal(HEADS, length, SIZE)
    kv = random.normal(2, GROUPS, WINDOW + length, SIZE)
    distance = np.arange(WINDOW, WINDOW + length)[:, None] - np.arange(WINDOW + length)
    seen = (distance >= 0) & (distance < WINDOW) & (np.arange(WINDOW + length) >= WINDOW - known)
    yield _Case(
        f"band_attention_prefill, {length} tokens",
        lambda ops: [ops.band_attention_prefill(queries, kv, WINDOW, known, sinks)],
        lambda: [_exact_attention(queries, kv, sinks, seen)],
    )


def _attention_out(random: _Random) -> Iterator[_Case]:
    out = random.dense(HIDDEN, HEADS * SIZE)
    for length in (1, 16):
        x, attended = random.normal(length, HIDDEN), random.normal(length, HEADS * SIZE)
        yield _Case(
            f"attention_out, {_tokens(length)}",
            lambda ops, x=x, attended=attended: [  # type: ignore[misc]
                ops.attention_out(x, attended, out)
            ],
            lambda x=x, attended=attended: [  # type: ignore[misc]
                _exactly(x) + _exact_linear(_exactly(attended), out)
            ],
        )


def _router(random: _Random) -> Iterator[_Case]:
    """Rounding may swap two experts that score alike: shares are compared in their order, and the
    choice by how much its scores fall short of the best."""
    norm, dense = random.normal(HIDDEN, scale=0.1, mean=1.0), random.dense(32, HIDDEN)
    for length in (1, 16):
        x = random.normal(length, HIDDEN)
        normed = _exact_norm(_exactly(x), _exactly(norm))
        logits = _exact_linear(normed, dense)
        best = np.sort(logits, axis=1)[:, -CHOSEN:]

        def run(ops: Operations, x: mx.array = x, logits: Floats = logits) -> list[mx.array]:
            found, chosen, shares = ops.router(x, norm, EPS, dense, CHOSEN)
            return [found, mx.sort(shares, axis=1), _scores_of(logits, chosen)]

        exact = [normed, _softmax(best), best.sum()[None]]
        yield _Case(f"router, {_tokens(length)}", run, lambda exact=exact: exact)  # type: ignore[misc]


def _scores_of(logits: Floats, chosen: mx.array) -> mx.array:
    """The sum of the scores of all that was chosen: (1,)."""
    scores = np.take_along_axis(logits, np.array(chosen).astype(np.int64), axis=1)
    return mx.array(np.array([scores.sum()], dtype=np.float32))


def _experts(random: _Random) -> Iterator[_Case]:
    gate_up, down = random.experts(2 * INNER, HIDDEN), random.experts(HIDDEN, INNER)
    for length in (1, 16):
        x, normed = random.normal(length, HIDDEN), random.normal(length, HIDDEN)
        chosen = random.choices(length)
        shares = mx.softmax(random.normal(length, CHOSEN), axis=-1)
        arguments = (x, normed, chosen, shares, gate_up, down)
        yield _Case(
            f"experts, {_tokens(length)}",
            lambda ops, given=arguments: [  # type: ignore[misc]
                ops.experts(*given, SWIGLU_LIMIT)
            ],
            lambda given=arguments: [_exact_experts(*given)],  # type: ignore[misc]
        )


def _unembed(random: _Random) -> Iterator[_Case]:
    norm = random.normal(HIDDEN, scale=0.1, mean=1.0)
    dense = Dense(random.dense(2048, HIDDEN).weight)
    for length in (1, 4):
        x = random.normal(length, HIDDEN)
        yield _Case(
            f"unembed, {_tokens(length)}",
            lambda ops, x=x: [ops.unembed(x, norm, EPS, dense)],  # type: ignore[misc]
            lambda x=x: [  # type: ignore[misc]
                _exact_linear(_exact_norm(_exactly(x), _exactly(norm)), dense)
            ],
        )


# The same in float64 ------------------------------------------------------------------------------


def _exactly(array: mx.array) -> Floats:
    return np.array(array.astype(mx.float32)).astype(np.float64)


def _exact_linear(x: Floats, dense: Dense) -> Floats:
    product = x @ _exactly(dense.weight).T
    return product if dense.bias is None else product + _exactly(dense.bias)


def _exact_qkv_rope(
    x: mx.array, norm: mx.array, weights: tuple[Dense, ...], cosines: Floats, sines: Floats
) -> list[Floats]:
    normed = _exact_norm(_exactly(x), _exactly(norm))
    q, k, v = (
        _exact_linear(normed, dense).reshape(len(normed), -1, SIZE).swapaxes(0, 1)
        for dense in weights
    )
    turned = []
    for each in (q, k):
        first, second = np.split(each, 2, axis=-1)
        pair = (first * cosines - second * sines, second * cosines + first * sines)
        turned.append(np.concatenate(pair, axis=-1))
    return [turned[0], np.stack([turned[1], v])]


def _exact_norm(x: Floats, weight: Floats) -> Floats:
    return np.asarray(x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + EPS) * weight)


def _softmax(x: Floats) -> Floats:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _exact_attention(q: mx.array, kv: mx.array, sinks: mx.array, seen: NDArray[np.bool_]) -> Floats:
    """`q`: (H, L, d); `kv`: (2, G, T, d); `seen`: (L, T) → (L, H · d)."""
    queries, (keys, values), extra = _exactly(q), _exactly(kv), _exactly(sinks)
    heads = []
    for head, query in enumerate(queries):
        group = head * GROUPS // HEADS
        scores = query @ keys[group].T / math.sqrt(SIZE)
        scores[~seen] = -np.inf
        sink = np.full((len(query), 1), extra[head])
        heads.append(_softmax(np.concatenate([scores, sink], axis=1))[:, :-1] @ values[group])
    return np.concatenate(heads, axis=1)


def _exact_experts(
    x: mx.array,
    normed: mx.array,
    chosen: mx.array,
    shares: mx.array,
    gate_up: Experts,
    down: Experts,
) -> Floats:
    out, rows, weights = _exactly(x), _exactly(normed), _exactly(shares)
    choices = np.array(chosen)
    for expert in range(EXPERTS):
        tokens, places = np.nonzero(choices == expert)
        both = rows[tokens] @ _unpacked(gate_up, expert).T + _exactly(gate_up.bias[expert])
        gate = np.minimum(both[:, ::2], SWIGLU_LIMIT)
        up = np.clip(both[:, 1::2], -SWIGLU_LIMIT, SWIGLU_LIMIT)
        inner = gate / (1 + np.exp(-1.702 * gate)) * (up + 1)
        result = inner @ _unpacked(down, expert).T + _exactly(down.bias[expert])
        np.add.at(out, tokens, weights[tokens, places, None] * result)
    return out


def _unpacked(experts: Experts, expert: int) -> Floats:
    """One expert's matrix: eight e2m1 values in a word, the first in its lowest bits."""
    words = np.array(experts.blocks[expert])
    nibbles = (words[..., None] >> np.arange(0, 32, 4, dtype=np.uint32)) & 15
    values = _E2M1[nibbles].reshape(words.shape[0], -1, 32)
    scales = np.exp2(np.array(experts.scales[expert]).astype(np.float64) - 127)
    return np.asarray((values * scales[..., None]).reshape(words.shape[0], -1))


def _tokens(count: int) -> str:
    return "1 token" if count == 1 else f"{count} tokens"
