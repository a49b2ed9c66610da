"""Attention at decode: one token, a ring or a whole cache, sinks."""

import numpy as np
from numpy.typing import NDArray

from mlx_engine.kernels import geometry
from tests.metal.cases.case import Case, Sizes, activations
from tests.metal.numbers import Bits, Real, from_bf16, to_bf16


def attended(q: Real, keys: Real, values: Real, sinks: Real) -> Real:
    """q: (heads, d); keys, values: (kv_heads, positions, d) → (heads, d)."""
    kv_heads = keys.shape[0]
    grouped = q.reshape(kv_heads, -1, q.shape[-1])
    scores = np.einsum("ghd,gpd->ghp", grouped, keys) / np.sqrt(q.shape[-1])
    sink = sinks.reshape(kv_heads, -1, 1)
    largest = np.maximum(scores.max(axis=-1, keepdims=True), sink)
    shares = np.exp(scores - largest)
    total = shares.sum(axis=-1, keepdims=True) + np.exp(sink - largest)
    return np.asarray(np.einsum("ghp,gpd->ghd", shares / total, values).reshape(q.shape))


def _inputs(random: np.random.Generator, sizes: Sizes, positions: int) -> tuple[Bits, Bits, Bits]:
    q = to_bf16(2 * random.standard_normal((sizes.heads, sizes.head_dim)))
    kv = activations(random, 2, sizes.kv_heads, positions, sizes.head_dim)
    return q, kv, activations(random, sizes.heads)


def visible_slots(position: int, sizes: Sizes) -> NDArray[np.bool_]:
    """As mlx_engine.cache: which slots the token at `position` may look at."""
    ages = (position - np.arange(sizes.slots)) % sizes.slots
    return np.asarray((ages < sizes.window) & (ages <= position))


def band(sizes: Sizes, position: int, label: str = "") -> Case:
    """The token at `position`, whose own key and value are in the ring already.

    What the ring holds elsewhere is NaN: a kernel must not let it through.
    """
    random = np.random.default_rng(31)
    q, ring, sinks = _inputs(random, sizes, sizes.slots)
    visible = visible_slots(position, sizes)
    ring[:, :, ~visible] = 0x7FC0
    if label == "nan":
        ring[0, 0, np.flatnonzero(visible)[0], 1] = 0x7FC0
    if label == "certain":  # one score far above the others, and above the sink
        ring[0, :, np.flatnonzero(visible)[-1]] = to_bf16(
            60 * from_bf16(q[:: sizes.heads // sizes.kv_heads])
        )
    keys, values = from_bf16(ring[:, :, visible])
    row_bytes = 2 * 2 * sizes.kv_heads * sizes.head_dim
    return Case(
        "band_attention",
        f"{sizes.name}-{position}{label and '-'}{label}",
        geometry.band_attention(sizes.heads, sizes.kv_heads, sizes.head_dim, sizes.slots),
        {"q": q, "ring": ring, "visible": visible, "sinks": sinks},
        {"out": attended(from_bf16(q), keys, values, from_bf16(sinks))},
        {"ring": int(visible.sum()) * row_bytes},
    )  # fmt: skip


def full(sizes: Sizes, length: int, parts: int, capacity: int | None = None) -> Case:
    """In parts, then merged. Positions beyond `length` hold NaN."""
    random = np.random.default_rng(32)
    capacity = capacity or length + 5
    q, kv, sinks = _inputs(random, sizes, capacity)
    kv[:, :, length:] = 0x7FC0
    keys, values = from_bf16(kv[:, :, :length])
    extent = np.array([length, capacity, parts, 0, 0, 0, 0, 0], np.uint32)
    return Case(
        "full_attention",
        f"{sizes.name}-{length}-in-{parts}",
        geometry.full_attention(sizes.heads, sizes.kv_heads, sizes.head_dim, parts),
        {"q": q, "kv": kv, "sinks": sinks, "extent": extent},
        {"out": attended(from_bf16(q), keys, values, from_bf16(sinks))},
        {"kv": 2 * 2 * sizes.kv_heads * length * sizes.head_dim},
        ("full_attention_merge", geometry.full_attention_merge(sizes.heads, sizes.head_dim)),
    )  # fmt: skip
