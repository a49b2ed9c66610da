"""Compiles the CPU route and holds it against plain MLX, on small arrays, before it is trusted.

Numba compiles for the very processor that it finds, so what was proven on one may fail on another.
The first time on a machine this takes up to a minute; later the compiled code comes from disk, and
the trial takes no longer than loading it. Knows the operations; nothing of what becomes of it.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from mlx_engine.kernels.operations import Operations
from mlx_engine.kernels.plain import PLAIN
from mlx_engine.weights import Dense, Experts

LIMIT = 0.01  # ‖own - twin‖ / ‖twin‖: the route computes in float32, with experts' input in 16 bits

_HIDDEN, _INNER, _VOCABULARY = 64, 96, 80
_HEADS, _GROUPS, _SIZE, _WINDOW = 4, 2, 32, 8
_EXPERTS, _CHOSEN = 4, 2
_MANY = 40  # tokens: enough for every operation to take them as many

Step = tuple[str, Callable[[Operations, "_Weights"], list[mx.array]]]


def try_route(operations: Operations, progress: Callable[[float], None]) -> str | None:
    """What speaks against the route on this machine; None if nothing does."""
    own, twin = _Weights(as_numpy=True), _Weights(as_numpy=False)
    steps = [*_steps(1), *_steps(_MANY)]
    for done, (name, run) in enumerate(steps):
        progress(done / len(steps))
        try:
            found = run(operations, own)
        except Exception as error:  # whatever a compiler fails with, plain MLX can still serve
            return f"{name} failed: {' '.join(str(error).split()):.200}"
        worst = max(map(_difference, found, run(PLAIN, twin)))
        if not worst <= LIMIT:  # NaN is not
            return f"{name} differs from MLX's own operations by {worst:.1e}"
    progress(1.0)
    return None


def _difference(own: mx.array, twin: mx.array) -> float:
    if own.shape != twin.shape:
        return math.inf
    found, wanted = (np.array(array.astype(mx.float32)) for array in (own, twin))
    return float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))


class _Weights:
    """Random, and the same for both sides: as MLX's arrays, or as a mapped file gives them."""

    def __init__(self, *, as_numpy: bool) -> None:
        self._rng = np.random.default_rng(20250805)
        self._as_numpy = as_numpy
        columns = _HEADS * _SIZE
        self.embedding = self._bfloat16(_VOCABULARY, _HIDDEN)
        self.norm = self._bfloat16(_HIDDEN)
        self.q, self.k, self.v = (
            self._dense(heads * _SIZE, _HIDDEN) for heads in (_HEADS, _GROUPS, _GROUPS)
        )
        self.out, self.router = self._dense(_HIDDEN, columns), self._dense(_EXPERTS, _HIDDEN)
        self.sinks = self._bfloat16(_HEADS)
        self.gate_up, self.down = (
            self._experts(2 * _INNER, _HIDDEN),
            self._experts(_HIDDEN, _INNER),
        )

    def _dense(self, rows: int, columns: int) -> Dense:
        return Dense(self._bfloat16(rows, columns), self._bfloat16(rows))

    def _experts(self, rows: int, columns: int) -> Experts:
        blocks = self._rng.integers(0, 1 << 32, (_EXPERTS, rows, columns // 8), np.uint32)
        scales = self._rng.integers(118, 123, (_EXPERTS, rows, columns // 32), np.uint8)
        return Experts(self._lies(blocks), self._lies(scales), self._bfloat16(_EXPERTS, rows))

    def _bfloat16(self, *shape: int) -> Any:
        values = self._rng.normal(size=shape).astype(np.float32)
        bits = (values.view(np.uint32) >> 16).astype(np.uint16)
        return self._lies(bits) if self._as_numpy else mx.array(bits).view(mx.bfloat16)

    def _lies(self, array: NDArray[Any]) -> Any:
        if not self._as_numpy:
            return mx.array(array)
        array.flags.writeable = False
        return array


def _steps(length: int) -> Iterator[Step]:
    rng = np.random.default_rng(length)

    def normal(*shape: int) -> mx.array:
        return mx.array(rng.normal(size=shape).astype(np.float32))

    x, turns = normal(length, _HIDDEN), (normal(length, 1, _SIZE), normal(length, 1, _SIZE))
    queries, attended = normal(_HEADS, length, _SIZE), normal(length, _HEADS * _SIZE)
    held = normal(2, _GROUPS, length + 20, _SIZE).astype(mx.bfloat16)
    ring = normal(2, _GROUPS, length + _WINDOW, _SIZE).astype(mx.bfloat16)
    visible = mx.array(np.arange(length + _WINDOW) % 3 > 0)
    tokens = mx.array(rng.integers(0, _VOCABULARY, length))
    chosen = mx.array(rng.permuted([range(_EXPERTS)] * length, axis=1)[:, :_CHOSEN].astype("u4"))
    shares, eps = mx.softmax(normal(length, _CHOSEN), axis=-1), 1e-5

    yield "embed", lambda op, w: [op.embed(w.embedding, tokens, mx.float32)]
    yield "qkv_rope", lambda op, w: list(op.qkv_rope(x, w.norm, eps, w.q, w.k, w.v, *turns))
    yield "full_attention", lambda op, w: [op.full_attention(queries, held, length + 10, w.sinks)]
    if length == 1:
        yield "band_attention", lambda op, w: [op.band_attention(queries, ring, visible, w.sinks)]
    else:
        yield (
            "band_attention_prefill",
            lambda op, w: [op.band_attention_prefill(queries, ring, _WINDOW, 5, w.sinks)],
        )
    yield "attention_out", lambda op, w: [op.attention_out(x, attended, w.out)]
    yield "router", lambda op, w: [_given(*op.router(x, w.norm, eps, w.router, _CHOSEN)[1:])]
    yield (
        "experts",
        lambda op, w: [op.experts(x, x, chosen, shares, w.gate_up, w.down, 7.0)],
    )
    yield "unembed", lambda op, w: [op.unembed(x, w.norm, eps, Dense(w.embedding))]


def _given(chosen: mx.array, shares: mx.array) -> mx.array:
    """What each token gives to each expert, in whatever order they were chosen: (L, E)."""
    given = np.zeros((len(chosen), _EXPERTS), np.float32)
    np.put_along_axis(given, np.array(chosen).astype(np.int64), np.array(shares), axis=1)
    return mx.array(given)
