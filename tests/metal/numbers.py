"""The kernels' number formats in NumPy: bfloat16 as uint16 bits, MXFP4 as published."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint16]
Real = NDArray[np.float64]

E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6], np.float64)


def to_bf16(values: NDArray[Any]) -> Bits:
    """Rounds to the nearest bfloat16, ties to even; NaN stays NaN."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    return np.where(np.isnan(values), np.uint16(0x7FC0), rounded)


def from_bf16(bits: Bits) -> Real:
    return (bits.astype(np.uint32) << 16).view(np.float32).astype(np.float64)


def from_mxfp4(blocks: NDArray[np.uint8], scales: NDArray[np.uint8]) -> Real:
    """blocks (…, n, 16), low nibble first, and scales (…, n) → values (…, 32 n)."""
    pairs = np.stack([E2M1[blocks & 15], E2M1[blocks >> 4]], -1)
    values = (
        pairs.reshape(*blocks.shape[:-1], 32) * np.exp2(scales.astype(np.float64) - 127)[..., None]
    )
    return values.reshape(*blocks.shape[:-2], -1)


def relative_error(found: NDArray[Any], reference: NDArray[Any]) -> float:
    """‖found − reference‖ / ‖reference‖; NaN and infinity must lie where the reference has them."""
    found = np.asarray(found, np.float64)
    if not np.array_equal(np.isfinite(found), np.isfinite(reference)):
        return float("inf")
    finite = np.isfinite(reference)
    size = float(np.linalg.norm(reference[finite]))
    return float(np.linalg.norm(found[finite] - reference[finite])) / (size or 1.0)
