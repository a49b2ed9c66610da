"""The operations of a layer through the Metal kernels, on the CPU route.

Same names, same signatures as the plain-MLX twins, so that a whole model can run on either. Where
a kernel serves one token at decode, several tokens are several calls. Shows, too, how MLX's arrays
become a kernel's inputs: what is cut, grouped and padded.
"""

from collections.abc import Mapping
from typing import Any

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from mlx_engine.metal_lowering import TemplateValue
from mlx_engine.metal_source import read_kernel
from mlx_engine.weights import Dense, Experts
from tests.metal.cases.case import settings
from tests.metal.cpu_route import Launch, Size, run
from tests.metal.numbers import Bits, from_bf16, to_bf16

Array = NDArray[Any]

_GROUPED = 8  # choices per expert from which a tile of 64 rows pays


def _bits(x: mx.array) -> Bits:
    return to_bf16(np.array(x.astype(mx.float32)))


def _mlx(bits: Array) -> mx.array:
    return mx.array(from_bf16(bits).astype(np.float32))


def _call(
    name: str,
    grid: Size,
    threads: int,
    template: Mapping[str, TemplateValue],
    outputs: Mapping[str, tuple[int, ...]],
    **inputs: Array,
) -> Mapping[str, Array]:
    launch = Launch(grid, (threads, 1, 1), template, outputs)
    return run(read_kernel(name), launch, inputs).outputs


def qkv_rope(
    x: mx.array, norm: mx.array, eps: float,
    q: Dense, k: Dense, v: Dense, cosines: mx.array, sines: mx.array,
) -> tuple[mx.array, mx.array]:  # fmt: skip
    size = cosines.shape[2]
    heads, kv_heads = q.weight.shape[0] // size, k.weight.shape[0] // size
    weights = {
        f"{part}_{kind}": _bits(getattr(dense, kind))
        for part, dense in (("q", q), ("k", k), ("v", v))
        for kind in ("weight", "bias")
    }
    calls = [
        _call(
            "qkv_rope", (8 * (heads + 2 * kv_heads) * size, 1, 1), 64,
            {"HIDDEN": x.shape[1], "HEADS": heads, "KV_HEADS": kv_heads, "HEAD_DIM": size},
            {"queries": (heads, size), "packed": (2, kv_heads, size)},
            x=_bits(x[token]), norm=_bits(norm), settings=settings(eps), **weights,
            cosines=np.array(cosines[token, 0]), sines=np.array(sines[token, 0]),
        )
        for token in range(x.shape[0])
    ]  # fmt: skip
    queries, packed = (np.stack([c[name] for c in calls], -2) for name in ("queries", "packed"))
    return _mlx(queries), _mlx(packed)


def full_attention(q: mx.array, kv: mx.array, total: int, sinks: mx.array) -> mx.array:
    heads, length, size = q.shape
    kv_heads, capacity = kv.shape[1:3]
    parts = 2
    rows = []
    for token in range(length):
        extent = np.array([total - length + token + 1, capacity, parts, 0, 0, 0, 0, 0], np.uint32)
        found = _call(
            "full_attention", (32 * heads, parts, 1), 32 * heads // kv_heads,
            {"HEADS": heads, "KV_HEADS": kv_heads, "HEAD_DIM": size},
            {"part_sums": (parts, heads, size), "part_softmax": (parts, heads, 2)},
            q=_bits(q[:, token]), kv=_bits(kv), sinks=_bits(sinks), extent=extent,
        )  # fmt: skip
        merged = _call(
            "full_attention_merge", (32 * heads, 1, 1), 32, {"HEADS": heads, "HEAD_DIM": size},
            {"out": (heads, size)}, extent=extent, **found,
        )  # fmt: skip
        rows.append(merged["out"].reshape(-1))
    return _mlx(np.stack(rows))


def band_attention(q: mx.array, ring: mx.array, visible: mx.array, sinks: mx.array) -> mx.array:
    heads, _, size = q.shape
    kv_heads, slots = ring.shape[1:3]
    found = _call(
        "band_attention", (32 * heads, 1, 1), 32 * heads // kv_heads,
        {"HEADS": heads, "KV_HEADS": kv_heads, "HEAD_DIM": size, "SLOTS": slots},
        {"out": (1, heads * size)},
        q=_bits(q), ring=_bits(ring), visible=np.array(visible), sinks=_bits(sinks),
    )  # fmt: skip
    return _mlx(found["out"])


