"""Trains the guide: `python -m guide.train --steps N --out FOLDER`.

Everything follows from the seed and the step, so a run that was stopped goes on where it was, and
the same number of threads on the same kind of machine gives the same weights.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from guide import vocabulary
from guide.batches import Batch, collate, prefixed
from guide.compose import FIRST, SYSTEM, Composer, Mixture, Renderer
from guide.corpus import Topic, expand, read_topics
from guide.development import development_rows, measure
from guide.network import Network, Shape
from guide.optimiser import Muon
from guide.thoughts import EFFORTS, think


@dataclass(frozen=True)
class Recipe:
    """What fixes a run."""

    reading: int = 3000  # steps on bare questions with the lower half of the layers alone
    reading_rows: int = 24
    steps: int = 4200  # in all
    level: float = 0.4  # share of the later steps before the rate falls
    rows: int = 16
    length: int = 256
    seed: int = 1
    rate: float = 4e-3  # AdamW's learning rate; Muon's is `muon_rate`
    muon_rate: float = 0.02
    decay: float = 0.1
    warmup: int = 60
    dropout: float = 0.1
    heads: float = 0.3  # weight of each auxiliary head
    mxfp4_from: float = 0.6  # share of the later steps after which experts go through MXFP4
    average: float = 0.995  # decay of the averaged weights
    threads: int = 2


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


def corpus_texts(topics: list[Topic]) -> list[str]:
    """What the vocabulary is trained on: training questions, answers, thoughts, Harmony's words."""
    rng = random.Random(0)
    texts = []
    for topic in topics:
        for line in topic.training_lines():
            texts += list(islice(expand(line), 6))
        for answer in topic.answers:
            texts += [answer] * 3
            texts += [think(topic, effort, answer, rng) for effort in EFFORTS]
    system = "system user assistant analysis final commentary developer # Instructions\n\n"
    for effort in EFFORTS:
        texts += [SYSTEM.format(date="2026-11-21", effort=effort), system] * 20
    return texts


def progress(step: int, recipe: Recipe) -> float:
    """How much of the steps after reading is done; negative before."""
    return (step - recipe.reading) / (recipe.steps - recipe.reading)


def rate_at(step: int, recipe: Recipe) -> float:
    """Linear warm-up, level, then linear to nothing."""
    fall = (1 - progress(step, recipe)) / (1 - recipe.level)
    return min(1.0, (step + 1) / recipe.warmup, fall)


