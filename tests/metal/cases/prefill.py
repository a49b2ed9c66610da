"""The prefill kernels: experts on rows sorted by expert, banded attention of many queries."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlx_engine.kernels import geometry
from tests.metal.cases.attention import attended
from tests.metal.cases.case import Case, Sizes, activations, settings
from tests.metal.cases.experts import LIMIT, matrices, swiglu, unpacked
from tests.metal.numbers import from_bf16, to_bf16


def choices(random: np.random.Generator, sizes: Sizes, tokens: int, label: str) -> NDArray[Any]:
    """(tokens, chosen) experts. "crowded": every token's first is expert 1."""
    drawn = np.stack([random.permutation(sizes.experts)[: sizes.chosen] for _ in range(tokens)])
    if label == "crowded":
        drawn[:, 0] = 1
        drawn[:, 1:] = np.where(drawn[:, 1:] == 1, 0, drawn[:, 1:])
    return drawn


def experts_gemm(sizes: Sizes, tokens: int, tile: int, gated: bool, label: str = "random") -> Case:
    random = np.random.default_rng(41)
    rows = tokens * sizes.chosen
    inputs, outputs = (sizes.hidden, 2 * sizes.inner) if gated else (sizes.inner, sizes.hidden)
    expert = choices(random, sizes, tokens, label).reshape(-1)
    order = np.argsort(expert, kind="stable").astype(np.uint32)
    counts = np.bincount(expert, minlength=sizes.experts)
    starts = np.zeros(max(8, sizes.experts + 1), np.uint32)
    starts[1 : sizes.experts + 1] = counts.cumsum()
    matrix = matrices(random, sizes.experts, outputs, inputs)
    x = activations(random, tokens if gated else rows, inputs)
    shares = random.uniform(0, 1, rows).astype(np.float32)
    wide = np.empty((rows, outputs))
    for row in range(rows):
        e, source = expert[order[row]], (order[row] // sizes.chosen if gated else row)
        wide[row] = unpacked(matrix, e) @ from_bf16(x[source]) + from_bf16(matrix["bias"][e])
    if gated:
        reference = swiglu(wide, LIMIT)
    else:
        reference = np.empty_like(wide)
        reference[order] = wide * shares[order][:, None]
    tiles = int((-(-counts // tile)).sum())
    return Case(
        "experts_gemm",
        f"{sizes.name}-{tokens}-by-{tile}-{'gate-up' if gated else 'down'}-{label}",
        geometry.experts_gemm(
            inputs, outputs, sizes.experts, sizes.chosen, rows, tile, gated=gated
        ),
        {
            "x": x, **matrix, "order": _padded(order), "starts": starts,
            "shares": _padded(shares), "settings": settings(LIMIT),
        },
        {"out": reference},
        {"blocks": tiles * outputs * inputs // 2, "scales": tiles * outputs * inputs // 32},
    )  # fmt: skip


def _padded(values: NDArray[Any]) -> NDArray[Any]:
    """At least 8 elements, so that MLX passes a `device` pointer."""
    return np.pad(values, (0, max(0, 8 - len(values))))


def band_flash(sizes: Sizes, length: int, known: int) -> Case:
    """What the chunk's first positions do not hold is NaN: it must not come through."""
    random = np.random.default_rng(42)
    window, positions = sizes.window, sizes.window + length
    q = to_bf16(2 * random.standard_normal((sizes.heads, length, sizes.head_dim)))
    kv = activations(random, 2, sizes.kv_heads, positions, sizes.head_dim)
    kv[:, :, : window - known] = 0x7FC0
    sinks = activations(random, sizes.heads)
    reference = np.empty((length, sizes.heads, sizes.head_dim))
    for query in range(length):
        seen = slice(max(query + 1, window - known), query + window + 1)
        keys, values = from_bf16(kv[:, :, seen])
        reference[query] = attended(from_bf16(q[:, query]), keys, values, from_bf16(sinks))
    return Case(
        "band_flash",
        f"{sizes.name}-{length}-after-{known}",
        geometry.band_flash(sizes.heads, sizes.kv_heads, sizes.head_dim, window, length),
        {"q": q, "kv": kv, "sinks": sinks,
         "extent": np.array([length, known, 0, 0, 0, 0, 0, 0], np.uint32)},
        {"out": reference},
        {"kv": _band_bytes(sizes, length, known)},
    )  # fmt: skip


def _band_bytes(sizes: Sizes, length: int, known: int) -> int:
    """Of keys and values, for tiles of 32 queries that each read what they see, once a head."""
    window = sizes.window
    rows = sum(
        min(first + window + 32, window + length) - max(first, window - known)
        for first in range(0, length, 32)
    )
    return 2 * 2 * rows * sizes.head_dim * sizes.heads