def band_attention_prefill(
    q: mx.array, kv: mx.array, window: int, known: int, sinks: mx.array
) -> mx.array:
    heads, length, size = q.shape
    found = _call(
        "band_flash", (128 * -(-length // 32), heads, 1), 128,
        {"HEADS": heads, "KV_HEADS": kv.shape[1], "HEAD_DIM": size, "WINDOW": window},
        {"out": (length, heads * size)},
        q=_bits(q), kv=_bits(kv), sinks=_bits(sinks),
        extent=np.array([length, known, 0, 0, 0, 0, 0, 0], np.uint32),
    )  # fmt: skip
    return _mlx(found["out"])


def attention_out(x: mx.array, attended: mx.array, out: Dense) -> mx.array:
    hidden, width = out.weight.shape
    assert out.bias is not None
    weight, bias = _bits(out.weight), _bits(out.bias)
    rows = [
        _call(
            "attention_out", (8 * hidden, 1, 1), 64, {"HIDDEN": hidden, "WIDTH": width},
            {"out": (hidden,)},
            x=_bits(x[token]), attended=_bits(attended[token]), weight=weight, bias=bias,
        )["out"]
        for token in range(x.shape[0])
    ]  # fmt: skip
    return _mlx(np.stack(rows))


def router(
    x: mx.array, norm: mx.array, eps: float, dense: Dense, count: int
) -> tuple[mx.array, mx.array, mx.array]:
    experts, hidden = dense.weight.shape
    assert dense.bias is not None
    places = max(8, count)
    calls = [
        _call(
            "router", (128, 1, 1), 128, {"HIDDEN": hidden, "EXPERTS": experts, "CHOSEN": count},
            {"normed": (hidden,), "chosen": (places,), "shares": (places,)},
            x=_bits(x[token]), norm=_bits(norm), weight=_bits(dense.weight),
            bias=_bits(dense.bias), settings=settings(eps),
        )
        for token in range(x.shape[0])
    ]  # fmt: skip
    normed, chosen, shares = (
        np.stack([c[name] for c in calls]) for name in ("normed", "chosen", "shares")
    )
    return _mlx(normed), mx.array(chosen[:, :count]), mx.array(shares[:, :count])


def experts(
    x: mx.array, normed: mx.array, chosen: mx.array, weights: mx.array,
    gate_up: Experts, down: Experts, limit: float,
) -> mx.array:  # fmt: skip
    places, shares = np.array(chosen), np.array(weights.astype(mx.float32))
    if len(places) > 1:
        return _many(x, normed, places, shares, gate_up, down, limit)
    hidden, inner, count = x.shape[1], gate_up.blocks.shape[1] // 2, places.shape[1]
    padded = np.zeros(max(8, count), np.uint32)
    padded[:count] = places[0]
    wide_shares = np.zeros(len(padded), np.float32)
    wide_shares[:count] = shares[0]
    activated = _call(
        "experts_gate_up", (16 * inner, count, 1), 128,
        {"HIDDEN": hidden, "INNER": inner, "SIMDGROUPS": 4}, {"out": (count, inner)},
        x=_bits(normed[0]), chosen=padded, settings=settings(limit), **_matrix(gate_up),
    )["out"]  # fmt: skip
    out = _call(
        "experts_down", (8 * count * hidden, 1, 1), 32 * count,
        {"HIDDEN": hidden, "INNER": inner, "CHOSEN": count}, {"out": (1, hidden)},
        x=_bits(x[0]), inner=activated, chosen=padded, shares=wide_shares, **_matrix(down),
    )["out"]  # fmt: skip
    return _mlx(out)


def _matrix(matrix: Experts) -> dict[str, Array]:
    return {
        "blocks": np.array(matrix.blocks),
        "scales": np.array(matrix.scales),
        "bias": _bits(matrix.bias),
    }


def _many(
    x: mx.array, normed: mx.array, places: Array, shares: Array,
    gate_up: Experts, down: Experts, limit: float,
) -> mx.array:  # fmt: skip
    """Several tokens: rows sorted by expert, two matrix products, the sum over each token's."""
    (tokens, count), total = places.shape, gate_up.count
    hidden, inner, rows = x.shape[1], gate_up.blocks.shape[1] // 2, places.size
    order = np.argsort(places.reshape(-1), kind="stable").astype(np.uint32)
    starts = np.zeros(max(8, total + 1), np.uint32)
    starts[1 : total + 1] = np.bincount(places.reshape(-1), minlength=total).cumsum()
    tile = 64 if rows >= _GROUPED * total else 8
    shared = {
        "order": np.pad(order, (0, max(0, 8 - rows))),
        "starts": starts,
        "shares": np.pad(shares.reshape(-1), (0, max(0, 8 - rows))),
        "settings": settings(limit),
    }
    template = {"EXPERTS": total, "CHOSEN": count, "TOKENS": tile}
    tiles = -(-rows // tile) + total
    activated = _call(
        "experts_gemm", (8 * inner, tiles, 1), 128,
        {"INPUTS": hidden, "OUTPUTS": 2 * inner, **template, "GATED": True},
        {"out": (rows, inner)}, x=_bits(normed), **_matrix(gate_up), **shared,
    )["out"]  # fmt: skip
    mixed = _call(
        "experts_gemm", (4 * hidden, tiles, 1), 128,
        {"INPUTS": inner, "OUTPUTS": hidden, **template, "GATED": False},
        {"out": (tokens, count, hidden)}, x=activated, **_matrix(down), **shared,
    )["out"]  # fmt: skip
    return x + _mlx(mixed).sum(axis=1)


def unembed(x: mx.array, norm: mx.array, eps: float, dense: Dense) -> mx.array:
    vocabulary, hidden = dense.weight.shape
    groups = -(-vocabulary // 32)
    outputs = {"logits": (vocabulary,), "best_score": (groups,), "best_token": (groups,)}
    rows = [
        _call(
            "unembed", (256 * groups, 1, 1), 256, {"HIDDEN": hidden, "VOCABULARY": vocabulary},
            outputs, x=_bits(x[token]), norm=_bits(norm), weight=_bits(dense.weight),
            settings=settings(eps, 1.0, 0.0), seed=np.zeros(8, np.uint32),
        )["logits"]
        for token in range(x.shape[0])
    ]  # fmt: skip
    return mx.array(np.stack(rows))
