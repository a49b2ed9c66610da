"""The classifiers that help training and are dropped from what is exported."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from guide.batches import Batch


class Heads(nn.Module):  # type: ignore[misc,unused-ignore]
    """Two classifiers of the question that training alone uses.

    One reads the middle of the network where the question ends, the other the mean over its words.
    """

    def __init__(self, size: int, topics: int) -> None:
        super().__init__()
        self.end = nn.Linear(size, topics)
        self.mean = nn.Linear(size, topics)

    def forward(self, states: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """states (B, L, H) → logits (S, topics) of both"""
        rows, begin, end = batch.spans.unbind(1)
        sums = F.pad(states.cumsum(1), (0, 0, 1, 0))
        mean = (sums[rows, end] - sums[rows, begin]) / (end - begin).clamp(min=1).unsqueeze(-1)
        scale = states.shape[-1] ** 0.5
        return (
            self.end(F.normalize(states[rows, end], dim=-1) * scale),
            self.mean(F.normalize(mean, dim=-1) * scale),
        )

    def losses(self, states: torch.Tensor, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]:
        """The sum of both losses, and what to log of them."""
        end, mean = self(states, batch)
        loss = F.cross_entropy(end, batch.topics) + F.cross_entropy(mean, batch.topics)
        right = (end.argmax(-1) == batch.topics).float().mean().item()
        return loss, {"heads": loss.item() / 2, "end right": right}
