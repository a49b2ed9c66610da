"""A kernel's call with its expected result; the sizes and random weights that cases share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlx_engine.kernels.launch import Launch
from tests.metal.numbers import Bits, Real, from_bf16, to_bf16

Arrays = Mapping[str, NDArray[Any]]
MutableArrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of a model, as far as kernels depend on them."""

    name: str
    hidden: int
    inner: int
    heads: int
    kv_heads: int
    head_dim: int
    experts: int
    chosen: int
    window: int
    slots: int  # of a banded layer's ring
    vocabulary: int


TINY = Sizes("tiny", 64, 96, 4, 2, 32, 4, 2, 16, 24, 327)
SMALL = Sizes("small", 160, 64, 8, 1, 64, 40, 4, 128, 160, 96)  # 8 heads a group; experts > lanes
# As published, but for the number of experts at hand: more would only cost memory.
REAL_20B = Sizes("20b", 2880, 2880, 64, 8, 64, 32, 4, 128, 160, 201_088)
REAL_120B = Sizes("120b", 2880, 2880, 64, 8, 64, 128, 4, 128, 160, 201_088)
EXPERTS_AT_HAND = 6


@dataclass(frozen=True, slots=True)
class Case:
    """`reference` holds float64 for what is compared by its error, integers for what is exact.

    `least_bytes`: for each input that is a weight or a cache, the bytes that no correct kernel
    could do without. Inputs not named there are activations, read again by each threadgroup.
    `then`: a second kernel, to run on the same inputs and the first one's outputs.
    """

    kernel: str
    label: str
    launch: Launch
    inputs: Arrays
    reference: Arrays
    least_bytes: Mapping[str, int] = field(default_factory=dict)
    then: tuple[str, Launch] | None = None

    def __str__(self) -> str:
        return f"{self.kernel}-{self.label}"


def random_bf16(random: np.random.Generator, *shape: int) -> Bits:
    """Weights of both signs from 2^-7 to 2^-3, made from bits: quick, even a vocabulary's worth."""
    bits = random.integers(0, 1 << 16, shape, dtype=np.uint16)
    exponent = ((bits >> 7) & 3) + np.uint16(120)
    return ((bits & 0x807F) | (exponent << 7)).astype(np.uint16)


def activations(random: np.random.Generator, *shape: int) -> Bits:
    return to_bf16(random.standard_normal(shape))


def gains(random: np.random.Generator, size: int) -> Bits:
    """A norm's weights: around one."""
    return to_bf16(1 + 0.3 * random.standard_normal(size))


def settings(*values: float) -> NDArray[np.float32]:
    """Numbers that are no template's: padded to 8, so that MLX passes a `device` pointer."""
    return np.array([*values, *[0.0] * (8 - len(values))], np.float32)


def product(weight: Bits, x: Real) -> Real:
    """weight · x, a slice at a time: float64 of a whole vocabulary would not fit in memory."""
    rows = max(1, (1 << 24) // weight.shape[1])
    parts = [from_bf16(weight[r : r + rows]) @ x for r in range(0, weight.shape[0], rows)]
    return np.concatenate(parts)


def rms_norm(x: Bits, norm: Bits, epsilon: float) -> Real:
    values = from_bf16(x)
    normed = values / np.sqrt(np.mean(values**2) + epsilon) * from_bf16(norm)
    return np.asarray(normed)
