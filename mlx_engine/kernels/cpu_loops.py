"""The CPU route's inner loops, compiled by Numba for the processor they run on.

Functions of NumPy arrays alone: bfloat16 comes as uint16, MXFP4 as the bytes that lie in the file.
Letters in shapes are `plain`'s. Sums are in float32, in any order.

Everything is in this one file because Numba's cache on disk notices changes in no other.

What Numba has no words for is said in LLVM's: `as_float`, `claim` and the two functions of an
MXFP4 block. That IR names no processor; LLVM finds the instructions (pshufb and pmaddwd on x86).
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

SWIGLU_ALPHA = 1.702  # the sigmoid's slope in gpt-oss' activation
BLOCK = 32  # values that share a scale in MXFP4
PART = 512  # positions that one task of decode's attention looks at
ROWS = 32  # rows of a matrix in one task

# Sums in any order and fused multiply-add; infinities and NaN keep their meaning.
_FASTMATH = {"reassoc", "contract", "nsz"}
# 2^(scale - 127); 255 is not a number in e8m0.
_SCALES = np.append(np.exp2(np.arange(255.0) - 127), np.nan).astype(np.float32)

Function = TypeVar("Function", bound=Callable[..., Any])


def _compiled(function: Function) -> Function:
    """On one core, without Python's lock; cached on disk."""
    return cast(Function, numba.njit(cache=True, nogil=True, fastmath=_FASTMATH)(function))


def _parallel(function: Function) -> Function:
    """With `prange` over threads, which claim tasks one by one."""
    compiled = numba.njit(cache=True, nogil=True, fastmath=_FASTMATH, parallel=True)(function)
    return cast(Function, compiled)


def _llvm(function: Any) -> Any:
    """A function in LLVM's own words, of Numba's types and then of LLVM's values."""
    return intrinsic(function)


# In LLVM's words ----------------------------------------------------------------------------------

_I8, _I16, _I32, _I64, _F32 = (*map(ir.IntType, (8, 16, 32, 64)), ir.FloatType())
# Twice e2m1's values, whole numbers all; in Python for whoever holds them against a definition.
_TWICE_E2M1 = (0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12)


@_llvm
def as_float(typing: Any, value: Any) -> Any:
    """The float32 that a bfloat16's 16 bits, or 32 bits, stand for; float32 stays as it is."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (bits,) = arguments
        if value == types.float32:
            return bits
        if value == types.uint16:
            bits = builder.shl(builder.zext(bits, _I32), _I32(16))
        return builder.bitcast(bits, _F32)

    return types.float32(value), generate


@_llvm
def claim(typing: Any, counter: Any) -> Any:
    """The next task of a loop that several threads share: counter[0]++, atomically.

    A thread that other programs hold up takes fewer tasks, and nobody waits for it.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = context.make_array(counter)(context, builder, arguments[0]).data
        return builder.atomic_rmw("add", place, _I64(1), "monotonic")

    return types.int64(counter), generate


