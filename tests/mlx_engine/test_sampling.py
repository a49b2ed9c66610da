"""Tokens are drawn as the settings say, and the same ones for the same seed."""

import math
from collections import Counter
from typing import Any

import mlx.core as mx
import pytest

from mlx_engine.errors import BadRequest
from mlx_engine.protocol import Sampling
from mlx_engine.sampling import Sampler

# 1/2, 1/4, 1/8, 1/16, 1/16, and one that is impossible
LOGITS = mx.array([[-1.0, -2.0, -3.0, -4.0, -4.0, -math.inf]]) * math.log(2)


def drawn(count: int = 2000, **settings: Any) -> Counter[int]:
    sampler = Sampler(Sampling(**{"seed": 1} | settings))
    tokens = sampler(mx.broadcast_to(LOGITS, (count, LOGITS.shape[1])))
    return Counter(tokens.tolist())  # type: ignore[arg-type]


def test_temperature_one_draws_by_probability() -> None:
    counts = drawn()
    assert set(counts) == {0, 1, 2, 3, 4}
    assert counts[0] == pytest.approx(1000, abs=100)
    assert counts[1] == pytest.approx(500, abs=90)


def test_zero_is_greedy() -> None:
    assert drawn(20, temperature=0, seed=None) == {0: 20}


@pytest.mark.parametrize("temperature", [1e-39, 5e-324])
def test_the_smallest_temperatures_are_greedy(temperature: float) -> None:
    logits = mx.broadcast_to(mx.array([1.0, 2.0, 4.0, 3.0]), (20, 4))
    drawn = Sampler(Sampling(temperature=temperature, seed=1))(logits)
    assert drawn.tolist() == [2] * 20


def test_temperature_flattens_and_sharpens() -> None:
    assert drawn(temperature=0.25)[0] > 1800
    assert drawn(temperature=50)[0] == pytest.approx(400, abs=80)


@pytest.mark.parametrize(("top_k", "kept"), [(1, {0}), (2, {0, 1}), (6, {0, 1, 2, 3, 4})])
def test_top_k_keeps_the_likeliest(top_k: int, kept: set[int]) -> None:
    assert set(drawn(top_k=top_k)) == kept


@pytest.mark.parametrize(
    ("top_p", "kept"),
    [(1e-9, {0}), (0.49, {0}), (0.51, {0, 1}), (0.76, {0, 1, 2}), (0.999, {0, 1, 2, 3, 4})],
)
def test_top_p_keeps_the_fewest_that_hold_it(top_p: float, kept: set[int]) -> None:
    assert set(drawn(top_p=top_p)) == kept


@pytest.mark.parametrize("top_p", [1e-7, 1e-300])
def test_the_smallest_top_p_leaves_the_likeliest_of_a_large_vocabulary(top_p: float) -> None:
    logits = mx.random.normal((1, 200_000), key=mx.random.key(1))
    drawn = Sampler(Sampling(top_p=top_p, seed=1))(logits)
    assert drawn.item() == mx.argmax(logits).item()


@pytest.mark.parametrize(("min_p", "kept"), [(1.0, {0}), (0.49, {0, 1}), (0.2, {0, 1, 2})])
def test_min_p_is_relative_to_the_likeliest(min_p: float, kept: set[int]) -> None:
    assert set(drawn(min_p=min_p)) == kept


def test_filters_apply_to_what_the_ones_before_kept() -> None:
    # Of the first three, 4/7 + 2/7 hold 0.8, where of all five 1/2 + 1/4 would not.
    assert set(drawn(top_k=3, top_p=0.8)) == {0, 1}
    assert set(drawn(top_p=0.8)) == {0, 1, 2}


def test_a_seed_draws_the_same_tokens_again() -> None:
    logits = mx.zeros((1, 5000))
    a, b, c, d = (Sampler(Sampling(seed=seed)) for seed in (7, 7, 8, 7 + (1 << 32)))
    first, same, other, high = (
        [int(sampler(logits).item()) for _ in range(20)]  # type: ignore[arg-type]
        for sampler in (a, b, c, d)
    )
    assert first == same
    assert len({tuple(first), tuple(other), tuple(high)}) == 3


def test_without_a_seed_draws_differ() -> None:
    logits = mx.zeros((1, 5000))
    a, b = Sampler(Sampling()), Sampler(Sampling())
    assert [a(logits).item() for _ in range(20)] != [b(logits).item() for _ in range(20)]


@pytest.mark.parametrize(
    "setting",
    [
        {"temperature": -0.1},
        {"temperature": math.nan},
        {"temperature": math.inf},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"top_p": math.nan},
        {"top_k": -1},
        {"min_p": -0.1},
        {"min_p": 2.0},
        {"seed": -1},
        {"seed": 1 << 64},
    ],
)
def test_refuses_what_makes_no_sense(setting: dict[str, Any]) -> None:
    (name,) = setting
    with pytest.raises(BadRequest, match=name):
        Sampler(Sampling(**setting))
