"""What is held between turns is found again, and is exactly what a fresh run would hold."""

from collections.abc import Sequence

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlx_engine.cache import SPARE_SLOTS, KeyValueCache, PromptCache
from mlx_engine.config import ModelConfig
from tests.checkpoints import published_config

WINDOW = 6
SMALL = ModelConfig.from_json(
    published_config(
        "tiny", num_hidden_layers=2, sliding_window=WINDOW, num_key_value_heads=1, head_dim=2
    )
)
SLOTS = WINDOW + SPARE_SLOTS


def append(cache: KeyValueCache, tokens: Sequence[int]) -> None:
    """Append tokens whose keys are the token itself and whose values are where it stands.

    Checks on the way that each layer shows what its tokens may look at.
    """
    start, length = cache.offset, len(tokens)
    places = np.arange(start, start + length)
    fresh = np.stack([np.array(tokens), places]).reshape(2, 1, length, 1)
    chunk = mx.array(np.repeat(fresh, 2, axis=3).astype(np.float32))
    cache.begin(length)
    visible = np.array(cache.visible_slots())
    banded, full = (np.array(cache.append(layer, chunk))[1, 0, :, 0] for layer in (0, 1))
    assert full[: start + length].tolist() == list(range(start + length))
    if length == 1:
        seen = sorted(banded[visible].tolist())
        assert seen == list(range(max(0, start - WINDOW + 1), start + 1))
    else:
        known = min(start, WINDOW - 1)
        assert banded[WINDOW - known :].tolist() == list(range(start - known, start + length))
    cache.commit()


def extend(cache: PromptCache, prompt: Sequence[int], chunk: int, marks: Sequence[int]) -> int:
    """Reuse what is held of `prompt` and append the rest."""
    reused = cache.reuse(prompt)
    cache.mark(marks)
    for start in range(reused, len(prompt), chunk):
        piece = prompt[start : start + chunk]
        append(cache.layers, piece)
        cache.record(piece)
    cache.mark(())
    return reused


def small_cache(snapshots: int = 100) -> PromptCache:
    one = KeyValueCache(SMALL, mx.float32).snapshot_nbytes
    return PromptCache(SMALL, mx.float32, snapshot_bytes=snapshots * one)


@pytest.mark.parametrize("chunk", [1, 2, 5, WINDOW, SLOTS, SLOTS + 1, 200])
def test_every_token_sees_its_window_and_all_before_it(chunk: int) -> None:
    cache = small_cache()
    assert extend(cache, range(150), chunk, ()) == 0
    assert cache.layers.offset == 150


def test_the_last_tokens_can_be_taken_back_without_a_snapshot() -> None:
    for back in range(1, SPARE_SLOTS + 1):
        cache = small_cache()
        extend(cache, range(100), 100, ())
        changed = [*range(100 - back), *range(500, 510)]
        assert extend(cache, changed, 100, ()) == 100 - back


def test_further_back_needs_a_snapshot() -> None:
    cache = small_cache()
    extend(cache, range(100), 100, ())
    changed = [*range(50), *range(500, 510)]
    assert cache.match(changed) == 0
    assert extend(cache, changed, 100, ()) == 0


def test_the_nearest_snapshot_before_the_difference_is_used() -> None:
    cache = small_cache()
    extend(cache, range(150), 40, (20, 60, 110))
    changed = [*range(75), *range(500, 510)]
    assert extend(cache, changed, 40, ()) == 60
    assert cache.tokens == changed


def test_the_start_is_always_a_place_to_go_back_to() -> None:
    cache = small_cache()
    extend(cache, range(100), 100, ())
    assert extend(cache, range(500, 520), 100, ()) == 0


def test_a_prompt_that_is_held_whole_is_read_again_from_its_last_token() -> None:
    cache = small_cache()
    extend(cache, range(100), 100, ())
    assert cache.match(range(100)) == 99
    assert cache.match(range(90)) == 89
    assert extend(cache, range(100), 100, ()) == 99


def test_a_snapshot_survives_being_used() -> None:
    cache = small_cache()
    extend(cache, range(100), 100, (40,))
    for branch in range(3):
        changed = [*range(45), *range(1000 * branch, 1000 * branch + 60)]
        assert extend(cache, changed, 30, ()) == 40


