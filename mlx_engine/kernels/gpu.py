"""The operations of a layer through the kernels in `metal/`: what each is given, and in which form.

The signatures are those of `plain`, the arithmetic is bfloat16's, the device is the launcher's.
A kernel that computes for one token serves decode, one for many serves prefill; where there is
none, or it is not trusted on this machine, its plain twin serves.

No kernel of our own attends a chunk to a full layer: MLX's attention takes sinks, a causal mask
of a chunk shorter than what is held, and a cache's slice as it lies, fused, for 64 dimensions a
head and more than 8 queries (mlx/backend/metal/scaled_dot_product_attention.cpp). Projections,
router and unembedding of a chunk are matrix products that MLX has tuned.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import mlx.core as mx

from mlx_engine.kernels import geometry, plain
from mlx_engine.kernels.launch import Launcher
from mlx_engine.kernels.operations import Operations, Pair
from mlx_engine.weights import Dense, Experts

# What is trusted or not as a whole, and the kernels it launches.
KERNELS: dict[str, tuple[str, ...]] = {
    "qkv_rope": ("qkv_rope",),
    "band_attention": ("band_attention",),
    "full_attention": ("full_attention", "full_attention_merge"),
    "attention_out": ("attention_out",),
    "router": ("router",),
    "experts": ("experts_gate_up", "experts_down"),
    "unembed": ("unembed",),
    "experts_gemm": ("experts_gemm",),
    "band_flash": ("band_flash",),
}
_AT_LEAST = 8  # elements: MLX declares a smaller input `constant`, another text to compile


def operations(launch: Launcher, trusted: frozenset[str] = frozenset(KERNELS)) -> Operations:
    """All operations. Those in `trusted`, keys of KERNELS, go through their kernels."""

    def choose(name: str, own: Callable[..., Any], twin: Callable[..., Any]) -> Any:
        return partial(own, launch) if name in trusted else twin

    def one_or_more(one: Callable[..., Any], more: Callable[..., Any], axis: int = 0) -> Any:
        def operation(x: mx.array, *others: Any) -> Any:
            return (one if x.shape[axis] == 1 else more)(x, *others)

        return operation

    return Operations(
        activations=lambda _: mx.bfloat16,
        embed=plain.embed,
        qkv_rope=one_or_more(choose("qkv_rope", qkv_rope, plain.qkv_rope), plain.qkv_rope),
        full_attention=one_or_more(
            choose("full_attention", full_attention, plain.full_attention),
            plain.full_attention,
            axis=1,
        ),
        band_attention=choose("band_attention", band_attention, plain.band_attention),
        band_attention_prefill=choose("band_flash", band_flash, plain.band_attention_prefill),
        attention_out=one_or_more(
            choose("attention_out", attention_out, plain.attention_out), plain.attention_out
        ),
        router=one_or_more(choose("router", router, plain.router), plain.router),
        experts=one_or_more(
            choose("experts", experts, plain.experts),
            choose("experts_gemm", experts_gemm, plain.experts),
        ),
        unembed=one_or_more(choose("unembed", unembed, plain.unembed), plain.unembed),
    )


# Decode: one token ----------------------------------------------------------------------------


def qkv_rope(
    launch: Launcher,
    x: mx.array,
    norm: mx.array,
    eps: float,
    q: Dense,
    k: Dense,
    v: Dense,
    cosines: mx.array,
    sines: mx.array,
) -> Pair:
    size = cosines.shape[2]
    heads, kv_heads = q.weight.shape[0] // size, k.weight.shape[0] // size
    found = launch(
        "qkv_rope",
        geometry.qkv_rope(x.shape[1], heads, kv_heads, size),
        {
            "x": x, "norm": norm, "settings": _settings(eps), "cosines": cosines, "sines": sines,
            "q_weight": q.weight, "q_bias": _bias(q), "k_weight": k.weight, "k_bias": _bias(k),
            "v_weight": v.weight, "v_bias": _bias(v),
        },
    )  # fmt: skip
    queries, packed = found["queries"], found["packed"]
    return queries.reshape(heads, 1, size), packed.reshape(2, kv_heads, 1, size)


def full_attention(
    launch: Launcher, q: mx.array, kv: mx.array, total: int, sinks: mx.array
) -> mx.array:
    heads, _, size = q.shape
    kv_heads, capacity = kv.shape[1:3]
    parts = geometry.attention_parts(total)
    extent = _extent(total, capacity, parts)
    found = launch(
        "full_attention",
        geometry.full_attention(heads, kv_heads, size, parts),
        {"q": q, "kv": kv, "sinks": sinks, "extent": extent},
    )
    merged = launch(
        "full_attention_merge",
        geometry.full_attention_merge(heads, size),
        {**found, "extent": extent},
    )
    return merged["out"].reshape(1, heads * size)


def band_attention(
    launch: Launcher, q: mx.array, ring: mx.array, visible: mx.array, sinks: mx.array
) -> mx.array:
    heads, _, size = q.shape
    kv_heads, slots = ring.shape[1:3]
    found = launch(
        "band_attention",
        geometry.band_attention(heads, kv_heads, size, slots),
        {"q": q, "ring": ring, "visible": visible, "sinks": sinks},
    )
    return found["out"].reshape(1, heads * size)


def attention_out(launch: Launcher, x: mx.array, attended: mx.array, out: Dense) -> mx.array:
    found = launch(
        "attention_out",
        geometry.attention_out(*out.weight.shape),
        {"x": x, "attended": attended, "weight": out.weight, "bias": _bias(out)},
    )
    return found["out"].reshape(x.shape)


def router(
    launch: Launcher, x: mx.array, norm: mx.array, eps: float, dense: Dense, count: int
) -> tuple[mx.array, mx.array, mx.array]:
    experts, hidden = dense.weight.shape
    found = launch(
        "router",
        geometry.router(hidden, experts, count),
        {"x": x, "norm": norm, "weight": dense.weight, "bias": _bias(dense),
         "settings": _settings(eps)},
    )  # fmt: skip
    chosen, shares = found["chosen"], found["shares"]
    return found["normed"].reshape(x.shape), chosen.reshape(1, count), shares.reshape(1, count)


def experts(
    launch: Launcher,
    x: mx.array,
    normed: mx.array,
    chosen: mx.array,
    weights: mx.array,
    gate_up: Experts,
    down: Experts,
    limit: float,
) -> mx.array:
    hidden, inner, count = x.shape[1], gate_up.blocks.shape[1] // 2, chosen.shape[1]
    activated = launch(
        "experts_gate_up",
        geometry.experts_gate_up(hidden, inner, count),
        {"x": normed, **_matrix(gate_up), "chosen": chosen, "settings": _settings(limit)},
    )
    mixed = launch(
        "experts_down",
        geometry.experts_down(hidden, inner, count),
        {"x": x, "inner": activated["out"], **_matrix(down), "chosen": chosen,
         "shares": weights.astype(mx.float32)},
    )  # fmt: skip
    return mixed["out"].reshape(x.shape)


def unembed(launch: Launcher, x: mx.array, norm: mx.array, eps: float, dense: Dense) -> mx.array:
    vocabulary, hidden = dense.weight.shape
    found = launch(
        "unembed",
        geometry.unembed(hidden, vocabulary),
        {"x": x, "norm": norm, "weight": dense.weight, "settings": _settings(eps),
         "seed": _no_seed()},
    )  # fmt: skip
    return found["logits"].reshape(1, vocabulary)


# Prefill: many tokens ----------------------------------------------------------------------------


def band_flash(
    launch: Launcher, q: mx.array, kv: mx.array, window: int, known: int, sinks: mx.array
) -> mx.array:
    heads, length, size = q.shape
    found = launch(
        "band_flash",
        geometry.band_flash(heads, kv.shape[1], size, window, length),
        {"q": q, "kv": kv, "sinks": sinks, "extent": _extent(length, known)},
    )
    return found["out"].reshape(length, heads * size)


def experts_gemm(
    launch: Launcher,
    x: mx.array,
    normed: mx.array,
    chosen: mx.array,
    weights: mx.array,
    gate_up: Experts,
    down: Experts,
    limit: float,
) -> mx.array:
    """Rows sorted by expert, two matrix products, the sum over each token's."""
    (tokens, count), rows, total = chosen.shape, chosen.size, gate_up.count
    hidden, inner = x.shape[1], gate_up.blocks.shape[1] // 2
    tile = geometry.tile_rows(rows, total)
    expert = chosen.flatten()
    order = mx.argsort(expert)
    bounds = mx.arange(max(_AT_LEAST, total + 1), dtype=mx.uint32)
    shared = {
        "order": _padded(order),
        "starts": (expert < bounds[:, None]).sum(axis=1).astype(mx.uint32),
        "shares": _padded(weights.flatten().astype(mx.float32)),
        "settings": _settings(limit),
    }
    activated = launch(
        "experts_gemm",
        geometry.experts_gemm(hidden, 2 * inner, total, count, rows, tile, gated=True),
        {"x": normed, **_matrix(gate_up), **shared},
    )
    mixed = launch(
        "experts_gemm",
        geometry.experts_gemm(inner, hidden, total, count, rows, tile, gated=False),
        {"x": activated["out"], **_matrix(down), **shared},
    )
    return x + mixed["out"].reshape(tokens, count, hidden).sum(axis=1)


# Inputs ----------------------------------------------------------------------------


def _bias(dense: Dense) -> mx.array:
    assert dense.bias is not None
    return dense.bias


def _matrix(experts: Experts) -> dict[str, mx.array]:
    return {"blocks": experts.blocks, "scales": experts.scales, "bias": experts.bias}


def _padded(values: mx.array) -> mx.array:
    missing = _AT_LEAST - values.size
    return mx.pad(values, (0, missing)) if missing > 0 else values


@lru_cache(maxsize=8)
def _settings(value: float) -> mx.array:
    """A number that is no template's, and zeros."""
    return mx.array([value] + [0.0] * (_AT_LEAST - 1))


@lru_cache(maxsize=8)  # the layers of a token share theirs
def _extent(*values: int) -> mx.array:
    return mx.array([*values] + [0] * (_AT_LEAST - len(values)), dtype=mx.uint32)


@lru_cache(maxsize=1)
def _no_seed() -> mx.array:
    return mx.array([0] * _AT_LEAST, dtype=mx.uint32)