@_llvm
def mxfp4_dot(
    typing: Any, blocks: Any, scales: Any, first: Any, count: Any, x: Any, x_scales: Any, start: Any
) -> Any:
    """Σ over `count` MXFP4 blocks from block `first` on, times those of x from block `start` on.

    `x`: int16, as from `split_blocks`. Returns float32, twice the sum (see `_TWICE_E2M1`).
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        at = _pointers(context, builder, signature, arguments)
        first, count, start = arguments[2], arguments[3], arguments[6]
        table = _global_scales(context, builder)
        words, sums = ir.VectorType(_I16, 16), ir.VectorType(_F32, 8)
        total = cgutils.alloca_once_value(builder, ir.Constant(sums, [0.0] * 8))
        with cgutils.for_range(builder, count) as loop:
            block, other = builder.add(first, loop.index), builder.add(start, loop.index)
            values = _unpacked(builder, at[0], block)
            place = builder.gep(at[2], [builder.mul(other, _I64(BLOCK))])
            halves = builder.bitcast(place, words.as_pointer())
            products = [
                _paired_products(
                    builder,
                    builder.sext(part, words),
                    builder.load(builder.gep(halves, [_I64(number)]), align=2),
                )
                for number, part in enumerate(values)
            ]
            whole = builder.sitofp(builder.add(*products), sums)
            scale = builder.fmul(
                _scale(builder, table, at[1], block), builder.load(builder.gep(at[3], [other]))
            )
            scaled = builder.fmul(whole, _spread(builder, scale, 8), flags=("contract",))
            added = builder.fadd(builder.load(total), scaled, flags=("contract",))
            builder.store(added, total)
        return _sum(builder, builder.load(total), 8)

    signature = types.float32(blocks, scales, first, count, x, x_scales, start)
    return signature, generate


@_llvm
def mxfp4_unpack(
    typing: Any, blocks: Any, scales: Any, first: Any, count: Any, out: Any, start: Any
) -> Any:
    """`count` MXFP4 blocks from block `first` on as float32 from out[start] on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        at = _pointers(context, builder, signature, arguments)
        first, count, start = arguments[2], arguments[3], arguments[5]
        table = _global_scales(context, builder)
        floats = ir.VectorType(_F32, 16)
        with cgutils.for_range(builder, count) as loop:
            block = builder.add(first, loop.index)
            low, high = _unpacked(builder, at[0], block)
            scale = builder.fmul(_scale(builder, table, at[1], block), _F32(0.5))
            factor = _spread(builder, scale, 16)
            offset = builder.add(start, builder.mul(loop.index, _I64(BLOCK)))
            place = builder.bitcast(builder.gep(at[2], [offset]), floats.as_pointer())
            for half in range(2):  # back in order: byte j holds the values 2j and 2j + 1
                order = [8 * half + j // 2 + 16 * (j % 2) for j in range(16)]
                ordered = builder.shuffle_vector(low, high, _constant(_I32, order))
                values = builder.fmul(builder.sitofp(ordered, floats), factor)
                builder.store(values, builder.gep(place, [_I64(half)]), align=4)
        return context.get_dummy_value()

    return types.void(blocks, scales, first, count, out, start), generate


def _pointers(context: Any, builder: Any, signature: Any, arguments: Any) -> list[Any]:
    """Where the arrays among the arguments begin."""
    return [
        context.make_array(kind)(context, builder, value).data
        for kind, value in zip(signature.args, arguments, strict=True)
        if isinstance(kind, types.Array)
    ]


def _constant(kind: Any, values: Any) -> Any:
    return ir.Constant(ir.VectorType(kind, len(values)), list(values))


def _unpacked(builder: Any, blocks: Any, block: Any) -> tuple[Any, Any]:
    """Twice the values of the low nibbles of a block's 16 bytes, and of the high ones."""
    bytes_ = ir.VectorType(_I8, 16)
    place = builder.gep(blocks, [builder.mul(block, _I64(16))])
    packed = builder.load(builder.bitcast(place, bytes_.as_pointer()), align=1)
    low = builder.and_(packed, _constant(_I8, [15] * 16))
    high = builder.lshr(packed, _constant(_I8, [4] * 16))
    return _looked_up(builder, low), _looked_up(builder, high)


def _looked_up(builder: Any, nibbles: Any) -> Any:
    """Sixteen look-ups in a table of sixteen bytes, in the form that LLVM knows as one shuffle."""
    table = _constant(_I8, _TWICE_E2M1)
    found = ir.Constant(ir.VectorType(_I8, 16), ir.Undefined)
    for lane in range(16):
        index = builder.zext(builder.extract_element(nibbles, _I32(lane)), _I64)
        found = builder.insert_element(found, builder.extract_element(table, index), _I32(lane))
    return found


def _paired_products(builder: Any, a: Any, b: Any) -> Any:
    """int16 (16,) × int16 (16,) → int32 (8,), the products of neighbours added."""
    wide = ir.VectorType(_I32, 16)
    products = builder.mul(builder.sext(a, wide), builder.sext(b, wide))
    nothing = ir.Constant(wide, ir.Undefined)
    even, odd = (
        builder.shuffle_vector(products, nothing, _constant(_I32, range(lane, 16, 2)))
        for lane in range(2)
    )
    return builder.add(even, odd)


def _global_scales(context: Any, builder: Any) -> Any:
    bits = [_I32(int(each)) for each in _SCALES.view(np.uint32)]
    table = cgutils.global_constant(
        builder.module, "mxfp4_scales", ir.Constant(ir.ArrayType(_I32, 256), bits)
    )
    return builder.bitcast(table, _F32.as_pointer())


def _scale(builder: Any, table: Any, scales: Any, block: Any) -> Any:
    exponent = builder.zext(builder.load(builder.gep(scales, [block])), _I64)
    return builder.load(builder.gep(table, [exponent]))


def _spread(builder: Any, scalar: Any, lanes: int) -> Any:
    nothing = ir.Constant(ir.VectorType(_F32, lanes), ir.Undefined)
    first = builder.insert_element(nothing, scalar, _I32(0))
    return builder.shuffle_vector(first, nothing, _constant(_I32, [0] * lanes))


def _sum(builder: Any, vector: Any, lanes: int) -> Any:
    kind = ir.FunctionType(_F32, [_F32, vector.type])
    name = f"llvm.vector.reduce.fadd.v{lanes}f32"
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, [_F32(0.0), vector], fastmath=("reassoc",))


