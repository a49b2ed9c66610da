"""Muon: momentum whose direction is made orthogonal, for matrices (Jordan and others, 2024)."""

from __future__ import annotations

from typing import Any

import torch


def orthogonalise(matrix: torch.Tensor, rounds: int = 5) -> torch.Tensor:
    """(…, R, C) → about the nearest matrix with singular values near 1, by Newton–Schulz."""
    is_tall = matrix.shape[-2] > matrix.shape[-1]
    x = matrix.mT if is_tall else matrix
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(rounds):
        square = x @ x.mT
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x.mT if is_tall else x


class Muon(torch.optim.Optimizer):  # type: ignore[misc,unused-ignore]
    """Nesterov momentum, orthogonalised; matrices of a stack are treated one by one."""

    def __init__(self, weights: list[Any], lr: float, decay: float, momentum: float = 0.95) -> None:
        super().__init__(weights, {"lr": lr, "base": lr, "decay": decay, "momentum": momentum})

    def step(self, closure: Any = None) -> None:
        """One update of every matrix."""
        with torch.no_grad():
            for group in self.param_groups:
                for weight in group["params"]:
                    if weight.grad is not None:
                        self.update(weight, group)

    def update(self, weight: torch.Tensor, group: dict[str, float]) -> None:
        """Decay, then a step of the same size whatever the matrix's shape."""
        state = self.state[weight]
        if "velocity" not in state:
            state["velocity"] = torch.zeros_like(weight)
        velocity = state["velocity"]
        velocity.lerp_(weight.grad, 1 - group["momentum"])
        direction = orthogonalise(weight.grad.lerp(velocity, group["momentum"]))
        scale = max(1.0, weight.shape[-2] / weight.shape[-1]) ** 0.5
        weight.mul_(1 - group["lr"] * group["decay"])
        weight.add_(direction, alpha=-group["lr"] * scale)
