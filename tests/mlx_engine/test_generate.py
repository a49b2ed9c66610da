"""A turn: what it yields, why it stops, what the next one need not read again."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from mlx_engine import repetition
from mlx_engine.cache import KeyValueCache, PromptCache
from mlx_engine.checkpoint import Checkpoint
from mlx_engine.control import Control
from mlx_engine.errors import BadRequest, ContextOverflow
from mlx_engine.generate import Finished, PrefillProgress, Step, Token, generate
from mlx_engine.kernels import PLAIN
from mlx_engine.model import Model
from mlx_engine.protocol import Sampling

GREEDY = Sampling(temperature=0)
START = 316  # as in tests.checkpoints: <|start|>


@dataclass
class Turn:
    """All that a turn yielded."""

    progress: list[PrefillProgress] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    finished: Finished | None = None

    @property
    def ids(self) -> list[int]:
        return [token.id for token in self.tokens]

    @property
    def end(self) -> Finished:
        assert self.finished is not None
        return self.finished


def steps(
    model: Model, prompt: Sequence[int], cache: PromptCache | None = None, **options: Any
) -> Iterator[Step]:
    settings: dict[str, Any] = {
        "sampling": GREEDY,
        "stops": {},
        "context": 4096,
        "max_tokens": 12,
        "marks": [place for place, token in enumerate(prompt) if token == START],
    }
    held = cache or PromptCache(model.config, model.dtype)
    return generate(model, held, prompt, **(settings | options))


def run(
    model: Model, prompt: Sequence[int], cache: PromptCache | None = None, **options: Any
) -> Turn:
    turn = Turn()
    for step in steps(model, prompt, cache, **options):
        assert turn.finished is None
        match step:
            case PrefillProgress():
                assert not turn.tokens
                turn.progress.append(step)
            case Token():
                turn.tokens.append(step)
            case Finished():
                turn.finished = step
    assert turn.end.completion_tokens == len(turn.tokens)
    assert turn.end.prompt_tokens == len(prompt)
    return turn


def message(seed: int, length: int) -> list[int]:
    """A message: its opening token and some others."""
    rng = np.random.default_rng(seed)
    return [START, *(int(token) for token in rng.integers(0, 300, length - 1))]


def logits_after(model: Model, cache: PromptCache, prompt: list[int]) -> mx.array:
    reused = cache.reuse(prompt)
    return model(mx.array(prompt[reused:]), cache.layers, last=1)


def fresh_logits(model: Model, prompt: list[int]) -> mx.array:
    return model(mx.array(prompt), KeyValueCache(model.config, model.dtype), last=1)


def same(a: mx.array, b: mx.array) -> bool:
    spread = float(mx.std(b).item())  # type: ignore[arg-type]
    return bool(mx.allclose(a, b, rtol=0, atol=2e-5 * spread))


def test_greedy_takes_the_likeliest_each_time(tiny_model: Model) -> None:
    prompt = message(1, 40)
    turn = run(tiny_model, prompt)
    best = tiny_model(
        mx.array(prompt + turn.ids[:-1]), KeyValueCache(tiny_model.config, mx.float32), last=12
    ).argmax(axis=-1)
    assert turn.ids == best.tolist()


def test_the_same_seed_gives_the_same_text_in_any_chunks(tiny_model: Model) -> None:
    prompt = message(2, 100)
    first, again, other = (
        run(tiny_model, prompt, sampling=Sampling(seed=seed), chunk=chunk).ids
        for seed, chunk in ((5, 100), (5, 33), (6, 100))
    )
    assert first == again
    assert first != other


def test_progress_counts_the_prompt_chunk_by_chunk(tiny_model: Model) -> None:
    turn = run(tiny_model, message(3, 100), chunk=30)
    assert [p.done for p in turn.progress] == [0, 30, 60, 90, 100]
    assert {(p.total, p.cached) for p in turn.progress} == {(100, 0)}


def test_times_are_told(tiny_model: Model) -> None:
    end = run(tiny_model, message(3, 50)).end
    assert end.prefill_s > 0
    assert end.decode_s > 0
    assert end.prefill_tokens_per_s == pytest.approx(50 / end.prefill_s)
    assert end.decode_tokens_per_s == pytest.approx(11 / end.decode_s)


def test_stops_at_a_stop_token_and_yields_it(tiny_model: Model) -> None:
    prompt = message(4, 30)
    ids = run(tiny_model, prompt, sampling=Sampling(seed=1)).ids
    stop = ids[5]
    turn = run(tiny_model, prompt, sampling=Sampling(seed=1), stops={stop: "call"})
    assert turn.ids == ids[: ids.index(stop) + 1]
    assert turn.end.reason == "call"


@pytest.mark.parametrize("most", [0, 1, 2, 7])
def test_stops_at_the_length_asked_for(tiny_model: Model, most: int) -> None:
    turn = run(tiny_model, message(5, 30), max_tokens=most)
    assert (len(turn.ids), turn.end.reason) == (most, "length")


def test_stops_when_the_context_is_full(tiny_model: Model) -> None:
    turn = run(tiny_model, message(5, 30), context=35, max_tokens=None)
    assert (len(turn.ids), turn.end.reason) == (5, "context")
    assert run(tiny_model, message(5, 30), context=35, max_tokens=5).end.reason == "context"


def test_the_length_limit_says_nothing_of_a_stop_token_on_it(tiny_model: Model) -> None:
    last = run(tiny_model, message(5, 30), sampling=Sampling(seed=3)).ids
    stop = next(token for token in last if last.count(token) == 1)
    most = last.index(stop) + 1
    turn = run(
        tiny_model,
        message(5, 30),
        sampling=Sampling(seed=3),
        max_tokens=most,
        stops={stop: "return"},
    )
    assert turn.end.reason == "return"


@pytest.mark.parametrize("context", [1, 29, 30])
def test_a_prompt_that_leaves_no_room_is_refused(tiny_model: Model, context: int) -> None:
    with pytest.raises(ContextOverflow, match=f"30 tokens and the context holds {context}"):
        steps(tiny_model, message(6, 30), context=context)


@pytest.mark.parametrize(("context", "remedy"), [(4096, "raise the context"), (131_072, "shorten")])
def test_a_context_is_to_be_raised_only_where_it_can_be(
    tiny_model: Model, context: int, remedy: str
) -> None:
    with pytest.raises(ContextOverflow, match=f"140,000 tokens .* {context:,}") as raised:
        steps(tiny_model, [1] * 140_000, context=context)
    assert remedy in str(raised.value)
    assert ("raise" in str(raised.value)) is (context == 4096)


def test_senseless_requests_are_refused_at_once(tiny_model: Model) -> None:
    with pytest.raises(BadRequest, match="empty"):
        steps(tiny_model, [])
    with pytest.raises(BadRequest, match="max_tokens"):
        steps(tiny_model, [1], max_tokens=-1)
    with pytest.raises(BadRequest, match="temperature"):
        steps(tiny_model, [1], sampling=Sampling(temperature=-1))


def looping_model(folder: Path) -> Model:
    """Layers that add nothing, and scores by likeness: every token is followed by itself."""
    opened = Checkpoint.open(folder)
    weights = dict(opened.weights)
    for name, array in weights.items():
        if ".o_proj." in name or "down_proj_scales" in name or "down_proj_bias" in name:
            weights[name] = mx.zeros_like(array)
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    return Model(opened.config, weights, mx.float32, PLAIN)


def test_stops_when_the_turn_goes_in_circles(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repetition, "FEWEST_TOKENS", 50)
    turn = run(looping_model(tiny_folder), [1, 2, 3], max_tokens=2000)
    assert turn.end.reason == "repetition"
    assert turn.ids == [3] * 50


def test_cancel_between_two_chunks(tiny_model: Model) -> None:
    control, cache = Control(), PromptCache(tiny_model.config, mx.float32)
    prompt = message(7, 100)
    turn = Turn()
    for step in steps(tiny_model, prompt, cache, chunk=20, control=control):
        if isinstance(step, PrefillProgress) and step.done == 40:
            control.cancel()
        if isinstance(step, Finished):
            turn.finished = step
    assert (turn.end.reason, turn.end.completion_tokens) == ("cancel", 0)
    assert turn.end.decode_s == 0
    assert turn.end.prefill_tokens_per_s == pytest.approx(40 / turn.end.prefill_s)
    assert cache.match(prompt) == 40


def test_cancel_between_two_tokens_from_another_thread(tiny_model: Model) -> None:
    control = Control()
    count = 0
    end = None
    for step in steps(tiny_model, message(8, 20), max_tokens=None, control=control):
        count += isinstance(step, Token)
        if count == 5:
            thread = threading.Thread(target=control.cancel)
            thread.start()
            thread.join()
        end = step
    assert isinstance(end, Finished)
    assert (end.reason, end.completion_tokens) == ("cancel", 5)


def test_forced_tokens_go_in_between_two_tokens(tiny_model: Model) -> None:
    prompt, forced = message(9, 30), [START, 7, 8, 9]
    control, turn = Control(), Turn()
    for step in steps(tiny_model, prompt, control=control, max_tokens=20):
        if isinstance(step, Token):
            turn.tokens.append(step)
            if len(turn.tokens) == 5:
                control.force(forced)
    assert turn.ids[:5] == run(tiny_model, prompt, max_tokens=5).ids
    assert turn.tokens[5:9] == [Token(token, forced=True) for token in forced]
    assert turn.ids[9:] == run(tiny_model, prompt + turn.ids[:9], max_tokens=11).ids
    assert not any(token.forced for token in turn.tokens[9:])


def test_tokens_forced_during_prefill_open_the_turn(tiny_model: Model) -> None:
    control = Control()
    control.force([5])
    control.force([6, 7])
    turn = run(tiny_model, message(9, 30), control=control)
    assert turn.ids[:3] == [5, 6, 7]
    assert turn.ids[3:] == run(tiny_model, [*message(9, 30), 5, 6, 7], max_tokens=9).ids


def test_forced_tokens_stay_within_the_limit(tiny_model: Model) -> None:
    control = Control()
    control.force(range(50))
    turn = run(tiny_model, message(9, 30), control=control, context=40, max_tokens=None)
    assert turn.ids == list(range(10))
    assert turn.end.reason == "context"


def test_the_next_turn_reads_only_what_is_new(tiny_model: Model) -> None:
    """The first turn's reasoning leaves the prompt; all up to the turn's own start is kept."""
    cache = PromptCache(tiny_model.config, mx.float32)
    system, question, opening = message(1, 90), message(2, 60), [START, 11]
    run(tiny_model, system + question + opening, cache, max_tokens=200)
    answer, follow_up = [START, 11, *message(3, 30)[1:]], message(4, 20)
    prompt = system + question + answer + follow_up + opening
    turn = run(tiny_model, prompt, cache)
    assert turn.end.cached_tokens >= len(system + question)
    assert turn.ids == run(tiny_model, prompt).ids
    assert same(logits_after(tiny_model, cache, prompt), fresh_logits(tiny_model, prompt))


def test_an_edited_message_keeps_all_before_it(tiny_model: Model) -> None:
    cache = PromptCache(tiny_model.config, mx.float32)
    talk = [message(seed, 70) for seed in range(5)]
    run(tiny_model, list(chain(*talk)), cache, max_tokens=50)
    prompt = [*talk[0], *talk[1], *talk[2][:30], 1, 2, 3]
    assert cache.match(prompt) >= 140
    turn = run(tiny_model, prompt, cache)
    assert turn.end.cached_tokens == turn.progress[0].cached == turn.progress[0].done >= 140
    assert turn.ids == run(tiny_model, prompt).ids


def test_regenerating_reads_the_last_message_alone(tiny_model: Model) -> None:
    cache = PromptCache(tiny_model.config, mx.float32)
    prompt = [*message(1, 200), START, 11]
    first = run(tiny_model, prompt, cache, max_tokens=100)
    again = run(tiny_model, prompt, cache, max_tokens=100)
    assert again.end.cached_tokens == 200
    assert again.ids == first.ids


def test_a_tool_result_goes_on_from_where_the_turn_stopped(tiny_model: Model) -> None:
    cache = PromptCache(tiny_model.config, mx.float32)
    prompt = message(1, 200)
    ids = run(tiny_model, prompt, cache, sampling=Sampling(seed=1), max_tokens=40).ids
    stop = ids[30]
    stopped = run(tiny_model, prompt, cache, sampling=Sampling(seed=1), stops={stop: "call"})
    result = prompt + stopped.ids + message(2, 10)
    turn = run(tiny_model, result, cache)
    assert turn.end.cached_tokens == len(prompt + stopped.ids) - (stopped.end.reason == "length")
    assert turn.ids == run(tiny_model, result).ids


def test_a_turn_cut_off_by_its_length_can_be_continued(tiny_model: Model) -> None:
    cache = PromptCache(tiny_model.config, mx.float32)
    prompt = message(1, 50)
    first = run(tiny_model, prompt, cache, max_tokens=10)
    rest = run(tiny_model, prompt + first.ids, cache, max_tokens=10)
    assert rest.end.cached_tokens == 59
    assert first.ids + rest.ids == run(tiny_model, prompt, max_tokens=20).ids


@pytest.mark.parametrize("after", [1, 2, 4, 8])
def test_a_turn_abandoned_at_any_step_leaves_the_cache_whole(tiny_model: Model, after: int) -> None:
    cache = PromptCache(tiny_model.config, mx.float32)
    prompt = message(1, 60)
    running = steps(tiny_model, prompt, cache, chunk=20)
    for _ in range(after):
        next(running)
    running.close()  # type: ignore[attr-defined]
    assert run(tiny_model, prompt, cache).ids == run(tiny_model, prompt).ids


def test_a_failure_on_the_way_leaves_an_empty_cache(tiny_model: Model) -> None:
    class Failing(Control):
        def take_forced(self) -> tuple[int, ...]:
            raise MemoryError("no room on the device")

    cache = PromptCache(tiny_model.config, mx.float32)
    with pytest.raises(MemoryError):
        run(tiny_model, message(1, 60), cache, control=Failing())
    assert cache.match(message(1, 60)) == 0
    assert run(tiny_model, message(1, 60), cache).end.cached_tokens == 0