# Rows and vectors ---------------------------------------------------------------------------------


@_compiled
def exp(x: Any) -> Any:
    """e^x to a unit or two in float32's last place, in a form that LLVM vectorises.

    2^n · e^r with |r| ≤ ln 2 / 2, and e^r by its series, whose seventh term is below 2^-23.
    """
    x = min(max(x, np.float32(-87.0)), np.float32(88.0))
    n = np.floor(x * np.float32(1.4426950408889634) + np.float32(0.5))
    r = x - n * np.float32(0.693145751953125) - n * np.float32(1.42860682030941723e-6)  # ln 2
    series = np.float32(1 / 720)
    for factor in (1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0):
        series = series * r + np.float32(factor)
    return series * as_float(np.int32((np.int32(n) + 127) << 23))


@_compiled
def dot(weight: Any, row: int, x: Any, token: int) -> Any:
    """weight[row] · x[token]"""
    total = np.float32(0)
    for column in range(x.shape[1]):
        total += as_float(weight[row, column]) * x[token, column]
    return total


@_compiled
def normalise(x: Any, norm: Any, eps: float) -> Any:
    """RMSNorm. `x`: float32 (L, D); `norm`: bfloat16 (D,) → float32 (L, D)."""
    out = np.empty_like(x)
    for token in range(x.shape[0]):
        squares = np.float32(0)
        for column in range(x.shape[1]):
            squares += x[token, column] * x[token, column]
        factor = np.float32(1 / np.sqrt(squares / x.shape[1] + eps))
        for column in range(x.shape[1]):
            out[token, column] = x[token, column] * factor * as_float(norm[column])
    return out


