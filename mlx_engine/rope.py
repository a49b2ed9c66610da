"""Rotary positions as gpt-oss uses them: YaRN (arXiv 2309.00071) on half-split heads.

Owns the frequencies and the tables of cosines and sines; knows nothing of layers or caches.
"""

import math

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from mlx_engine.config import ModelConfig

# An angle is the float32 product of position and frequency, as in the models' training code. Its
# rounding reaches 0.004 rad at 131,072 tokens, so more exact angles would not agree with theirs.
Frequencies = NDArray[np.float32]


def frequencies(config: ModelConfig) -> Frequencies:
    """Radians a token for each pair of a head's dimensions: (head_dim / 2,)."""
    yarn = config.rope_scaling
    half = config.head_dim // 2
    plain = np.power(config.rope_theta, -np.arange(half) / half)
    low, high = _ramp_bounds(config)
    ramp = np.clip((np.arange(half) - low) / (high - low), 0, 1)  # 0 keeps, 1 stretches
    stretched = plain * (1 - ramp) + plain / yarn.factor * ramp
    return np.asarray(stretched, dtype=np.float32)


def _ramp_bounds(config: ModelConfig) -> tuple[float, float]:
    """The pairs between which frequencies go from kept to stretched."""
    yarn = config.rope_scaling

    def pair_that_turns(rotations: float) -> float:
        wavelength = yarn.original_max_position_embeddings / rotations
        return (
            config.head_dim
            * math.log(wavelength / (2 * math.pi))
            / (2 * math.log(config.rope_theta))
        )

    low, high = pair_that_turns(yarn.beta_fast), pair_that_turns(yarn.beta_slow)
    if yarn.truncate:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0.0), min(high, config.head_dim - 1.0)
    return (low, high) if low != high else (low, high + 0.001)


def concentration(config: ModelConfig) -> float:
    """YaRN's factor on queries and keys alike, which sharpens attention over long contexts."""
    return 0.1 * math.log(config.rope_scaling.factor) + 1.0


class Rope:
    """Cosines and sines for a model's positions, the concentration multiplied in."""

    def __init__(self, config: ModelConfig) -> None:
        self._frequencies = frequencies(config)
        self._concentration = concentration(config)

    def table(self, start: int, length: int) -> tuple[mx.array, mx.array]:
        """Cosines and signed sines of `length` positions from `start`: float32 (length, 1, d).

        A head h of size d turns by h · cosines + h' · sines, where h' has h's halves swapped.
        """
        positions = np.arange(start, start + length, dtype=np.float32)
        angles = (positions[:, None, None] * self._frequencies).astype(np.float64)
        cosines = self._concentration * np.cos(angles)
        sines = self._concentration * np.sin(angles)
        pair = np.concatenate([cosines, cosines], axis=2), np.concatenate([-sines, sines], axis=2)
        return mx.array(pair[0].astype(np.float32)), mx.array(pair[1].astype(np.float32))
