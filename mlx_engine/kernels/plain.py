"""The operations of a layer, one function each, in plain MLX.

These are the definition of what every route computes, and the route that works everywhere.
Letters in shapes: L tokens, D hidden size, H query heads, G key heads, d head size,
E experts, K experts a token uses, I one expert's inner size, V vocabulary.

Arithmetic is in the dtype of the activations `x`: bfloat16 on a GPU, float32 for exactness and
on a CPU, where MLX's float32 products are several times faster than its bfloat16 ones (experts
tenfold). Weights lie as published, bfloat16 and MXFP4; where dtypes differ they are widened, a
slice at a time, never as a whole.
"""

import math
from collections.abc import Callable
from functools import cache

import mlx.core as mx
import numpy as np

from mlx_engine import cpu_experts
from mlx_engine.kernels.operations import Operations
from mlx_engine.weights import Dense, Experts

SWIGLU_ALPHA = 1.702  # the sigmoid's slope in gpt-oss' activation

_WIDENED = 1 << 18  # weights that are widened at a time: 1 MB of float32, within a core's cache
_SCORES = 1 << 24  # attention scores that a CPU holds at a time: 64 MB of float32
_MANY = 4  # tokens an expert, on average, from which experts are read one after another


@cache
def on_cpu() -> bool:
    """Whether MLX computes on the CPU."""
    return bool(mx.default_device().type == mx.DeviceType.cpu)


def activations(dtype: mx.Dtype) -> mx.Dtype:
    """The dtype to compute in, where keys and values are of `dtype`."""
    return mx.float32 if on_cpu() else dtype


def embed(embedding: mx.array, tokens: mx.array, dtype: mx.Dtype) -> mx.array:
    """Each token's own row. `embedding`: (V, D); `tokens`: integers (L,) → (L, D) in `dtype`."""
    return embedding[tokens].astype(dtype)


