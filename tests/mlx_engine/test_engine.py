"""Turns with a real, tiny model: what is reused, counted, refused, and in what order it is told."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlx_engine import memory
from mlx_engine.config import ModelConfig
from mlx_engine.control import Turn
from mlx_engine.engine import Engine
from mlx_engine.errors import (
    BadRequest,
    CheckpointError,
    ContextOverflow,
    ModelNotFound,
    OutOfMemory,
)
from mlx_engine.protocol import (
    Count,
    Counted,
    Delta,
    Done,
    Event,
    Generate,
    ListModels,
    Load,
    Loading,
    MessageDone,
    ModelInfo,
    ModelList,
    Prefill,
    Ready,
    Sampling,
    Stats,
    StatsReport,
    Unload,
    Unloaded,
)
from mlx_engine.resources import resource_path
from tests.checkpoints import write_tiny_checkpoint
from tests.endless import write_endless_checkpoint

Message = dict[str, Any]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_endless_checkpoint(tmp_path_factory.mktemp("models") / "endless")


class Session:
    """An engine and all that it said."""

    def __init__(self, folder: Path | None = None, context: int | None = None) -> None:
        self.events: list[Event] = []
        self.engine = Engine(self.events.append)
        if folder is not None:
            self.load(folder, context)

    def load(self, folder: Path, context: int | None = None) -> ModelInfo:
        self.engine.handle(Load("load", str(folder), context))
        ready = self.events[-1]
        assert isinstance(ready, Ready)
        return ready.model

    def turn(
        self,
        *messages: Message,
        sampling: Sampling | None = None,
        max_tokens: int | None = 12,
        turn: Turn | None = None,
    ) -> list[Event]:
        """The events of one turn."""
        before = len(self.events)
        conversation = {"messages": list(messages)}
        request = Generate("turn", conversation, sampling or Sampling(seed=3), max_tokens)
        self.engine.handle(request, turn)
        return self.events[before:]

    def done(self, *messages: Message, **options: Any) -> Done:
        done = self.turn(*messages, **options)[-1]
        assert isinstance(done, Done)
        return done

    def count(self, *messages: Message) -> int:
        self.engine.handle(Count("count", {"messages": list(messages)}))
        counted = self.events[-1]
        assert isinstance(counted, Counted)
        return counted.tokens

    def stats(self) -> StatsReport:
        self.engine.handle(Stats("stats"))
        report = self.events[-1]
        assert isinstance(report, StatsReport)
        return report


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def assistant(text: str, channel: str = "final") -> Message:
    return {"role": "assistant", "channel": channel, "content": text}


LONG = "A long question with many words in it, so that there is something worth keeping. " * 5


# Loading -----------------------------------------------------------------------------------------


def test_loading_reports_progress_and_then_the_model(tiny: Path) -> None:
    *progress, ready = Session(tiny).events
    shares = [event.progress for event in progress if isinstance(event, Loading)]
    assert shares and shares == sorted(shares) and shares[-1] == 1.0
    assert len(shares) == len(progress)
    assert isinstance(ready, Ready)
    model = ready.model
    assert (model.name, model.path, model.is_guide) == ("tiny", str(tiny), False)
    assert (model.layers, model.experts, model.vocabulary) == (4, 4, 320)
    assert model.context == 131_072
    assert 300_000 < model.checkpoint_bytes < 500_000


def test_the_guide_is_known_as_such() -> None:
    session = Session()
    session.engine.handle(Load("1", "guide"))
    ready = session.events[-1]
    assert isinstance(ready, Ready)
    assert (ready.model.name, ready.model.is_guide) == ("Guide", True)
    assert ready.model.path == str(resource_path("guide"))


def test_a_model_that_is_refused_leaves_the_one_that_is_loaded(tiny: Path, tmp_path: Path) -> None:
    session = Session(tiny)
    broken = write_tiny_checkpoint(tmp_path / "broken")
    next(broken.glob("*.safetensors")).write_bytes(b"")
    with pytest.raises(ModelNotFound):
        session.engine.handle(Load("2", str(tmp_path / "nowhere")))
    with pytest.raises(CheckpointError):
        session.engine.handle(Load("3", str(broken)))
    with pytest.raises(BadRequest):
        session.engine.handle(Load("4", str(tiny), context=0))
    assert session.done(user("Hi")).stop == "length"


def test_the_same_model_again_is_ready_at_once_and_keeps_its_caches(tiny: Path) -> None:
    session = Session(tiny)
    session.done(user(LONG))
    before = len(session.events)
    session.engine.handle(Load("again", str(tiny)))
    (ready,) = session.events[before:]
    assert isinstance(ready, Ready) and ready.id == "again"
    assert session.done(user(LONG)).usage.cached_tokens > 100


def test_a_model_whose_files_changed_is_loaded_again(tmp_path: Path) -> None:
    folder = write_tiny_checkpoint(tmp_path / "model")
    session = Session(folder)
    greedy = Sampling(temperature=0)
    before = session.turn(user(LONG), sampling=greedy)[:-1]
    write_tiny_checkpoint(folder, seed=1)
    assert session.load(folder).context == 131_072
    assert session.turn(user(LONG), sampling=greedy)[:-1] != before


def test_another_context_needs_no_other_weights(tiny: Path) -> None:
    session = Session(tiny)
    session.done(user(LONG))
    before = len(session.events)
    assert session.load(tiny, context=2000).context == 2000
    assert session.done(user(LONG)).usage.cached_tokens > 100
    assert session.load(tiny, context=100).context == 100
    assert session.load(tiny).context == 131_072
    assert session.done(user(LONG)).usage.cached_tokens == 0  # 100 tokens hold no more of it
    assert not any(isinstance(event, Loading) for event in session.events[before:])


def leave_free(monkeypatch: pytest.MonkeyPatch, free_bytes: int) -> None:
    """Other apps leave no more memory than this."""
    starved = replace(memory.device(), free_bytes=free_bytes)
    monkeypatch.setattr(memory, "device", lambda held_bytes=0: starved)


def test_a_context_that_was_cut_grows_with_the_free_memory(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ModelConfig.read(tiny)
    whole = memory.plan(config, 400_000, memory.device(), name="tiny").total_bytes
    with monkeypatch.context() as scarce:
        leave_free(scarce, whole - 100_000 * memory.cache_bytes_per_token(config))
        session = Session()
        cut = session.load(tiny).context
        assert 4096 < cut < 40_000
        leave_free(scarce, 1000)
        assert session.load(tiny).context == cut  # it holds already what it needs
        with pytest.raises(OutOfMemory):
            session.load(tiny, context=50_000)
    session.done(user(LONG))
    assert session.load(tiny).context == 131_072
    assert session.done(user(LONG)).usage.cached_tokens > 100


def test_another_model_takes_the_place_of_the_loaded_one(tiny: Path, endless: Path) -> None:
    session = Session(tiny)
    session.done(user(LONG))
    session.engine.handle(Load("2", str(endless)))
    assert session.done(user(LONG)).usage.cached_tokens == 0
    model = session.stats().model
    assert model is not None and model.name == "endless"


def test_unloading_gives_the_memory_back(tiny: Path) -> None:
    session = Session(tiny)
    session.done(user(LONG))
    held = session.stats()
    session.engine.handle(Unload("2"))
    assert session.events[-1] == Unloaded("2")
    empty = session.stats()
    assert empty.model is None
    assert empty.cache_bytes == 0
    assert empty.active_bytes < held.active_bytes - 300_000


def test_nothing_works_without_a_model() -> None:
    session = Session()
    with pytest.raises(BadRequest, match="model menu"):
        session.turn(user("Hi"))
    with pytest.raises(BadRequest, match="model menu"):
        session.count(user("Hi"))
    assert session.stats().model is None


def test_the_models_are_listed_with_where_they_lie(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--openai--gpt-oss-20b" / "snapshots" / "c0ffee"
    write_tiny_checkpoint(snapshot)
    session = Session()
    session.engine.handle(ListModels("1"))
    listed = session.events[-1]
    assert isinstance(listed, ModelList)
    guide, small, large = listed.models
    assert [choice.key for choice in listed.models] == ["guide", "20b", "120b"]
    assert guide.path is not None and guide.fits
    assert (small.name, small.path) == ("gpt-oss-20b", str(snapshot))
    assert small.checkpoint_bytes < 500_000
    assert (large.name, large.path) == ("gpt-oss-120b", None)
    assert large.checkpoint_bytes == 65_248_815_744
    assert large.fits == memory.fits(large.checkpoint_bytes, memory.device())


# Turns -------------------------------------------------------------------------------------------


def test_a_turn_is_told_from_reading_to_its_end(tiny: Path) -> None:
    session = Session(tiny)
    events = session.turn(user(LONG), max_tokens=40)
    kinds = [type(event) for event in events]
    assert kinds[0] is Prefill
    assert kinds.count(Done) == 1 and kinds[-1] is Done
    reading = [event for event in events if isinstance(event, Prefill)]
    assert kinds[: len(reading)] == [Prefill] * len(reading)
    total = session.count(user(LONG))
    assert {(r.total, r.cached) for r in reading} == {(total, 0)}
    places = [r.done for r in reading]
    assert places == sorted(places) and (places[0], places[-1]) == (0, total)
    done = events[-1]
    assert isinstance(done, Done)
    assert done.usage.prompt_tokens == total
    assert done.usage.completion_tokens <= 40
    assert done.timing.load_s > 0 and done.timing.first_token_s > 0
    assert done.timing.prefill_tokens_per_s > 0 and done.timing.decode_tokens_per_s > 0
    assert done.memory.peak_bytes > done.memory.cache_bytes > 0


@pytest.mark.parametrize("seed", range(4))
def test_the_pieces_of_each_message_add_up_to_it(tiny: Path, seed: int) -> None:
    events = Session(tiny).turn(user("Hi"), sampling=Sampling(seed=seed), max_tokens=150)
    text = ""
    for event in events:
        if isinstance(event, Delta):
            text += event.text
        elif isinstance(event, MessageDone):
            assert event.message["content"] == text
            assert "<|" not in text
            text = ""
    assert text == ""


def test_the_same_seed_says_the_same(tiny: Path) -> None:
    def said(seed: int) -> list[Event]:
        return Session(tiny).turn(user("Hi"), sampling=Sampling(seed=seed), max_tokens=60)[:-1]

    assert said(1) == said(1)
    assert said(1) != said(2)


def test_a_follow_up_reads_only_what_is_new(tiny: Path) -> None:
    session = Session(tiny)
    first = user(LONG)
    session.done(first, max_tokens=30)
    conversation = (first, assistant("Hm.", "analysis"), assistant("An answer."), user("And then?"))
    events = session.turn(*conversation)
    done = events[-1]
    assert isinstance(done, Done)
    # All of the first prompt but the word "assistant" that opened the turn.
    held = session.count(first)
    assert held - 10 <= done.usage.cached_tokens <= held
    fresh = done.usage.prompt_tokens - done.usage.cached_tokens
    assert fresh < 60
    first_event = events[0]
    assert isinstance(first_event, Prefill)
    assert first_event.done == first_event.cached == done.usage.cached_tokens


def test_an_edited_or_repeated_question_reads_only_what_changed(tiny: Path) -> None:
    session = Session(tiny)
    start = (user(LONG), assistant("An answer."))
    session.done(*start, user("And then?"), max_tokens=30)
    before = session.count(*start)
    edited = session.done(*start, user("And how?"), max_tokens=30)
    assert edited.usage.cached_tokens >= before - 10
    repeated = session.done(*start, user("And how?"), max_tokens=30)
    assert repeated.usage.cached_tokens == repeated.usage.prompt_tokens - 1


def test_reuse_changes_nothing_that_is_said(tiny: Path) -> None:
    conversation = (user(LONG), assistant("An answer."), user("And then?"))
    greedy = Sampling(temperature=0)
    session = Session(tiny)
    session.done(user(LONG), max_tokens=30)
    reused = session.turn(*conversation, sampling=greedy)
    fresh = Session(tiny).turn(*conversation, sampling=greedy)
    assert isinstance(reused[-1], Done) and reused[-1].usage.cached_tokens > 100
    assert [e for e in reused if isinstance(e, Delta | MessageDone)] == [
        e for e in fresh if isinstance(e, Delta | MessageDone)
    ]


def test_a_prompt_beyond_the_context_is_refused_with_both_numbers(tiny: Path) -> None:
    session = Session(tiny, context=50)
    total = session.count(user(LONG))
    before = len(session.events)
    with pytest.raises(ContextOverflow) as raised:
        session.turn(user(LONG))
    assert f"{total:,}" in str(raised.value) and "50" in str(raised.value)
    assert len(session.events) == before
    assert session.done(user("Hi")).usage.prompt_tokens < 50


def test_a_full_context_ends_the_turn_and_says_so(endless: Path) -> None:
    session = Session(endless, context=60)
    done = session.done(user("Hi"), max_tokens=None)
    assert done.stop == "context"
    assert done.usage.prompt_tokens + done.usage.completion_tokens == 60


def test_a_prompt_beyond_free_memory_is_refused(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(tiny)
    leave_free(monkeypatch, 1000)
    with pytest.raises(OutOfMemory, match="Close other apps"):
        session.turn(user(LONG))


def test_snapshots_are_no_room_for_a_prompt(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(tiny)
    session.turn(user("Hi"))
    loaded = session.engine._loaded
    assert loaded is not None
    keys_and_values, snapshots = loaded.cache.layers.nbytes, loaded.cache.nbytes
    snapshots -= keys_and_values
    assert snapshots > 100_000
    config = loaded.model.config
    plan = memory.plan(config, 0, memory.device(), name="tiny")
    leave_free(monkeypatch, plan.working_bytes - memory._PROCESS_BYTES + snapshots // 4)
    beyond = (keys_and_values + snapshots // 2) // memory.cache_bytes_per_token(config)
    assert beyond < session.count(user("z" * beyond)) < beyond + 50
    with pytest.raises(OutOfMemory):
        session.turn(user("z" * beyond))


def test_an_empty_conversation_is_refused(tiny: Path) -> None:
    with pytest.raises(BadRequest, match="nothing to answer"):
        Session(tiny).turn()


def test_a_cancelled_turn_keeps_what_it_said(endless: Path) -> None:
    turn = Turn()
    turn.answer_now()  # so that text comes at once
    said: list[Event] = []

    def listen(event: Event) -> None:
        said.append(event)
        if isinstance(event, Delta) and sum(isinstance(e, Delta) for e in said) == 5:
            turn.cancel()

    engine = Engine(listen)
    engine.handle(Load("1", str(endless)))
    engine.handle(Generate("2", {"messages": [user("Hi")]}, Sampling(seed=1)), turn)
    *_, message, done = said
    assert isinstance(done, Done) and done.stop == "cancel"
    assert isinstance(message, MessageDone)
    deltas = [event.text for event in said if isinstance(event, Delta)]
    assert message.message["content"] == "".join(deltas)


def test_after_an_error_a_turn_starts_afresh(tiny: Path) -> None:
    session = Session(tiny)
    session.done(user(LONG))
    session.engine.forget()
    assert session.done(user(LONG)).usage.cached_tokens == 0
