"""The experts of many tokens on a CPU, in NumPy, straight from the published MXFP4 bytes.

MLX multiplies MXFP4 on a CPU row by row, and unpacks it ten times slower than a table look-up
does. Here each expert that a chunk chose is unpacked once, a slice at a time, for all its tokens.
NumPy sees MLX's arrays on a CPU as they lie, without a copy.
"""

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from mlx_engine.weights import Experts

Floats = NDArray[np.float32]

_E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6], np.float32)
# What a byte holds: the values of its low and of its high nibble, as one 64-bit word.
_PAIRS = np.stack([np.tile(_E2M1, 16), np.repeat(_E2M1, 16)], axis=1).view(np.uint64).ravel()
# 2^(scale - 127); 255 is not a number in e8m0.
_SCALES = np.append(np.exp2(np.arange(255.0) - 127), np.nan).astype(np.float32)
_ROWS = 256  # unpacked at a time


def mixture(
    x: mx.array,
    chosen: mx.array,
    weights: mx.array,
    gate_up: Experts,
    down: Experts,
    limit: float,
    alpha: float,
) -> mx.array:
    """The chosen experts' weighted sum. `x`: float32 (L, D); others as in `kernels.experts`."""
    rows, choice, shares = (np.asarray(array) for array in (x, chosen, weights))
    first, second = _Matrices(gate_up), _Matrices(down)
    out = np.zeros_like(rows)
    with np.errstate(over="ignore"):  # of the exponential where a gate is closed for good
        for expert in np.unique(choice).tolist():
            token, place = np.nonzero(choice == expert)
            both = first.multiply(expert, rows[token])
            gate, up = np.minimum(both[:, ::2], limit), np.clip(both[:, 1::2], -limit, limit)
            inner = gate / (1 + np.exp(-alpha * gate)) * (up + 1)
            out[token] += shares[token, place][:, None] * second.multiply(expert, inner)
    return mx.array(out)


class _Matrices:
    """NumPy's view of one matrix for each expert."""

    def __init__(self, experts: Experts) -> None:
        self._blocks = np.asarray(experts.blocks).view(np.uint8)
        self._scales = np.asarray(experts.scales)
        self._bias = np.asarray(experts.bias.astype(mx.float32))

    def multiply(self, expert: int, x: Floats) -> Floats:
        """(N, columns) → (N, rows)."""
        blocks, scales = self._blocks[expert], self._scales[expert]
        out = np.empty((len(x), len(blocks)), np.float32)
        for start in range(0, len(blocks), _ROWS):
            piece = slice(start, start + _ROWS)
            out[:, piece] = x @ _unpacked(blocks[piece], scales[piece]).T
        out += self._bias[expert]
        return out


def _unpacked(blocks: NDArray[np.uint8], scales: NDArray[np.uint8]) -> Floats:
    """(rows, columns / 2) and (rows, columns / 32) → (rows, columns)."""
    values = np.take(_PAIRS, blocks).view(np.float32).reshape(*scales.shape, 32)
    values *= _SCALES[scales][:, :, None]
    unpacked: Floats = values.reshape(len(blocks), -1)
    return unpacked
