"""The kernels around attention and experts: projections, router, unembedding."""

import numpy as np

from mlx_engine.kernels import geometry
from tests.metal.cases.case import (
    Case,
    MutableArrays,
    Sizes,
    activations,
    gains,
    product,
    random_bf16,
    rms_norm,
    settings,
)  # fmt: skip
from tests.metal.numbers import Real, from_bf16, to_bf16

EPSILON = 1e-5


def qkv_rope(sizes: Sizes, label: str = "random", scale: float = 1.0) -> Case:
    random = np.random.default_rng(11)
    heads, kv_heads, size = sizes.heads, sizes.kv_heads, sizes.head_dim
    x = to_bf16(scale * random.standard_normal(sizes.hidden))
    angles = random.uniform(0, 6.28, size // 2)
    inputs: MutableArrays = {
        "x": x,
        "norm": gains(random, sizes.hidden),
        "cosines": np.tile(1.35 * np.cos(angles), 2).astype(np.float32),
        "sines": (1.35 * np.concatenate([-np.sin(angles), np.sin(angles)])).astype(np.float32),
        "settings": settings(EPSILON),
    }
    for part, count in (("q", heads), ("k", kv_heads), ("v", kv_heads)):
        inputs[f"{part}_weight"] = random_bf16(random, count * size, sizes.hidden)
        inputs[f"{part}_bias"] = activations(random, count * size)
    normed = rms_norm(x, inputs["norm"], EPSILON)
    q, k, v = (
        (product(inputs[f"{part}_weight"], normed) + from_bf16(inputs[f"{part}_bias"])).reshape(
            -1, size
        )
        for part in "qkv"
    )
    cosines, sines = inputs["cosines"].astype(np.float64), inputs["sines"].astype(np.float64)
    return Case(
        "qkv_rope",
        f"{sizes.name}-{label}",
        geometry.qkv_rope(sizes.hidden, heads, kv_heads, size),
        inputs,
        {
            "queries": rotated(q, cosines, sines),
            "packed": np.stack([rotated(k, cosines, sines), v]),
        },
        {name: array.nbytes for name, array in inputs.items() if "weight" in name},
    )  # fmt: skip


def rotated(x: Real, cosines: Real, sines: Real) -> Real:
    """x: (heads, head_dim); the sines' first half is negative."""
    first, second = np.split(x, 2, axis=-1)
    return x * cosines + np.concatenate([second, first], -1) * sines


def attention_out(sizes: Sizes) -> Case:
    random = np.random.default_rng(12)
    width = sizes.heads * sizes.head_dim
    inputs: MutableArrays = {
        "x": activations(random, sizes.hidden),
        "attended": activations(random, width),
        "weight": random_bf16(random, sizes.hidden, width),
        "bias": activations(random, sizes.hidden),
    }
    projected = product(inputs["weight"], from_bf16(inputs["attended"]))
    return Case(
        "attention_out",
        sizes.name,
        geometry.attention_out(sizes.hidden, width),
        inputs,
        {"out": from_bf16(inputs["x"]) + projected + from_bf16(inputs["bias"])},
        {"weight": inputs["weight"].nbytes},
    )


def router(sizes: Sizes, label: str = "random", threads: int = 128) -> Case:
    """`label` "ties": all logits alike. "nan": one logit is none."""
    random = np.random.default_rng(13)
    experts, chosen = sizes.experts, sizes.chosen
    inputs: MutableArrays = {
        "x": activations(random, sizes.hidden),
        "norm": gains(random, sizes.hidden),
        "weight": random_bf16(random, experts, sizes.hidden),
        "bias": activations(random, experts),
        "settings": settings(EPSILON),
    }
    if label == "ties":
        inputs["weight"][:] = inputs["weight"][0]
        inputs["bias"][:] = inputs["bias"][0]
    if label == "nan":
        inputs["bias"][experts - 2] = 0x7FC0
    normed = from_bf16(to_bf16(rms_norm(inputs["x"], inputs["norm"], EPSILON)))
    logits = product(inputs["weight"], normed) + from_bf16(inputs["bias"])
    order = np.argsort(-np.where(np.isnan(logits), np.inf, logits), kind="stable")[:chosen]
    shares = np.exp(logits[order] - logits[order[0]])
    return Case(
        "router",
        f"{sizes.name}-{label}",
        geometry.router(sizes.hidden, experts, chosen, threads=threads),
        inputs,
        {"normed": normed, "chosen": order.astype(np.uint32), "shares": shares / shares.sum()},
        {"weight": inputs["weight"].nbytes},
    )


def unembed(sizes: Sizes, vocabulary: int | None = None) -> Case:
    """Without noise: the best token of each threadgroup is that of the best logit."""
    random = np.random.default_rng(14)
    count = vocabulary or sizes.vocabulary
    inputs: MutableArrays = {
        "x": activations(random, sizes.hidden),
        "norm": gains(random, sizes.hidden),
        "weight": random_bf16(random, count, sizes.hidden),
        "settings": settings(EPSILON, 0.5, 0.0),
        "seed": np.arange(8, dtype=np.uint32),
    }
    logits = product(inputs["weight"], rms_norm(inputs["x"], inputs["norm"], EPSILON))
    return Case(
        "unembed",
        f"{sizes.name}-{count}",
        geometry.unembed(sizes.hidden, count),
        inputs,
        _unembed_reference(logits),
        {"weight": inputs["weight"].nbytes},
    )


def unembed_8bit(sizes: Sizes, group: int, vocabulary: int | None = None) -> Case:
    random = np.random.default_rng(15)
    count = vocabulary or sizes.vocabulary
    groups = sizes.hidden // group
    inputs: MutableArrays = {
        "x": activations(random, sizes.hidden),
        "norm": gains(random, sizes.hidden),
        "weight": random.integers(0, 1 << 32, (count, sizes.hidden // 4), dtype=np.uint32),
        "scales": to_bf16(random.uniform(1e-3, 2e-3, (count, groups))),
        "biases": to_bf16(-random.uniform(0.1, 0.2, (count, groups))),
        "settings": settings(EPSILON, 0.5, 0.0),
        "seed": np.arange(8, dtype=np.uint32),
    }
    normed = rms_norm(inputs["x"], inputs["norm"], EPSILON)
    logits = np.empty(count)
    for start in range(0, count, 4096):
        rows = slice(start, start + 4096)
        codes = inputs["weight"][rows].view(np.uint8).reshape(-1, groups, group)
        scales, biases = (from_bf16(inputs[name][rows])[..., None] for name in ("scales", "biases"))
        logits[rows] = (codes * scales + biases).reshape(-1, sizes.hidden) @ normed
    return Case(
        "unembed_8bit",
        f"{sizes.name}-{count}",
        geometry.unembed_8bit(sizes.hidden, count, group),
        inputs,
        _unembed_reference(logits),
        {name: inputs[name].nbytes for name in ("weight", "scales", "biases")},
    )


def _unembed_reference(logits: Real) -> dict[str, Real]:
    padded = np.pad(logits, (0, -len(logits) % 32), constant_values=-np.inf).reshape(-1, 32)
    return {"logits": logits, "best_score": 0.5 * padded.max(axis=1)}