@_compiled
def split_blocks(x: Any, values: Any, scales: Any) -> None:
    """Each block of 32 as 16-bit whole numbers and their scale: 64 times finer than bfloat16.

    `x`: float32 (L, D) → `values`: int16 (L, D), in each block the even positions, then the odd
    ones, as MXFP4's low and high nibbles lie; `scales`: float32 (L, D / 32), of half the values,
    because MXFP4's are doubled.
    """
    for token in range(x.shape[0]):
        for block in range(scales.shape[1]):
            start = block * BLOCK
            most, poison = np.float32(0), np.float32(0)
            for place in range(BLOCK):
                most = max(most, abs(x[token, start + place]))
                poison += x[token, start + place] * np.float32(0)  # NaN where x is not finite
            scales[token, block] = most / np.float32(2 * 32767) + poison
            inverse = np.float32(32767) / most if most > 0 else np.float32(0)
            for pair in range(BLOCK // 2):
                for odd in range(2):
                    value = x[token, start + 2 * pair + odd] * inverse
                    values[token, start + 16 * odd + pair] = np.int16(np.rint(value))


@_compiled
def swiglu(gate: Any, up: Any, limit: Any) -> Any:
    """gpt-oss' activation of one gate and its up."""
    gate, up = min(gate, limit), min(max(up, -limit), limit)
    return gate / (np.float32(1) + exp(np.float32(-SWIGLU_ALPHA) * gate)) * (up + np.float32(1))


# A few tokens: every weight is read from memory once and used for all of them ---------------------


@_parallel
def project(threads: int, x: Any, weight: Any, bias: Any, residual: Any, out: Any) -> None:
    """residual + x · weightᵀ + bias. `x`: (L, in); `weight`: (R, in); the others may be empty."""
    tasks = (weight.shape[0] + ROWS - 1) // ROWS
    claimed = np.zeros(1, np.int64)
    for _ in numba.prange(threads):
        task = claim(claimed)
        while task < tasks:
            for row in range(task * ROWS, min((task + 1) * ROWS, weight.shape[0])):
                constant = as_float(bias[row]) if bias.size else np.float32(0)
                for token in range(x.shape[0]):
                    value = dot(weight, row, x, token) + constant
                    out[token, row] = value + residual[token, row] if residual.size else value
            task = claim(claimed)


@_parallel
def qkv_rope(
    threads: int,
    x: Any,
    qw: Any,
    qb: Any,
    kw: Any,
    kb: Any,
    vw: Any,
    vb: Any,
    cos: Any,
    sin: Any,
    q: Any,
    kv: Any,
) -> None:
    """A head a task. `x`: normalised (L, D) → `q`: (H, L, d), `kv`: (2, G, L, d)."""
    size, heads, groups = q.shape[2], q.shape[0], kv.shape[1]
    claimed = np.zeros(1, np.int64)
    for _ in numba.prange(threads):
        task = claim(claimed)
        while task < heads + 2 * groups:
            if task < heads:
                _project_head(x, qw, qb, task, size, q[task])
                _turn(q[task], cos, sin)
            elif task < heads + groups:
                _project_head(x, kw, kb, task - heads, size, kv[0, task - heads])
                _turn(kv[0, task - heads], cos, sin)
            else:
                group = task - heads - groups
                _project_head(x, vw, vb, group, size, kv[1, group])
            task = claim(claimed)


@_compiled
def _project_head(x: Any, weight: Any, bias: Any, head: int, size: int, out: Any) -> None:
    """`out`: (L, d)."""
    for place in range(size):
        row = head * size + place
        for token in range(x.shape[0]):
            out[token, place] = dot(weight, row, x, token) + as_float(bias[row])


@_compiled
def _turn(head: Any, cos: Any, sin: Any) -> None:
    """RoPE in place. `head`: (L, d); `cos`, `sin`: (L, 1, d), the first half of sines negative."""
    half = head.shape[1] // 2
    for token in range(head.shape[0]):
        for place in range(half):
            first, second = head[token, place], head[token, place + half]
            head[token, place] = first * cos[token, 0, place] + second * sin[token, 0, place]
            head[token, place + half] = (
                second * cos[token, 0, place + half] + first * sin[token, 0, place + half]
            )


@_parallel
def choose_experts(
    threads: int, normed: Any, weight: Any, bias: Any, chosen: Any, shares: Any
) -> None:
    """The best experts of each token, a token a task. `chosen`: uint32 (L, K), `shares`: (L, K)."""
    claimed = np.zeros(1, np.int64)
    for _ in numba.prange(min(threads, normed.shape[0])):
        scores = np.empty(weight.shape[0], np.float32)
        token = claim(claimed)
        while token < normed.shape[0]:
            for expert in range(weight.shape[0]):
                scores[expert] = dot(weight, expert, normed, token) + as_float(bias[expert])
            best, total = np.float32(0), np.float32(0)
            for place in range(chosen.shape[1]):
                likeliest = np.argmax(scores)
                best = scores[likeliest] if place == 0 else best
                shares[token, place] = exp(scores[likeliest] - best)
                total += shares[token, place]
                chosen[token, place] = likeliest
                scores[likeliest] = -np.inf
            for place in range(chosen.shape[1]):
                shares[token, place] /= total
            token = claim(claimed)


@_parallel
def attend(threads: int, q: Any, kv: Any, visible: Any, sinks: Any, out: Any) -> None:
    """One token's attention to the positions that are `visible`: bool (T,).

    `q`: (H, d); `kv`: (2, G, at least T, d), bfloat16 or float32; `sinks`: (H,) → `out`: (H, d).
    A task is `PART` of the positions for the heads of a group, which share keys and values.
    """
    heads, size, total = q.shape[0], q.shape[1], visible.size
    groups, parts = kv.shape[1], (total + PART - 1) // PART
    peaks = np.empty((parts, heads), np.float32)
    sums = np.zeros((parts, heads), np.float32)
    mixed = np.zeros((parts, heads, size), np.float32)
    claimed = np.zeros(1, np.int64)
    for _ in numba.prange(threads):
        task = claim(claimed)
        while task < groups * parts:
            part, group = task // groups, task % groups
            start, stop = part * PART, min(total, (part + 1) * PART)
            _attend_part(
                q,
                kv[0, group],
                kv[1, group],
                visible,
                start,
                stop,
                group * heads // groups,
                (group + 1) * heads // groups,
                peaks[part],
                sums[part],
                mixed[part],
            )
            task = claim(claimed)
    for head in range(heads):
        sink = as_float(sinks[head])
        peak = max(sink, np.max(peaks[:, head]))
        whole = exp(sink - peak)
        out[head] = 0
        for part in range(parts):
            factor = exp(peaks[part, head] - peak)
            whole += sums[part, head] * factor
            for place in range(size):
                out[head, place] += mixed[part, head, place] * factor
        for place in range(size):
            out[head, place] /= whole


@_compiled
def _attend_part(
    q: Any,
    keys: Any,
    values: Any,
    visible: Any,
    start: int,
    stop: int,
    first: int,
    last: int,
    peaks: Any,
    sums: Any,
    mixed: Any,
) -> None:
    """For each head its largest score, the sum of its powers and the values mixed by them."""
    count, size = stop - start, q.shape[1]
    scale = np.float32(1 / np.sqrt(size))
    wide = np.empty((2, count, size), np.float32)
    widen(keys[start:stop], wide[0])
    widen(values[start:stop], wide[1])
    scores = np.empty(count, np.float32)
    for head in range(first, last):
        peak = np.float32(-np.inf)
        for place in range(count):
            score = dot(wide[0], place, q, head) * scale
            scores[place] = score if visible[start + place] else np.float32(-np.inf)
            peak = max(peak, scores[place])
        peaks[head] = peak
        if peak == -np.inf:
            continue
        for place in range(count):
            scores[place] = exp(scores[place] - peak)  # of minus infinity: 1e-38, as good as 0
        total = np.float32(0)
        for place in range(count):
            total += scores[place]
            for each in range(size):
                mixed[head, each] += scores[place] * wide[1, place, each]
        sums[head] = total


@_parallel
def mix_experts(
    threads: int,
    x: Any,
    normed: Any,
    chosen: Any,
    shares: Any,
    up_blocks: Any,
    up_scales: Any,
    up_bias: Any,
    down_blocks: Any,
    down_scales: Any,
    down_bias: Any,
    limit: Any,
    out: Any,
) -> None:
    """The chosen experts' weighted sum and the residual `x`, as `plain.experts` has them.

    `*_blocks`: uint8 (E, rows, columns / 2); `*_scales`: uint8 (E, rows, columns / 32).
    """
    length, count = chosen.shape
    hidden, inner = x.shape[1], up_blocks.shape[1] // 2
    x_values = np.empty((length, hidden), np.int16)
    x_scales = np.empty((length, hidden // BLOCK), np.float32)
    split_blocks(normed, x_values, x_scales)
    middle = np.empty((length * count, inner), np.float32)
    tasks = (inner + ROWS - 1) // ROWS
    claimed = np.zeros(1, np.int64)
    for _ in numba.prange(threads):
        task = claim(claimed)
        while task < tasks * length * count:
            pair, first = task // tasks, task % tasks * ROWS
            token, blocks = pair // count, hidden // BLOCK
            expert = np.int64(chosen[token, pair % count])
            for place in range(first, min(first + ROWS, inner)):
                row = expert * 2 * inner + 2 * place
                gate = as_float(up_bias[expert, 2 * place]) + mxfp4_dot(
                    up_blocks, up_scales, row * blocks, blocks, x_values, x_scales, token * blocks
                )
                row += 1
                up = as_float(up_bias[expert, 2 * place + 1]) + mxfp4_dot(
                    up_blocks, up_scales, row * blocks, blocks, x_values, x_scales, token * blocks
                )
                middle[pair, place] = swiglu(gate, up, limit)
            task = claim(claimed)
    middle_values = np.empty((length * count, inner), np.int16)
    middle_scales = np.empty((length * count, inner // BLOCK), np.float32)
    split_blocks(middle, middle_values, middle_scales)
    row_tasks = (hidden + ROWS - 1) // ROWS
    claimed[0] = 0
    for _ in numba.prange(threads):
        task = claim(claimed)
        while task < row_tasks * length:
            token, first = task // row_tasks, task % row_tasks * ROWS
            blocks = inner // BLOCK
            for row in range(first, min(first + ROWS, hidden)):
                total = x[token, row]
                for place in range(count):
                    expert = np.int64(chosen[token, place])
                    value = as_float(down_bias[expert, row]) + mxfp4_dot(
                        down_blocks,
                        down_scales,
                        (expert * hidden + row) * blocks,
                        blocks,
                        middle_values,
                        middle_scales,
                        (token * count + place) * blocks,
                    )
                    total += shares[token, place] * value
                out[token, row] = total
            task = claim(claimed)


# Many tokens: weights are unpacked once, a piece at a time, for BLAS ------------------------------


@_compiled
def widen(source: Any, out: Any) -> None:
    """bfloat16 (rows, columns) → float32."""
    for row in range(source.shape[0]):
        for column in range(source.shape[1]):
            out[row, column] = as_float(source[row, column])


@_compiled
def unpack(blocks: Any, scales: Any, out: Any) -> None:
    """MXFP4 (rows, columns / 2) and (rows, columns / 32) → float32 (rows, columns)."""
    mxfp4_unpack(blocks, scales, 0, scales.size, out, 0)


@_compiled
def activate(both: Any, limit: Any, out: Any) -> None:
    """`both`: (N, 2 · I), gate and up in turn → `out`: (N, I)."""
    for token in range(out.shape[0]):
        for place in range(out.shape[1]):
            gate, up = both[token, 2 * place], both[token, 2 * place + 1]
            out[token, place] = swiglu(gate, up, limit)


@_compiled
def softmax(scores: Any, place: int, window: int, sink: Any) -> None:
    """In place: from a block of queries' scores to what each gives to each key.

    `scores`: (queries, keys). Query i is key `place` + i; it sees that and `window` - 1 before it.
    """
    for query in range(scores.shape[0]):
        end = place + query + 1
        begin = max(0, end - window)
        peak = sink
        for key in range(begin, end):
            peak = max(peak, scores[query, key])
        total = exp(sink - peak)
        for key in range(begin, end):
            scores[query, key] = exp(scores[query, key] - peak)
            total += scores[query, key]
        for key in range(scores.shape[1]):
            seen = begin <= key < end
            scores[query, key] = scores[query, key] / total if seen else np.float32(0)
