"""What fixes a training run, and how its rates go."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """What fixes a run."""

    reading: int = 1450  # steps on bare questions with the lower half of the layers alone
    reading_rows: int = 24
    steps: int = 2750  # in all
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
    workers: int = 2  # processes that share the rows of a step
    threads: int = 1  # of each process


def progress(step: int, recipe: Recipe) -> float:
    """How much of the steps after reading is done; negative before."""
    return (step - recipe.reading) / (recipe.steps - recipe.reading)


def rate_at(step: int, recipe: Recipe) -> float:
    """Linear warm-up, level, then linear to nothing."""
    fall = (1 - progress(step, recipe)) / (1 - recipe.level)
    return min(1.0, (step + 1) / recipe.warmup, fall)
