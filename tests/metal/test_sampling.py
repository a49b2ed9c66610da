"""Sampling inside the unembedding: Gumbel noise draws tokens as often as softmax says."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mlx_engine.kernels.launch import Launch
from mlx_engine.metal_source import parse_kernel, read_kernel
from tests.metal.cases import dense
from tests.metal.cases.case import TINY
from tests.metal.cpu_route import run
from tests.metal.numbers import Real
from tests.metal.toolchain import Missing, cpu_compiler

pytestmark = pytest.mark.skipif(isinstance(cpu_compiler(), Missing), reason=str(cpu_compiler()))

NOISE = parse_kernel("gumbel_noise", Path(__file__).with_name("gumbel_noise.metal").read_text())


def noise_of(seeds: NDArray[np.uint32], tokens: int) -> Real:
    draws = len(seeds)
    launch = Launch((32 * draws, 1, 1), (32, 1, 1), {"TOKENS": tokens}, {"noise": (draws, tokens)})
    return run(NOISE, launch, {"seeds": seeds}).outputs["noise"].astype(np.float64)


@pytest.mark.parametrize("counter", ["low word", "high word"])
def test_draws_follow_the_softmax(counter: str) -> None:
    """Pearson's chi-squared over 40,000 draws; fails for one good generator in a million."""
    tokens, draws = 64, 40_000
    logits = 2 * np.random.default_rng(3).standard_normal(tokens)
    running, fixed = np.arange(draws), np.full(draws, 77)
    pair = (running, fixed) if counter == "low word" else (fixed, running)
    drawn = (logits + noise_of(np.stack(pair, 1).astype(np.uint32), tokens)).argmax(axis=1)
    expected = np.exp(logits - logits.max())
    expected *= draws / expected.sum()
    statistic = ((np.bincount(drawn, minlength=tokens) - expected) ** 2 / expected).sum()
    assert statistic < tokens - 1 + 6 * np.sqrt(2 * tokens)


def test_unlikely_tokens_are_drawn_too() -> None:
    """The tail of the noise: the largest of 2 million must lie near ln(2 million) = 14.5."""
    largest = noise_of(np.arange(64_000, dtype=np.uint32).reshape(-1, 2), 64).max()
    assert 12 < largest < 24


def test_unembed_adds_that_noise_at_its_temperature() -> None:
    case = dense.unembed(TINY)
    numbers = case.inputs["settings"].copy()
    numbers[1:3] = 0.7, 1.0
    seed = np.array([5, 6, *[0] * 6], np.uint32)
    inputs = {**case.inputs, "settings": numbers, "seed": seed}
    outputs = run(read_kernel("unembed"), case.launch, inputs).outputs
    noise = noise_of(seed[None, :2], TINY.vocabulary)[0]
    scores = 0.7 * outputs["logits"] + noise
    winner = outputs["best_token"][outputs["best_score"].argmax()]
    assert winner == scores.argmax()
    np.testing.assert_allclose(outputs["best_score"].max(), scores.max(), rtol=1e-5)
