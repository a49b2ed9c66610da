"""A long document's state outlives the process, and is never taken for another's."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
from safetensors import safe_open

from mlx_engine.cache import KeyValueCache, PromptCache
from mlx_engine.control import Turn
from mlx_engine.engine import Engine
from mlx_engine.model import Model
from mlx_engine.protocol import Done, Event, Generate, Load, Prefill, Sampling
from mlx_engine.saved_states import LEAST_TOKENS, SavedStates, identity
from tests.checkpoints import write_tiny_checkpoint

PAGES = "\n".join(f"L{n}: Hive {n * n} stood by the water." for n in range(80)) + "\n\n"
TOKENS = [n * n % 300 for n in range(400)]
END = 380  # where the part to keep ends


def never() -> bool:
    return False


def always(share: float) -> bool:
    return True


# Files -------------------------------------------------------------------------------------------


def read(model: Model, tokens: list[int], mark: int, dtype: mx.Dtype = mx.float32) -> PromptCache:
    """A cache that holds `tokens`, with a snapshot at `mark`."""
    cache = PromptCache(model.config, dtype)
    cache.mark([mark])
    for start in range(0, len(tokens), 128):
        piece = tokens[start : start + 128]
        model(mx.array(piece), cache.layers, last=0)
        mx.eval(cache.layers.arrays)
        cache.record(piece)
    return cache


@pytest.fixture
def saved(tiny_model: Model, tmp_path: Path) -> SavedStates:
    """Holds the state of the first `END` of `TOKENS`."""
    states = SavedStates(tmp_path / "states", "this model")
    assert states.save(read(tiny_model, TOKENS, END), END, never)
    assert states.has(TOKENS[:END])
    return states


def only_file(tmp_path: Path) -> Path:
    (path,) = (tmp_path / "states").iterdir()
    return path


@pytest.mark.parametrize("end", [END, 100])  # more and fewer than a ring has slots
def test_what_comes_back_scores_as_if_it_had_just_been_read(
    tiny_model: Model, tmp_path: Path, end: int
) -> None:
    states = SavedStates(tmp_path / "states", "this model")
    states.save(read(tiny_model, TOKENS, end), end, never)
    cache = PromptCache(tiny_model.config, mx.float32)
    assert states.restore(cache, TOKENS[:end], 600, always)
    assert cache.tokens == TOKENS[:end] and cache.layers.capacity == 600
    rest = TOKENS[end : end + 20]
    assert cache.reuse(TOKENS[: end + 20]) == end
    fresh = tiny_model(mx.array(TOKENS[: end + 20]), KeyValueCache(tiny_model.config, mx.float32))
    again = tiny_model(mx.array(rest), cache.layers)
    cache.record(rest)
    assert mx.allclose(again, fresh[end:], atol=1e-4)
    for token in (7, 8):  # and one at a time, as an answer is written
        again = tiny_model(mx.array([token]), cache.layers)
        cache.record([token])
        fresh = tiny_model(mx.array(cache.tokens), KeyValueCache(tiny_model.config, mx.float32))
        assert mx.allclose(again[-1], fresh[-1], atol=1e-4)
    assert cache.match([*TOKENS[:end], 5, 5]) == end  # the next question finds it in memory


@pytest.mark.parametrize("dtype", [mx.float32, mx.bfloat16])
def test_every_bit_comes_back(tiny_model: Model, tmp_path: Path, dtype: mx.Dtype) -> None:
    states = SavedStates(tmp_path / "states", "this model")
    before = read(tiny_model, TOKENS, END, dtype)
    states.save(before, END, never)
    cache = PromptCache(tiny_model.config, dtype)
    assert states.restore(cache, TOKENS[:END], END, always)
    one, other = before.layers_at(END), cache.layers_at(END)
    assert one is not None and other is not None
    assert all(mx.array_equal(a, b) and a.dtype == dtype for a, b in zip(one, other, strict=True))


def test_a_file_is_private_and_in_the_safetensors_format(
    saved: SavedStates, tiny_model: Model, tmp_path: Path
) -> None:
    path = only_file(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with safe_open(path, framework="numpy") as file:
        shapes = [file.get_slice(f"layer.{n}").get_shape() for n in range(4)]
        assert len(set(file.keys())) == 5
    slots = PromptCache(tiny_model.config, mx.float32).layers.slots
    assert shapes == [[2, 2, slots, 32], [2, 2, END, 32]] * 2


def test_only_the_same_model_and_the_same_text_find_it(saved: SavedStates, tmp_path: Path) -> None:
    assert not saved.has(TOKENS[: END - 1])
    assert not saved.has([*TOKENS[: END - 1], 299])
    assert not saved.has([299, *TOKENS[1:END]])
    assert not SavedStates(tmp_path / "states", "another model").has(TOKENS[:END])


def test_a_model_is_another_when_any_of_its_files_or_how_it_is_served_changes() -> None:
    def one(**changes: Any) -> str:
        file = ("model.safetensors", changes.pop("size", 10), changes.pop("changed", 20))
        given: dict[str, Any] = {
            "folder": Path("/a"),
            "dtype": mx.bfloat16,
            "route": "metal",
        } | changes
        return identity([file, ("config.json", 1, 2)], **given)

    changes: list[dict[str, Any]] = [
        {"size": 11},
        {"changed": 21},
        {"folder": Path("/b")},
        {"dtype": mx.float32},
        {"route": "cpu"},
    ]
    assert len({one(), *(one(**change) for change in changes)}) == 1 + len(changes)
    assert one() == one()


def cut_short(data: bytes) -> bytes:
    return data[:-5000]


def grown(data: bytes) -> bytes:
    return data + b"\0"


def changed_within(data: bytes) -> bytes:
    return data[:90_000] + bytes([data[90_000] ^ 1]) + data[90_001:]


def other_header(data: bytes) -> bytes:
    return data.replace(b'"F32"', b'"I32"', 1)


def emptied(data: bytes) -> bytes:
    return b""


def noise(data: bytes) -> bytes:
    return b"\xff" * len(data)


@pytest.mark.parametrize("damage", [cut_short, grown, changed_within, other_header, emptied, noise])
def test_a_damaged_file_is_dropped(
    saved: SavedStates,
    tiny_model: Model,
    tmp_path: Path,
    damage: Callable[[bytes], bytes],
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = only_file(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    cache = read(tiny_model, TOKENS[:50], 20)
    assert not saved.restore(cache, TOKENS[:END], 600, always)
    assert cache.tokens == [] and cache.layers.offset == 0
    assert not path.exists()
    assert "dropped" in capfd.readouterr().err


def test_loading_can_be_stopped_and_loses_nothing_on_the_disk(
    saved: SavedStates, tiny_model: Model
) -> None:
    shares: list[float] = []

    def stop_halfway(share: float) -> bool:
        shares.append(share)
        return share < 0.5

    cache = PromptCache(tiny_model.config, mx.float32)
    assert not saved.restore(cache, TOKENS[:END], 600, stop_halfway)
    assert shares == [0.25, 0.5] and cache.tokens == []
    assert saved.restore(cache, TOKENS[:END], 600, always)


def test_saving_gives_way_and_leaves_nothing_half_done(tiny_model: Model, tmp_path: Path) -> None:
    states = SavedStates(tmp_path / "states", "this model")
    cache = read(tiny_model, TOKENS, END)
    answers: Iterator[bool] = iter([False, False, True])
    assert not states.save(cache, END, lambda: next(answers))
    assert list((tmp_path / "states").iterdir()) == []
    assert states.save(cache, END, never) and states.has(TOKENS[:END])


def test_without_a_snapshot_there_is_nothing_to_save(tiny_model: Model, tmp_path: Path) -> None:
    states = SavedStates(tmp_path / "states", "this model")
    assert states.save(read(tiny_model, TOKENS, END), END - 1, never)
    assert not (tmp_path / "states").exists()


def test_the_least_recently_used_make_room(tiny_model: Model, tmp_path: Path) -> None:
    def text(number: int) -> list[int]:
        return [number, *TOKENS[1:]]

    states = SavedStates(tmp_path / "states", "this model")
    for number in range(2):
        states.save(read(tiny_model, text(number), END), END, never)
    for path in (tmp_path / "states").iterdir():
        os.utime(path, (0, 0))
    cache = PromptCache(tiny_model.config, mx.float32)
    assert states.restore(cache, text(0)[:END], 600, always)
    small = SavedStates(
        tmp_path / "states", "this model", most_bytes=int(2.5 * path.stat().st_size)
    )
    small.save(read(tiny_model, text(2), END), END, never)
    assert [small.has(text(number)[:END]) for number in range(3)] == [True, False, True]


def test_a_full_disk_keeps_no_state(
    tiny_model: Model, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    states = SavedStates(tmp_path / "states", "this model", free_bytes=1 << 60)
    assert states.save(read(tiny_model, TOKENS, END), END, never)
    assert not states.has(TOKENS[:END])
    (tmp_path / "file").write_text("in the way")
    states = SavedStates(tmp_path / "file", "this model")
    assert states.save(read(tiny_model, TOKENS, END), END, never)
    assert "not saved" in capfd.readouterr().err


# Turns -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny")


class Session:
    """An engine that keeps states, as after a start of the process."""

    def __init__(self, folder: Path, states: Path | None) -> None:
        self.events: list[Event] = []
        self.engine = Engine(self.events.append)
        self.engine.handle(
            Load("load", str(folder), states=None if states is None else str(states))
        )

    def ask(self, *parts: str, turn: Turn | None = None) -> Done:
        content = [{"type": "text", "text": text} for text in parts]
        conversation = {"messages": [{"role": "user", "content": content}]}
        self.events.clear()
        self.engine.handle(Generate("1", conversation, Sampling(temperature=0), 8), turn)
        done = self.events[-1]
        assert isinstance(done, Done)
        self.engine.rest(never)
        return done

    def words(self) -> list[Event]:
        return [event for event in self.events if not isinstance(event, Prefill | Done)]


def test_tomorrow_the_same_document_need_not_be_read(folder: Path, tmp_path: Path) -> None:
    states = tmp_path / "states"
    first = Session(folder, states).ask(PAGES, "Where was hive 49?")
    assert first.usage.cached_tokens == 0
    tomorrow = Session(folder, states)
    done = tomorrow.ask(PAGES, "How many hives?")
    assert done.usage.cached_tokens > LEAST_TOKENS
    assert done.usage.prompt_tokens - done.usage.cached_tokens < 30
    fresh = Session(folder, None)
    assert fresh.ask(PAGES, "How many hives?").usage.cached_tokens == 0
    assert tomorrow.words() == fresh.words()
    progress = [e.done for e in tomorrow.events if isinstance(e, Prefill)]
    assert progress == sorted(progress)
    assert len(list(states.iterdir())) == 1
    again = tomorrow.ask(PAGES, "Which was the last?")  # from memory this time
    assert again.usage.cached_tokens == done.usage.cached_tokens


@pytest.mark.parametrize(
    "parts",
    [
        ("Short.\n\n", "Why?"),  # read about as fast as it is loaded
        (PAGES + "Why?",),  # nothing says that it will come again
    ],
)
def test_what_will_hardly_pay_is_not_saved(
    folder: Path, tmp_path: Path, parts: tuple[str, ...]
) -> None:
    Session(folder, tmp_path / "states").ask(*parts)
    assert not (tmp_path / "states").exists()


def test_without_a_folder_nothing_is_saved_nor_found(folder: Path, tmp_path: Path) -> None:
    session = Session(folder, None)
    session.ask(PAGES, "Why?")
    assert list(tmp_path.rglob("*.safetensors")) == []
    session.engine.handle(Load("2", str(folder), states=str(tmp_path / "states")))
    session.ask(PAGES, "How?")  # the model was not opened again: memory still has it
    assert len(list((tmp_path / "states").iterdir())) == 1
    assert Session(folder, None).ask(PAGES, "Why?").usage.cached_tokens == 0


def test_another_document_or_another_model_is_read(folder: Path, tmp_path: Path) -> None:
    states = tmp_path / "states"
    Session(folder, states).ask(PAGES, "Why?")
    changed = PAGES.replace("Hive 49 ", "Hive 50 ")
    assert Session(folder, states).ask(changed, "Why?").usage.cached_tokens == 0
    other = write_tiny_checkpoint(tmp_path / "tiny", seed=1)
    assert Session(other, states).ask(PAGES, "Why?").usage.cached_tokens == 0


def test_a_turn_can_be_cancelled_while_a_state_is_loaded(folder: Path, tmp_path: Path) -> None:
    states = tmp_path / "states"
    Session(folder, states).ask(PAGES, "Why?")
    session, turn = Session(folder, states), Turn()
    turn.cancel()
    done = session.ask(PAGES, "Why?", turn=turn)
    assert done.stop == "cancel" and done.usage.completion_tokens == 0
    assert session.ask(PAGES, "Why?").usage.cached_tokens > LEAST_TOKENS


def test_a_state_that_had_to_wait_is_saved_after_the_next_turn(
    folder: Path, tmp_path: Path
) -> None:
    session = Session(folder, tmp_path / "states")
    session.engine.rest = lambda is_awaited: None  # type: ignore[method-assign]
    session.ask(PAGES, "Why?")
    del session.engine.rest
    session.engine.rest(lambda: True)
    assert list((tmp_path / "states").iterdir()) == []
    session.ask(PAGES, "How?")
    assert len(list((tmp_path / "states").iterdir())) == 1
