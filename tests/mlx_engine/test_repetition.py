"""A turn that goes in circles is found; one that only looks alike is left alone."""

import itertools
from collections.abc import Iterable

import pytest

from mlx_engine.repetition import FEWEST_TOKENS, LONGEST_SPAN, RepetitionGuard


def caught_at(tokens: Iterable[int]) -> int | None:
    """How many tokens were taken when the guard spoke."""
    guard = RepetitionGuard()
    return next((n for n, token in enumerate(tokens, start=1) if guard.feed(token)), None)


@pytest.mark.parametrize("span", [1, 2, 7, 100, 128])
def test_a_short_span_is_stopped_once_it_fills_the_limit(span: int) -> None:
    assert caught_at(itertools.islice(itertools.cycle(range(span)), 2000)) == FEWEST_TOKENS


@pytest.mark.parametrize("span", [129, 500, LONGEST_SPAN])
def test_a_long_span_is_stopped_after_four_times(span: int) -> None:
    assert caught_at(itertools.islice(itertools.cycle(range(span)), 9000)) == 4 * span


def test_what_came_before_does_not_matter() -> None:
    story = [n * n % 9973 for n in range(3000)]
    assert caught_at(story + [1, 2, 3] * 1000) == 3000 + FEWEST_TOKENS


def test_a_table_whose_rows_differ_somewhere_is_left_alone() -> None:
    row = [5, 6, 7, 8, 9, 10, 11, 12]
    assert caught_at(t for n in range(1000) for t in [*row, 100 + n]) is None


def test_code_that_repeats_with_a_change_now_and_then_is_left_alone() -> None:
    block = list(range(60))
    assert caught_at(t for n in range(100) for t in [*(block * 3), 1000 + n]) is None


def test_a_rule_of_dashes_is_left_alone() -> None:
    assert caught_at([*range(50), *[7] * 400, *range(50)]) is None


def test_three_copies_of_a_long_passage_are_left_alone() -> None:
    assert caught_at(list(range(700)) * 3) is None


def test_a_span_longer_than_it_looks_back_is_left_alone() -> None:
    assert caught_at(list(range(LONGEST_SPAN + 1)) * 5) is None