def linear(x: mx.array, dense: Dense) -> mx.array:
    """x · weightᵀ + bias. `x`: (L, in) → (L, out), in x's dtype."""
    weight, bias = dense.weight, dense.bias
    if weight.dtype == x.dtype:
        return x @ weight.T if bias is None else mx.addmm(bias, x, weight.T)
    rows = max(1, _WIDENED // weight.shape[1])
    slices = [weight[r : r + rows] for r in range(0, weight.shape[0], rows)]
    y = mx.concatenate([x @ part.astype(x.dtype).T for part in slices], axis=-1)
    return y if bias is None else y + bias


def qkv_rope(
    x: mx.array,
    norm: mx.array,
    eps: float,
    q: Dense,
    k: Dense,
    v: Dense,
    cosines: mx.array,
    sines: mx.array,
) -> tuple[mx.array, mx.array]:
    """Normalise, project, rotate: what a layer's attention asks and what it adds to the cache.

    `x`: (L, D); `cosines`, `sines`: as from `rope.Rope.table`: each pair (h[i], h[i + d / 2]) of a
    head turns by its angle.
    Returns queries (H, L, d) and packed keys and values (2, G, L, d), in x's dtype.
    """
    length, size = x.shape[0], cosines.shape[2]
    normed = mx.fast.rms_norm(x, norm, eps)
    queries, keys, values = (linear(normed, dense) for dense in (q, k, v))
    turning = mx.concatenate([queries, keys], axis=-1).reshape(length, -1, size)
    first, second = mx.split(turning, 2, axis=-1)
    swapped = mx.concatenate([second, first], axis=-1)
    turned = (turning * cosines + swapped * sines).astype(x.dtype).swapaxes(0, 1)
    heads = queries.shape[1] // size
    values = values.reshape(length, -1, size).swapaxes(0, 1)
    return turned[:heads], mx.stack([turned[heads:], values])


def full_attention(q: mx.array, kv: mx.array, total: int, sinks: mx.array) -> mx.array:
    """Attention of the last L of `total` positions, each to itself and all before it.

    `q`: (H, L, d); `kv`: (2, G, T, d), of whose positions the first `total` hold something, so
    that a cache with room to grow can be handed over as it lies; `sinks`: (H,) → (L, H · d).
    """
    heads, length, _ = q.shape
    kv = kv[:, :, :total]
    if not on_cpu():
        return _merge_heads(_attend(q[None], kv[:, None], sinks, "causal" if length > 1 else None))
    # A CPU writes all scores down: take so many queries at a time that they stay small.
    rows = max(1, _SCORES // (heads * total))
    parts = []
    for start in range(0, length, rows):
        stop = min(start + rows, length)
        seen = kv[:, None, :, : total - length + stop]
        mask = "causal" if stop - start > 1 else None
        parts.append(_attend(q[None, :, start:stop], seen, sinks, mask))
    return _merge_heads(mx.concatenate(parts, axis=2) if len(parts) > 1 else parts[0])


def band_attention(q: mx.array, ring: mx.array, visible: mx.array, sinks: mx.array) -> mx.array:
    """Attention of one token to a ring of keys and values, in any order.

    `q`: (H, 1, d); `ring`: (2, G, slots, d); `visible`: bool (slots,) → (1, H · d).
    """
    return _merge_heads(_attend(q[None], ring[:, None], sinks, visible))


def band_attention_prefill(
    q: mx.array, kv: mx.array, window: int, known: int, sinks: mx.array
) -> mx.array:
    """Attention of L tokens, each to itself and the `window` - 1 before it.

    `q`: (H, L, d); `kv`: (2, G, window + L, d), of whose first `window` positions, those before
    the chunk, the last `known` hold something. Returns (L, H · d).

    Queries are taken in blocks of `window`, whose keys lie in two blocks: O(L · window).
    """
    heads, length, size = q.shape
    groups = kv.shape[1]
    blocks = -(-length // window)
    padding = blocks * window - length
    if padding:
        q = mx.pad(q, [(0, 0), (0, padding), (0, 0)])
        kv = mx.pad(kv, [(0, 0), (0, 0), (0, padding), (0, 0)])
    q = q.reshape(heads, blocks, window, size).swapaxes(0, 1)
    kv = kv.reshape(2, groups, blocks + 1, window, size).transpose(0, 2, 1, 3, 4)
    pairs = mx.concatenate([kv[:, :-1], kv[:, 1:]], axis=3)  # (2, blocks, G, 2 · window, d)
    out = _attend(q, pairs, sinks, _band_mask(blocks, window, known))
    return out.transpose(0, 2, 1, 3).reshape(blocks * window, heads * size)[:length]


def _band_mask(blocks: int, window: int, known: int) -> mx.array:
    """Which keys of its two blocks a query may see: bool (blocks, 1, window, 2 · window)."""
    query, key = np.arange(window)[:, None], np.arange(2 * window)
    mask = np.repeat(((key > query) & (key <= query + window))[None, None], blocks, axis=0)
    mask[0, :, :, : window - known] = False
    return mx.array(mask)


def _attend(q: mx.array, kv: mx.array, sinks: mx.array, mask: mx.array | str | None) -> mx.array:
    """`q`: (B, H, L, d); `kv`: (2, B, G, T, d) → (B, H, L, d)."""
    keys, values = mx.split(kv.astype(q.dtype), 2)  # views; an index would copy
    scale = 1 / math.sqrt(q.shape[-1])
    return mx.fast.scaled_dot_product_attention(
        q, keys.squeeze(0), values.squeeze(0), scale=scale, mask=mask, sinks=sinks.astype(q.dtype)
    )


def _merge_heads(x: mx.array) -> mx.array:
    """(1, H, L, d) → (L, H · d)."""
    return x.squeeze(0).swapaxes(0, 1).reshape(x.shape[2], -1)


def attention_out(x: mx.array, attended: mx.array, out: Dense) -> mx.array:
    """Project the heads back and add the residual `x`: (L, D)."""
    return x + linear(attended, out)


def router(
    x: mx.array, norm: mx.array, eps: float, dense: Dense, count: int
) -> tuple[mx.array, mx.array, mx.array]:
    """Normalise and choose `count` experts for each token.

    Returns the normalised x (L, D), the experts uint32 (L, K), and their weights (L, K), the
    softmax over the chosen logits alone.
    """
    normed = mx.fast.rms_norm(x, norm, eps)
    logits = linear(normed, dense)
    chosen = mx.argpartition(logits, -count, axis=-1)[:, -count:]
    weights = mx.softmax(mx.take_along_axis(logits, chosen, axis=-1), axis=-1, precise=True)
    return normed, chosen, weights


def experts(
    x: mx.array,
    normed: mx.array,
    chosen: mx.array,
    weights: mx.array,
    gate_up: Experts,
    down: Experts,
    limit: float,
) -> mx.array:
    """The chosen experts' weighted sum, added to the residual.

    `x`, `normed`: (L, D); `chosen`, `weights`: (L, K), `weights` in any dtype → (L, D), in x's
    dtype. Gate and up rows are interleaved.
    """
    weights = weights.astype(x.dtype)
    many = chosen.size >= _MANY * gate_up.count
    if many and on_cpu():
        mixed = cpu_experts.mixture(normed, chosen, weights, gate_up, down, limit, SWIGLU_ALPHA)
        return x + mixed
    if many:
        return x + _sorted_mixture(normed, chosen, weights, gate_up, down, limit)
    inner = _activation()(_gathered(normed[:, None], gate_up, chosen), limit)  # (L, K, I)
    return x + (weights[:, None] @ _gathered(inner, down, chosen)).squeeze(1)


def _gathered(x: mx.array, experts: Experts, chosen: mx.array) -> mx.array:
    """Each token's rows through its own experts. `x`: (L, 1 or K, in) → (L, K, out)."""
    y = _quantized(x[:, :, None], experts, chosen, in_order=False).squeeze(2)
    return y + experts.bias[chosen]


def _sorted_mixture(
    x: mx.array, chosen: mx.array, weights: mx.array, gate_up: Experts, down: Experts, limit: float
) -> mx.array:
    """The same for many tokens: those of one expert next to each other, so that it is read once."""
    order = mx.argsort(chosen.flatten())
    expert = chosen.flatten()[order]
    rows = x[order // chosen.shape[1]][:, None]  # (L · K, 1, D)
    inner = _activation()(_sorted(rows, gate_up, expert), limit)
    out = _sorted(inner, down, expert).squeeze(1)[mx.argsort(order)]
    return (weights[:, None] @ out.reshape(*chosen.shape, -1)).squeeze(1)


def _sorted(x: mx.array, experts: Experts, expert: mx.array) -> mx.array:
    """Rows in order of their expert. `x`: (N, 1, in); `expert`: (N,) → (N, 1, out)."""
    return _quantized(x, experts, expert, in_order=True) + experts.bias[expert][:, None]


def _quantized(x: mx.array, experts: Experts, chosen: mx.array, *, in_order: bool) -> mx.array:
    return mx.gather_qmm(
        x,
        experts.blocks,
        experts.scales,
        rhs_indices=chosen,
        group_size=32,
        bits=4,
        mode="mxfp4",
        sorted_indices=in_order,
    )


@cache
def _fused_swiglu() -> Callable[[mx.array, float], mx.array]:
    return mx.compile(_swiglu)


def _activation() -> Callable[[mx.array, float], mx.array]:
    """`_swiglu`, one launch instead of eight; but on a CPU, fusing would need a C++ compiler."""
    return _swiglu if on_cpu() else _fused_swiglu()


def _swiglu(x: mx.array, limit: float) -> mx.array:
    """gpt-oss' activation of interleaved gate and up. `x`: (…, 2 · I) → (…, I)."""
    gate = mx.minimum(x[..., ::2], limit)
    up = mx.clip(x[..., 1::2], -limit, limit)
    return gate * mx.sigmoid(SWIGLU_ALPHA * gate) * (up + 1)


def unembed(x: mx.array, norm: mx.array, eps: float, dense: Dense) -> mx.array:
    """Normalise and score every token of the vocabulary. `x`: (L, D) → float32 (L, V)."""
    return linear(mx.fast.rms_norm(x, norm, eps), dense).astype(mx.float32)


PLAIN = Operations(
    activations=activations,
    embed=embed,
    qkv_rope=qkv_rope,
    full_attention=full_attention,
    band_attention=band_attention,
    band_attention_prefill=band_attention_prefill,
    attention_out=attention_out,
    router=router,
    experts=experts,
    unembed=unembed,
)