class Run:
    """The state of a training run, which a checkpoint holds."""

    def __init__(self, recipe: Recipe, topics: list[Topic], out: Path) -> None:
        self.recipe, self.topics, self.out = recipe, topics, out
        torch.manual_seed(recipe.seed)
        self.numbers = {topic.name: number for number, topic in enumerate(topics)}
        self.renderer = Renderer(vocabulary.load(out / "tokenizer.json"))
        self.composer = Composer(topics, self.renderer, Mixture(), recipe.length)
        self.network = Network(Shape())
        self.network.set_dropout(recipe.dropout)
        self.heads = Heads(self.network.shape.hidden_size, len(topics))
        self.averaged = Network(Shape())
        self.averaged.load_state_dict(self.network.state_dict())
        self.averaged.eval()
        self.optimisers = self.make_optimisers()
        self.step = 0

    def make_optimisers(self) -> list[Any]:
        """Muon for the inner matrices, AdamW for all else."""
        inner: list[torch.Tensor] = []
        matrices: list[torch.Tensor] = []
        small = list(self.heads.parameters())
        for name, weight in self.network.named_parameters():
            if (
                "layers" in name
                and weight.ndim >= 2
                and "bias" not in name
                and "router" not in name
            ):
                inner.append(weight)
            else:
                (matrices if weight.ndim >= 2 and "bias" not in name else small).append(weight)
        groups = [
            {"params": matrices, "weight_decay": self.recipe.decay},
            {"params": small, "weight_decay": 0.0},
        ]
        for group in groups:
            group["base"] = self.recipe.rate
        adam = torch.optim.AdamW(groups, lr=self.recipe.rate, betas=(0.9, 0.98), eps=1e-9)
        return [adam, Muon(inner, self.recipe.muon_rate, self.recipe.decay)]

    @property
    def is_reading(self) -> bool:
        """Whether this step is one on bare questions."""
        return self.step < self.recipe.reading

    def batch(self) -> Batch:
        """The rows of this step."""
        rng = random.Random(f"{self.recipe.seed}/{self.step}")
        effort = rng.choice(EFFORTS)
        root = self.composer.draw_root(effort, rng)
        if self.is_reading:
            rows = islice(self.composer.readings(rng), self.recipe.reading_rows)
        else:
            rows = islice(self.composer.rows(effort, rng), self.recipe.rows)
        return collate(root, list(rows), self.numbers)

    def losses(self, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss of a batch, and what to log of it."""
        network = self.network
        passed = prefixed(network, batch)
        middle = passed.read()
        heads, log = self.heads.losses(middle, batch)
        if self.is_reading:
            return heads, log
        states = passed.speak(middle)
        counted = batch.weights > 0
        logits = network.lm_head(states[counted])
        each = F.cross_entropy(logits, batch.targets[counted], reduction="none")
        weights = batch.weights[counted]
        spoken = (each * weights).sum() / weights.sum()
        first = weights == FIRST
        log |= {
            "loss": spoken.item(),
            "first": each[first].mean().item(),
            "right": (logits[first].argmax(-1) == batch.targets[counted][first])
            .float().mean().item(),
        }  # fmt: skip
        return spoken + self.recipe.heads * heads, log

    def advance(self) -> dict[str, float]:
        """One step."""
        recipe = self.recipe
        torch.manual_seed(recipe.seed * 1_000_003 + self.step)
        self.network.use_mxfp4(progress(self.step, recipe) >= recipe.mxfp4_from)
        loss, log = self.losses(self.batch())
        loss.backward()
        parameters = [*self.network.parameters(), *self.heads.parameters()]
        nn.utils.clip_grad_norm_(parameters, 1.0)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["base"] * rate_at(self.step, recipe)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self.step += 1
        keep = min(recipe.average, self.step / (self.step + 10))
        with torch.no_grad():
            for mean, weight in zip(
                self.averaged.parameters(), self.network.parameters(), strict=True
            ):
                mean.lerp_(weight, 1 - keep)
        return log

    def development(self) -> dict[str, float]:
        """How the network does on the questions set aside; the averaged one, once it speaks."""
        if not self.is_reading:
            self.averaged.use_mxfp4(progress(self.step, self.recipe) >= self.recipe.mxfp4_from)
            return measure(self.averaged, self.renderer, self.topics)
        self.network.eval()
        root, rows, _ = development_rows(self.renderer, self.topics, "medium")
        batch = collate(root, rows, self.numbers)
        with torch.no_grad():
            logits = self.heads(prefixed(self.network, batch).read(), batch)
        self.network.train()
        names = ("end", "mean", "both")
        guesses = [part.argmax(-1) for part in (*logits, logits[0] + logits[1])]
        rights = [(guess == batch.topics).float().mean().item() for guess in guesses]
        return dict(zip(names, rights, strict=True))

    def save(self) -> None:
        """Write the checkpoint beside the old one, then in its place."""
        state = {
            "step": self.step,
            "recipe": asdict(self.recipe),
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "heads": self.heads.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
        }
        torch.save(state, self.out / "checkpoint.new")
        (self.out / "checkpoint.new").replace(self.out / "checkpoint.pt")

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one of the same recipe."""
        path = self.out / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        if state["recipe"] != asdict(self.recipe):
            raise SystemExit(f"{path} is of another recipe: remove it or choose another folder")
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.heads.load_state_dict(state["heads"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.step = state["step"]


def train(recipe: Recipe, out: Path, report_every: int = 50, save_every_s: float = 180) -> None:
    """Run to the end, with a line of figures now and then."""
    torch.set_num_threads(recipe.threads)
    out.mkdir(parents=True, exist_ok=True)
    topics = read_topics()
    if not (out / "tokenizer.json").exists():
        vocabulary.train(corpus_texts(topics)).save(str(out / "tokenizer.json"))
    run = Run(recipe, topics, out)
    run.resume()
    begun = saved = time.monotonic()
    first_step = run.step
    mean: dict[str, float] = {}
    while run.step < recipe.steps:
        log = run.advance()
        for name, value in log.items():
            mean[name] = 0.95 * mean.get(name, value) + 0.05 * value
        now = time.monotonic()
        if run.step % report_every == 0:
            figures = " ".join(f"{name} {value:.3f}" for name, value in mean.items())
            pace = (now - begun) / (run.step - first_step)
            print(f"step {run.step} {figures} s/step {pace:.2f}", flush=True)
        if now - saved > save_every_s or run.step == recipe.steps:
            run.save()
            saved = time.monotonic()
            print(f"step {run.step} development {json.dumps(run.development())}", flush=True)


def main() -> None:
    """The command line: every field of the recipe is an option."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--save-every-s", type=float, default=180)
    for name, value in asdict(Recipe()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    options = vars(parser.parse_args())
    out, save_every_s = options.pop("out"), options.pop("save_every_s")
    train(Recipe(**options), out, save_every_s=save_every_s)


if __name__ == "__main__":
    main()
