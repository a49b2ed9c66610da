"""The CPU route: gpt-oss straight from the bytes of the mapped files, computed in float32.

The Python face of `cpu_loops`. Weights are NumPy's views of a mapped checkpoint (bfloat16 as
uint16) and never copied; activations and caches are MLX's, which NumPy sees as they lie.

A few tokens are bound by memory: each weight is read once, by all threads together. Many tokens
are bound by arithmetic: weights are unpacked a piece at a time and multiplied by BLAS, each thread
at pieces of its own, because BLAS' threads wait for each other busily.

Importing this imports Numba, and a first call compiles; see `prepare`.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import numba
import numpy as np
from numpy.typing import NDArray

from mlx_engine.kernels import cpu_loops as loops
from mlx_engine.kernels.operations import Operations
from mlx_engine.machine import cores
from mlx_engine.weights import Dense, Experts

Floats = NDArray[np.float32]
Array = NDArray[Any]

_NO_BIAS = np.empty(0, np.uint16)
_NO_BIAS.flags.writeable = False  # of one type with a mapped bias, so that Numba compiles once
_NO_RESIDUAL = np.empty((0, 0), np.float32)
_FEW = 8  # tokens; from here on a dense matrix is quicker by way of BLAS
_FEW_OF_AN_EXPERT = 12  # tokens an expert, on average
_WIDENED = 1 << 20  # weights that a thread unpacks at a time: 4 MB of float32
_QUERIES = 128  # taken together in prefill


def operations(threads: int | None = None) -> Operations:
    """The route on so many threads; by default one a core."""
    route = _Route(max(1, min(threads or cores(), cores())))
    return Operations(
        activations=lambda dtype: mx.float32,
        embed=embed,
        qkv_rope=route.qkv_rope,
        full_attention=route.full_attention,
        band_attention=route.band_attention,
        band_attention_prefill=route.band_attention_prefill,
        attention_out=route.attention_out,
        router=route.router,
        experts=route.experts,
        unembed=route.unembed,
    )


def widened(array: Array) -> Floats:
    """bfloat16's bits as float32; float32 stays as it is."""
    if array.dtype == np.uint16:
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return array


def bits(array: Any) -> Array:
    """NumPy's view of an array, of bfloat16 as uint16; what is NumPy's already stays as it is."""
    if isinstance(array, np.ndarray):
        return array
    if array.dtype == mx.bfloat16:
        array = array.view(mx.uint16)
    return np.asarray(array)


def embed(embedding: mx.array, tokens: mx.array, dtype: mx.Dtype) -> mx.array:
    return mx.array(widened(bits(embedding)[bits(tokens)])).astype(dtype)


def weight(array: Any) -> Array:
    """The same of weights: read-only, as a mapped file is, so that Numba compiles once."""
    found = bits(array).view()
    found.flags.writeable = False
    return found


@dataclass(frozen=True, slots=True)
class _Matrices:
    """NumPy's views of one matrix for each expert."""

    blocks: NDArray[np.uint8]  # (E, rows, columns / 2)
    scales: NDArray[np.uint8]  # (E, rows, columns / 32)
    bias: Array  # (E, rows)

    @classmethod
    def of(cls, experts: Experts) -> "_Matrices":
        return cls(
            weight(experts.blocks).view(np.uint8), weight(experts.scales), weight(experts.bias)
        )

    @property
    def arrays(self) -> tuple[Array, Array, Array]:
        return self.blocks, self.scales, self.bias