def test_snapshots_beyond_the_difference_are_dropped() -> None:
    cache = small_cache()
    extend(cache, range(150), 150, (40, 80, 120))
    extend(cache, [*range(85), *range(500, 600)], 50, (170,))
    assert cache.snapshot_positions == [40, 80, 170]


def test_the_least_recently_used_snapshot_gives_way() -> None:
    cache = small_cache(snapshots=3)
    extend(cache, range(400), 400, (50, 100, 150))
    assert extend(cache, [*range(60), *range(900, 1200)], 400, ()) == 50  # uses the first
    assert cache.snapshot_positions == [50]
    extend(cache, [*range(60), *range(900, 1200), *range(200)], 400, (380, 400, 420))
    assert cache.snapshot_positions == [380, 400, 420]


def test_a_snapshot_just_used_gives_way_only_to_newer_ones() -> None:
    cache = small_cache(snapshots=2)
    extend(cache, range(100), 100, (20, 60))
    extend(cache, [*range(30), *range(900, 970)], 100, ())  # back to 20, which drops 60
    extend(cache, [*range(30), *range(900, 990)], 100, (110,))
    assert cache.snapshot_positions == [20, 110]
    assert extend(cache, [*range(30), *range(700, 800)], 100, (50, 90)) == 20
    assert cache.snapshot_positions == [50, 90]


def test_more_marks_than_fit_are_not_taken() -> None:
    cache = small_cache(snapshots=2)
    extend(cache, range(100), 30, range(10, 100, 10))
    assert cache.snapshot_positions == [80, 90]


def test_without_room_for_snapshots_none_is_taken() -> None:
    cache = small_cache(snapshots=0)
    extend(cache, range(100), 30, (50,))
    assert cache.snapshot_positions == []


def test_bytes_are_counted() -> None:
    cache = small_cache()
    empty = cache.nbytes
    extend(cache, range(100), 100, (50, 60))
    assert cache.nbytes >= empty + 2 * cache.layers.snapshot_nbytes + 100 * 2 * 2 * 4
    cache.clear()
    assert cache.nbytes == empty
    assert cache.match(range(100)) == 0


def test_a_long_conversation_gives_its_memory_back_to_a_short_one() -> None:
    cache = small_cache()
    extend(cache, range(40_000), 10_000, (50,))
    long = cache.nbytes
    extend(cache, [*range(60), *range(900, 1000)], 100, ())
    assert cache.nbytes < long / 4


def test_room_reserved_is_not_grown_again() -> None:
    cache = KeyValueCache(SMALL, mx.float32)
    cache.reserve(1000)
    before = cache.nbytes
    for _ in range(10):
        append(cache, range(100))
    assert cache.nbytes == before
    append(cache, [1])
    assert cache.nbytes > before


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 120),  # tokens kept of the last prompt
            st.integers(1, 90),  # tokens added
            st.integers(1, 70),  # chunk
            st.lists(st.integers(0, 200), max_size=4),  # marks
        ),
        max_size=6,
    )
)
def test_any_sequence_of_turns_shows_each_token_the_right_ones(
    turns: list[tuple[int, int, int, list[int]]],
) -> None:
    """`append` checks positions; here that reuse never claims what was not the same."""
    cache = small_cache(snapshots=4)
    prompt: list[int] = []
    for number, (kept, added, chunk, marks) in enumerate(turns):
        prompt = prompt[:kept] + [1000 * (number + 1) + n for n in range(added)]
        reused = extend(cache, prompt, chunk, marks)
        assert reused < len(prompt)
        assert cache.tokens == prompt
        held = np.array(cache.layers.arrays[1])[0, 0, : len(prompt), 0]
        assert held.tolist() == prompt
        assert all(place <= len(prompt) for place in cache.snapshot_positions)
        first = max(0, len(prompt) - WINDOW + 1)
        ring = np.array(cache.layers.arrays[0])[0, 0, :, 0]
        assert [ring[place % SLOTS] for place in range(first, len(prompt))] == prompt[first:]
