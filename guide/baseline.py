"""The yardstick: a linear classifier over bags of words, word pairs and letter groups."""

from __future__ import annotations

import math
import random
import zlib
from collections import Counter
from itertools import islice, pairwise

import torch
from torch.nn import functional as F  # noqa: N812

from guide.corpus import SPEAKING_APART, Topic, expand, held_out_wordings, normalise

BUCKETS = 1 << 16


def features(text: str) -> Counter[int]:
    """Hashed words, pairs of words, and groups of three to five letters within words."""
    words = normalise(text).split()
    found = [
        *words,
        *(f"{first} {second}" for first, second in pairwise(words)),
    ]
    for word in words:
        framed = f"<{word}>"
        for size in (3, 4, 5):
            found += [framed[at : at + size] for at in range(len(framed) - size + 1)]
    return Counter(zlib.crc32(feature.encode()) % BUCKETS for feature in found)


def encode(texts: list[str], idf: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Indices, offsets and weights for an embedding bag; each text has length 1."""
    indices: list[int] = []
    offsets: list[int] = []
    weights: list[float] = []
    for text in texts:
        counted = features(text)
        offsets.append(len(indices))
        values = [(1 + math.log(count)) * float(idf[key]) for key, count in counted.items()]
        norm = math.sqrt(sum(value * value for value in values)) or 1.0
        indices += list(counted)
        weights += [value / norm for value in values]
    return (
        torch.tensor(indices, dtype=torch.long),
        torch.tensor(offsets),
        torch.tensor(weights, dtype=torch.float32),
    )


class Baseline:
    """Softmax regression, one class a topic and language."""

    def __init__(self, topics: list[Topic], seed: int = 1, per_line: int = 6) -> None:
        self.topics = topics
        rng = random.Random(seed)
        pairs = []
        held_out = held_out_wordings()
        for number, topic in enumerate(topics):
            for line in topic.training_lines(SPEAKING_APART):
                wordings = [
                    wording
                    for wording in islice(expand(line), 200)
                    if normalise(wording) not in held_out
                ]
                for wording in rng.sample(wordings, min(per_line, len(wordings))):
                    pairs.append((wording, number))
        rng.shuffle(pairs)
        seen = Counter(key for text, _ in pairs for key in set(features(text)))
        self.idf = torch.zeros(BUCKETS)
        for key, count in seen.items():
            self.idf[key] = 1 + math.log(len(pairs) / count)
        self.weights = torch.zeros(BUCKETS, len(topics))
        self.bias = torch.zeros(len(topics))
        self.fit(pairs, seed)

    def fit(self, pairs: list[tuple[str, int]], seed: int, rounds: int = 12) -> None:
        """Adam with a little decay."""
        generator = torch.Generator().manual_seed(seed)
        parameters = [self.weights.requires_grad_(), self.bias.requires_grad_()]
        optimiser = torch.optim.Adam(parameters, lr=0.05)
        labels = torch.tensor([number for _, number in pairs])
        parts = [encode([text], self.idf) for text, _ in pairs]
        for number in range(rounds):
            for group in optimiser.param_groups:
                group["lr"] = 0.05 * (1 - number / rounds)
            for chosen in torch.randperm(len(pairs), generator=generator).split(512):
                loss = F.cross_entropy(self.bag([parts[place] for place in chosen]), labels[chosen])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
        self.weights, self.bias = self.weights.detach(), self.bias.detach()

    def bag(self, parts: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]) -> torch.Tensor:
        """Logits (N, topics)."""
        indices = torch.cat([part[0] for part in parts])
        sizes = torch.tensor([0] + [len(part[0]) for part in parts[:-1]])
        weights = torch.cat([part[2] for part in parts])
        return (
            F.embedding_bag(
                indices, self.weights, sizes.cumsum(0), mode="sum", per_sample_weights=weights
            )
            + self.bias
        )

    def predict(self, questions: list[str], language: str) -> list[Topic]:
        """The likeliest topic of each question in its language."""
        logits = self.bag([encode([question], self.idf) for question in questions])
        foreign = torch.tensor([topic.language != language for topic in self.topics])
        return [self.topics[number] for number in logits.masked_fill(foreign, -1e9).argmax(-1)]
