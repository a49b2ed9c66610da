"""Trains the guide: `python -m guide.train --steps N --out FOLDER`.

Everything follows from the seed and the step, so a run that was stopped goes on where it was, and
the same number of threads on the same kind of machine gives the same weights.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from dataclasses import asdict
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import distributed, multiprocessing, nn
from torch.nn import functional as F  # noqa: N812

from guide import vocabulary
from guide.batches import Batch, collate, prefixed
from guide.compose import FIRST, SYSTEM, Composer, Mixture, Renderer
from guide.corpus import HERE, READING_APART, SPEAKING_APART, Topic, expand, read_topics
from guide.development import development_questions, measure, question_rows
from guide.export import DESTINATION, export
from guide.heads import Heads
from guide.network import Network, Shape
from guide.optimiser import Muon
from guide.recipe import Recipe, progress, rate_at
from guide.thoughts import EFFORTS, think


def corpus_texts(topics: list[Topic]) -> list[str]:
    """What the vocabulary is trained on: training questions, answers, thoughts, Harmony's words."""
    rng = random.Random(0)
    texts = []
    for topic in topics:
        for line in topic.training_lines(READING_APART):
            texts += list(islice(expand(line), 6))
        for answer in topic.answers:
            texts += [answer] * 3
            texts += [think(topic, effort, answer, rng) for effort in EFFORTS]
    system = "system user assistant analysis final commentary developer # Instructions\n\n"
    for effort in EFFORTS:
        texts += [SYSTEM.format(date="2026-11-21", effort=effort), system] * 20
    return texts


class Run:
    """The state of a training run, which a checkpoint holds."""

    def __init__(self, recipe: Recipe, topics: list[Topic], out: Path, worker: int = 0) -> None:
        self.recipe, self.topics, self.out, self.worker = recipe, topics, out, worker
        torch.manual_seed(recipe.seed)
        self.numbers = {topic.name: number for number, topic in enumerate(topics)}
        self.renderer = Renderer(vocabulary.load(out / "tokenizer.json"))
        self.reader, self.speaker = (
            Composer(topics, self.renderer, Mixture(), recipe.length, apart)
            for apart in (READING_APART, SPEAKING_APART)
        )
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
        """The rows of this step, or this worker's share of them."""
        stream = f"/{self.worker}" if self.worker else ""
        rng = random.Random(f"{self.recipe.seed}/{self.step}{stream}")
        effort = rng.choice(EFFORTS)
        composer = self.reader if self.is_reading else self.speaker
        root = composer.draw_root(effort, rng)
        if self.is_reading:
            rows, count = composer.readings(rng), self.recipe.reading_rows
        else:
            rows, count = composer.rows(effort, rng), self.recipe.rows
        mine = list(islice(rows, count // self.recipe.workers))
        return collate(root, mine, self.numbers)

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
        torch.manual_seed(recipe.seed * 1_000_003 + self.step + self.worker * 500_009)
        self.network.use_mxfp4(progress(self.step, recipe) >= recipe.mxfp4_from)
        loss, log = self.losses(self.batch())
        loss.backward()
        parameters = [*self.network.parameters(), *self.heads.parameters()]
        if recipe.workers > 1:
            share_gradients(parameters, recipe.workers)
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
        asked = development_questions(self.topics, READING_APART)
        root, rows = question_rows(self.renderer, asked, "medium")
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


def share_gradients(parameters: list[torch.Tensor], workers: int) -> None:
    """Give every worker the mean of all gradients."""
    gradients = [weight.grad for weight in parameters if weight.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= workers
    start = 0
    for gradient in gradients:
        gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
        start += gradient.numel()


class Diary:
    """Prints a line of figures now and then, and saves."""

    def __init__(self, run: Run, save_every_s: float, report_every: int = 50) -> None:
        self.run, self.save_every_s, self.report_every = run, save_every_s, report_every
        self.mean: dict[str, float] = {}
        self.begun = self.saved = time.monotonic()
        self.first_step = run.step

    def note(self, log: dict[str, float]) -> None:
        """Take in what a step logged."""
        run = self.run
        for name, value in log.items():
            self.mean[name] = 0.95 * self.mean.get(name, value) + 0.05 * value
        now = time.monotonic()
        if run.step % self.report_every == 0:
            figures = " ".join(f"{name} {value:.3f}" for name, value in self.mean.items())
            pace = (now - self.begun) / (run.step - self.first_step)
            print(f"step {run.step} {figures} s/step {pace:.2f}", flush=True)
        if now - self.saved > self.save_every_s or run.step in (
            run.recipe.reading,
            run.recipe.steps,
        ):
            run.save()
            self.saved = time.monotonic()
            print(f"step {run.step} development {json.dumps(run.development())}", flush=True)


def work(worker: int, recipe: Recipe, out: Path, save_every_s: float) -> None:
    """One process of the run."""
    torch.set_num_threads(recipe.threads)
    if recipe.workers > 1:
        distributed.init_process_group(
            "gloo",
            init_method=f"file://{(out / 'meeting').resolve()}",
            world_size=recipe.workers,
            rank=worker,
            timeout=timedelta(hours=1),
        )
    run = Run(recipe, read_topics(), out, worker)
    run.resume()
    diary = Diary(run, save_every_s)
    while run.step < recipe.steps:
        log = run.advance()
        if worker == 0:
            diary.note(log)


def train(recipe: Recipe, out: Path, save_every_s: float) -> None:
    """Run to the end, or go on where a run of the same recipe stopped."""
    out.mkdir(parents=True, exist_ok=True)
    if not (out / "tokenizer.json").exists():
        vocabulary.train(corpus_texts(read_topics())).save(str(out / "tokenizer.json"))
    (out / "meeting").unlink(missing_ok=True)
    multiprocessing.spawn(work, (recipe, out, save_every_s), nprocs=recipe.workers)


def main() -> None:
    """The command line: every field of the recipe is an option."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE.parent / "build" / "guide")
    parser.add_argument("--to", type=Path, default=DESTINATION, help="where the guide is exported")
    parser.add_argument("--save-every-s", type=float, default=180)
    for name, value in asdict(Recipe()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    options = vars(parser.parse_args())
    out, to, save_every_s = (options.pop(name) for name in ("out", "to", "save_every_s"))
    train(Recipe(**options), out, save_every_s)
    export(out, to)


if __name__ == "__main__":
    main()
