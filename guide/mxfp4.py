"""MXFP4: blocks of 32 e2m1 values that share one exponent, as in the published checkpoints."""

from __future__ import annotations

import torch

BLOCK = 32
MAGNITUDES = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])
BOUNDARIES = torch.tensor([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0])  # halfway between magnitudes
BIAS = 127


def quantise(weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """weights (…, K) float32 → nibbles (…, K) uint8 and scales (…, K/32) uint8.

    Of the two exponents that could serve (the largest value clipped, or not), the one with the
    smaller squared error is taken.
    """
    blocks = weights.unflatten(-1, (-1, BLOCK))
    largest = blocks.abs().amax(-1, keepdim=True).clamp(min=2.0**-100)
    floor = torch.floor(torch.log2(largest)) - 2
    best_error = best_index = best_exponent = None
    for exponent in (floor, floor + 1):
        scaled = blocks.abs() * torch.exp2(-exponent)
        index = torch.bucketize(scaled, BOUNDARIES, out_int32=True)
        error = ((MAGNITUDES[index] - scaled) * torch.exp2(exponent)).square().sum(-1, keepdim=True)
        if best_error is None:
            best_error, best_index, best_exponent = error, index, exponent
        else:
            better = error < best_error
            best_index = torch.where(better, index, best_index)
            best_exponent = torch.where(better, exponent, best_exponent)
    assert best_index is not None and best_exponent is not None
    nibbles = best_index.to(torch.uint8) | ((blocks < 0).to(torch.uint8) << 3)
    return nibbles.flatten(-2), (best_exponent.squeeze(-1) + BIAS).to(torch.uint8)


def dequantise(nibbles: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """The inverse of `quantise`: (…, K) and (…, K/32) uint8 → (…, K) float32."""
    values = MAGNITUDES[(nibbles & 7).long()] * (1.0 - 2.0 * (nibbles >> 3).float())
    exponents = torch.exp2(scales.float() - BIAS)
    return (values.unflatten(-1, (-1, BLOCK)) * exponents.unsqueeze(-1)).flatten(-2)


def pack(nibbles: torch.Tensor) -> torch.Tensor:
    """(…, K) nibbles → (…, K/32, 16) bytes, the low nibble first."""
    pairs = nibbles.unflatten(-1, (-1, BLOCK // 2, 2))
    return pairs[..., 0] | (pairs[..., 1] << 4)


def unpack(blocks: torch.Tensor) -> torch.Tensor:
    """The inverse of `pack`."""
    return torch.stack([blocks & 15, blocks >> 4], dim=-1).flatten(-3)


def straight_through(weights: torch.Tensor) -> torch.Tensor:
    """The weights as MXFP4 will hold them, with the gradient of the weights themselves."""
    held = dequantise(*quantise(weights.detach()))
    return weights + (held - weights).detach()