class _Route:
    """The operations, as `plain` defines them, and the threads that serve them."""

    def __init__(self, threads: int) -> None:
        numba.set_num_threads(threads)
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="cpu")

    def qkv_rope(
        self,
        x: mx.array,
        norm: mx.array,
        eps: float,
        q: Dense,
        k: Dense,
        v: Dense,
        cosines: mx.array,
        sines: mx.array,
    ) -> tuple[mx.array, mx.array]:
        normed = loops.normalise(bits(x), weight(norm), eps)
        cos, sin = bits(cosines), bits(sines)
        length, size = len(normed), cos.shape[2]
        heads, groups = (len(weight(dense.weight)) // size for dense in (q, k))
        queries = np.empty((heads, length, size), np.float32)
        kv = np.empty((2, groups, length, size), np.float32)
        if length < _FEW:
            weights = [weight(array) for each in (q, k, v) for array in (each.weight, each.bias)]
            loops.qkv_rope(self._threads, normed, *(*weights, cos, sin, queries, kv))
        else:
            for dense, out in ((q, queries), (k, kv[0]), (v, kv[1])):
                turning = self._linear(normed, dense).reshape(length, -1, size)
                if dense is not v:
                    turning = turning * cos + np.roll(turning, size // 2, axis=2) * sin
                out[:] = turning.swapaxes(0, 1)
        return mx.array(queries), mx.array(kv)

    def full_attention(self, q: mx.array, kv: mx.array, total: int, sinks: mx.array) -> mx.array:
        if q.shape[1] == 1:
            return self._attended(q, kv, np.ones(total, np.bool_), sinks)
        return self._attended_by_many(q, bits(kv)[:, :, :total], total, 0, sinks)

    def _attended(self, q: mx.array, kv: mx.array, visible: Array, sinks: mx.array) -> mx.array:
        """One token's attention to the positions that are `visible`: bool (T,)."""
        queries = bits(q)[:, 0]
        out = np.empty(queries.shape, np.float32)
        loops.attend(self._threads, queries, bits(kv), visible, weight(sinks), out)
        return mx.array(out.reshape(1, -1))

    def band_attention(
        self, q: mx.array, ring: mx.array, visible: mx.array, sinks: mx.array
    ) -> mx.array:
        return self._attended(q, ring, bits(visible), sinks)

    def band_attention_prefill(
        self, q: mx.array, kv: mx.array, window: int, known: int, sinks: mx.array
    ) -> mx.array:
        return self._attended_by_many(q, bits(kv), window, window - known, sinks)

    def _attended_by_many(
        self, q: mx.array, kv: Array, window: int, first: int, sinks: mx.array
    ) -> mx.array:
        """Attention of the last L of `kv`'s positions, each to itself and `window` - 1 before it.

        Those before `first` hold nothing. A block of queries meets only keys that one of it sees.
        """
        queries, extra = bits(q), widened(weight(sinks))
        heads, length, size = queries.shape
        groups, total = kv.shape[1:3]
        wide = np.empty((2, groups, total, size), np.float32)
        self._each(lambda place: loops.widen(kv[place], wide[place]), np.ndindex(2, groups))
        out = np.empty((length, heads, size), np.float32)

        def attend(task: tuple[int, int]) -> None:
            head, start = task
            stop = min(start + _QUERIES, length)
            place = total - length + start  # of the first query among the keys
            begin, end = max(first, place + 1 - window), total - length + stop
            keys, values = wide[:, head * groups // heads, begin:end]
            scores = (queries[head, start:stop] * np.float32(size**-0.5)) @ keys.T
            loops.softmax(scores, place - begin, window, extra[head])
            out[start:stop, head] = scores @ values

        starts = range(0, length, _QUERIES)
        self._each(attend, [(head, start) for head in range(heads) for start in starts])
        return mx.array(out.reshape(length, -1))

    def attention_out(self, x: mx.array, attended: mx.array, out: Dense) -> mx.array:
        return mx.array(self._linear(bits(attended), out, bits(x)))

    def router(
        self, x: mx.array, norm: mx.array, eps: float, dense: Dense, count: int
    ) -> tuple[mx.array, mx.array, mx.array]:
        normed = loops.normalise(bits(x), weight(norm), eps)
        chosen = np.empty((len(normed), count), np.uint32)
        shares = np.empty((len(normed), count), np.float32)
        loops.choose_experts(
            self._threads, normed, weight(dense.weight), weight(dense.bias), chosen, shares
        )
        return mx.array(normed), mx.array(chosen), mx.array(shares)

    def experts(
        self,
        x: mx.array,
        normed: mx.array,
        chosen: mx.array,
        weights: mx.array,
        gate_up: Experts,
        down: Experts,
        limit: float,
    ) -> mx.array:
        rows, choice, shares = bits(normed), bits(chosen), bits(weights)
        first, second, most = _Matrices.of(gate_up), _Matrices.of(down), np.float32(limit)
        if choice.size < _FEW_OF_AN_EXPERT * len(first.blocks):
            out = np.empty(x.shape, np.float32)
            matrices = [part for each in (first, second) for part in each.arrays]
            inputs = (bits(x), rows, choice, shares)
            loops.mix_experts(self._threads, *(*inputs, *matrices, most, out))
            return mx.array(out)
        parts = np.empty((*choice.shape, rows.shape[1]), np.float32)

        def mix(expert: int) -> None:
            token, place = np.nonzero(choice == expert)
            both = _multiplied_by_expert(rows[token], first, expert)
            inner = np.empty((len(token), both.shape[1] // 2), np.float32)
            loops.activate(both, most, inner)
            parts[token, place] = _multiplied_by_expert(inner, second, expert)

        self._each(mix, np.unique(choice).tolist())
        return mx.array(bits(x) + np.einsum("lk,lkd->ld", shares, parts))

    def unembed(self, x: mx.array, norm: mx.array, eps: float, dense: Dense) -> mx.array:
        return mx.array(self._linear(loops.normalise(bits(x), weight(norm), eps), dense))

    def _linear(self, x: Floats, dense: Dense, residual: Floats = _NO_RESIDUAL) -> Floats:
        """residual + x · weightᵀ + bias. `x`: (L, in) → (L, out)."""
        matrix = weight(dense.weight)
        bias = _NO_BIAS if dense.bias is None else weight(dense.bias)
        out = np.empty((len(x), len(matrix)), np.float32)
        if len(x) < _FEW:
            loops.project(self._threads, x, matrix, bias, residual, out)
            return out

        def multiply(start: int) -> None:
            piece = matrix[start : start + rows]
            wide = np.empty(piece.shape, np.float32)
            loops.widen(piece, wide)
            out[:, start : start + rows] = x @ wide.T

        rows = _rows(matrix.shape[1])
        self._each(multiply, range(0, len(matrix), rows))
        if bias.size:
            out += widened(bias)
        if residual.size:
            out += residual
        return out

    def _each(self, work: Callable[[Any], None], tasks: Iterable[Any]) -> None:
        """All tasks done, by all threads. An error goes through."""
        for _ in self._pool.map(work, tasks):
            pass


def _multiplied_by_expert(x: Floats, matrices: _Matrices, expert: int) -> Floats:
    """(N, columns) → (N, rows), the bias added."""
    blocks, scales = matrices.blocks[expert], matrices.scales[expert]
    out = np.empty((len(x), len(blocks)), np.float32)
    rows = _rows(x.shape[1])
    wide = np.empty((rows, x.shape[1]), np.float32)
    for start in range(0, len(blocks), rows):
        piece = slice(start, start + rows)
        count = len(blocks[piece])
        loops.unpack(blocks[piece], scales[piece], wide[:count])
        out[:, piece] = x @ wide[:count].T
    out += widened(matrices.bias[expert])
    return out


def _rows(columns: int) -> int:
    """How many rows of a matrix are unpacked at a time."""
    return max(1, _WIDENED // columns)
