"""Turns rows of segments into the tensors that the network takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from guide.compose import Segment
from guide.network import Network, Prefixed


@dataclass(frozen=True)
class Batch:
    """B rows of L positions under one root of R tokens; the masks say what each position sees."""

    root: torch.Tensor  # (1, R) int64: the system message that all rows share
    tokens: torch.Tensor  # (B, L) int64
    positions: torch.Tensor  # (B, L) int64
    targets: torch.Tensor  # (B, L) int64: the token after each position, on its own branch
    weights: torch.Tensor  # (B, L) float32: how much its prediction counts
    full: torch.Tensor  # (B, L, R + L) bool
    banded: torch.Tensor
    spans: torch.Tensor  # (S, 3) int64: row, first and last position of each question
    topics: torch.Tensor  # (S,) int64: the topic of each question
    labels: list[tuple[int, int, int]]  # row, first and end of the positions that predict a label


def visibility(
    row: list[Segment], root: int, length: int, window: int
) -> tuple[np.ndarray, np.ndarray]:
    """(L, R + L) bool: a position sees the root, what lies above it, and its own segment."""
    above = np.eye(len(row) + 1, dtype=bool)  # the last one is padding
    for number, segment in enumerate(row):
        if segment.parent >= 0:
            above[number] |= above[segment.parent]
    owner = np.full(length, len(row))
    positions = root + np.arange(length)
    place = 0
    for number, segment in enumerate(row):
        size = len(segment.tokens)
        owner[place : place + size] = number
        positions[place : place + size] = segment.start + np.arange(size)
        place += size
    keys = np.concatenate([np.arange(root), positions])
    distance = positions[:, None] - keys[None, :]
    related = np.concatenate([np.ones((length, root), dtype=bool), above[owner][:, owner]], axis=1)
    full = related & (distance >= 0)
    return full, full & (distance < window)


def collate(
    root: list[int], rows: list[list[Segment]], topics: dict[str, int], window: int = 128
) -> Batch:
    """Pack rows under `root`; their length is that of the longest, rounded up to 16."""
    longest = max(sum(len(segment.tokens) for segment in row) for row in rows)
    length = -(-longest // 16) * 16
    shape = (len(rows), length)
    tokens, positions, targets = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    weights = np.zeros(shape, dtype=np.float32)
    full = np.zeros((*shape, len(root) + length), dtype=bool)
    banded = np.zeros_like(full)
    spans, classes, labels = [], [], []
    for number, row in enumerate(rows):
        full[number], banded[number] = visibility(row, len(root), length, window)
        place = 0
        for segment in row:
            here = slice(place, place + len(segment.tokens))
            tokens[number, here] = segment.tokens
            positions[number, here] = segment.start + np.arange(len(segment.tokens))
            targets[number, here] = [*segment.tokens[1:], segment.after]
            weights[number, here] = segment.weights
            if segment.topic:
                begin, end = segment.question
                spans.append((number, place + begin, place + end))
                classes.append(topics[segment.topic])
            if segment.label[1]:
                labels.append((number, place + segment.label[0], place + segment.label[1]))
            place = here.stop
    return Batch(
        root=torch.tensor([root]),
        tokens=torch.from_numpy(tokens),
        positions=torch.from_numpy(positions),
        targets=torch.from_numpy(targets),
        weights=torch.from_numpy(weights),
        full=torch.from_numpy(full),
        banded=torch.from_numpy(banded),
        spans=torch.tensor(spans),
        topics=torch.tensor(classes),
        labels=labels,
    )


def prefixed(network: Network, batch: Batch) -> Prefixed:
    """A pass of `network` over a batch."""
    place = network.place(batch.positions, batch.full, batch.banded)
    return Prefixed(network, batch.root, batch.tokens, place)
