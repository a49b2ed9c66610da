"""The experts at decode: one token, a few experts, MXFP4."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlx_engine.kernels import geometry
from tests.metal.cases.case import (
    EXPERTS_AT_HAND,
    Case,
    Sizes,
    activations,
    settings,
)  # fmt: skip
from tests.metal.numbers import Real, from_bf16, from_mxfp4, to_bf16

LIMIT = 7.0


def matrices(
    random: np.random.Generator, experts: int, rows: int, columns: int, exponent: int | None = None
) -> dict[str, NDArray[Any]]:
    """One MXFP4 matrix an expert. Exponents near those of gpt-oss, or all the same one."""
    blocks = random.integers(0, 1 << 32, (experts, rows, columns // 8), dtype=np.uint32)
    scales = random.integers(117, 123, (experts, rows, columns // 32), dtype=np.uint8)
    if exponent is not None:
        scales[:] = exponent
    return {"blocks": blocks, "scales": scales, "bias": activations(random, experts, rows)}


def unpacked(matrix: dict[str, NDArray[Any]], expert: int) -> Real:
    blocks = matrix["blocks"][expert].view(np.uint8)
    return from_mxfp4(blocks.reshape(*blocks.shape[:-1], -1, 16), matrix["scales"][expert])


def swiglu(x: Real, limit: float) -> Real:
    """x: (…, 2 n), gate and up interleaved; NaN stays NaN."""
    gate = np.where(x[..., ::2] > limit, limit, x[..., ::2])
    up = np.clip(x[..., 1::2], -limit, limit)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(gate / (1 + np.exp(-1.702 * gate)) * (up + 1))


def choice(random: np.random.Generator, sizes: Sizes, experts: int) -> NDArray[np.uint32]:
    return random.permutation(experts)[: sizes.chosen].astype(np.uint32)


def gate_up(sizes: Sizes, label: str = "random") -> Case:
    """`label` "exponent-N": all blocks share it. "nan", "infinity": one such activation."""
    random = np.random.default_rng(21)
    experts = min(sizes.experts, EXPERTS_AT_HAND)
    exponent = int(label.split("-")[1]) if label.startswith("exponent-") else None
    matrix = matrices(random, experts, 2 * sizes.inner, sizes.hidden, exponent)
    x = activations(random, sizes.hidden)
    if exponent == 254:
        x = to_bf16(1e-3 * from_bf16(x))  # or the sums leave float32
    if label in ("nan", "infinity"):
        x[3] = 0x7FC0 if label == "nan" else 0x7F80
    chosen = choice(random, sizes, experts)
    with np.errstate(invalid="ignore"):
        rows = [unpacked(matrix, e) @ from_bf16(x) + from_bf16(matrix["bias"][e]) for e in chosen]
    per_expert = 2 * sizes.inner * sizes.hidden
    return Case(
        "experts_gate_up",
        f"{sizes.name}-{label}",
        geometry.experts_gate_up(sizes.hidden, sizes.inner, sizes.chosen),
        {"x": x, **matrix, "chosen": chosen, "settings": settings(LIMIT)},
        {"out": swiglu(np.stack(rows), LIMIT)},
        _least(sizes, per_expert),
    )


def down(sizes: Sizes, label: str = "random") -> Case:
    random = np.random.default_rng(22)
    experts = min(sizes.experts, EXPERTS_AT_HAND)
    matrix = matrices(random, experts, sizes.hidden, sizes.inner)
    x, inner = activations(random, sizes.hidden), activations(random, sizes.chosen, sizes.inner)
    if label == "nan":
        inner[0, 5] = 0x7FC0
    chosen = choice(random, sizes, experts)
    shares = random.dirichlet(np.ones(sizes.chosen)).astype(np.float32)
    mixed = from_bf16(x)
    for slot in range(sizes.chosen):
        expert = chosen[slot]
        row = unpacked(matrix, expert) @ from_bf16(inner[slot]) + from_bf16(matrix["bias"][expert])
        mixed = mixed + float(shares[slot]) * row
    return Case(
        "experts_down",
        f"{sizes.name}-{label}",
        geometry.experts_down(sizes.hidden, sizes.inner, sizes.chosen),
        {"x": x, "inner": inner, **matrix, "chosen": chosen, "shares": shares},
        {"out": mixed},
        _least(sizes, sizes.hidden * sizes.inner),
    )


def _least(sizes: Sizes, values: int) -> dict[str, int]:
    return {"blocks": sizes.chosen * values // 2, "scales": sizes.chosen * values // 32}
