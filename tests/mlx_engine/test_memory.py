"""What fits is loaded with as much context as there is room for; what doesn't is refused."""

import re
from dataclasses import replace

import mlx.core as mx
import pytest

from mlx_engine import memory
from mlx_engine.config import ModelConfig
from mlx_engine.errors import BadRequest, OutOfMemory
from mlx_engine.memory import Device, Plan
from mlx_engine.models import KNOWN_MODELS, KnownModel
from tests.checkpoints import published_config

GIB = 1 << 30
BYTES_20B = 13_761_264_768


def mac(limit_gib: float, memory_gib: int) -> Device:
    limit = int(limit_gib * GIB)
    return Device("Apple M2", "metal", memory_gib * GIB, limit, limit)


@pytest.fixture(scope="module")
def config() -> ModelConfig:
    return ModelConfig.from_json(published_config("20b"))


def plan_20b(config: ModelConfig, target: Device, context: int | None = None) -> Plan:
    return memory.plan(config, BYTES_20B, target, name="gpt-oss-20b", context=context)


def test_a_token_takes_as_many_bytes_as_published(config: ModelConfig) -> None:
    assert memory.cache_bytes_per_token(config) == 24_576
    larger = ModelConfig.from_json(published_config("120b"))
    assert memory.cache_bytes_per_token(larger) == 36_864


def test_a_large_machine_gives_the_whole_context(config: ModelConfig) -> None:
    assert plan_20b(config, mac(48, 64)).context == 131_072


def test_a_smaller_one_gives_what_fits(config: ModelConfig) -> None:
    target = mac(16, 24)
    plan = plan_20b(config, target)
    assert memory.LEAST_CONTEXT <= plan.context < 131_072
    assert plan.context % 1024 == 0
    assert plan.total_bytes <= target.limit_bytes
    more = plan_20b(config, mac(16.5, 24))
    assert more.context > plan.context


def test_16_gb_refuses_20b_and_names_both_sizes(config: ModelConfig) -> None:
    with pytest.raises(OutOfMemory) as raised:
        plan_20b(config, mac(10_922 / 1024, 16))
    words = str(raised.value)
    assert "gpt-oss-20b" in words
    assert "10.6 GB of its 16.0 GB" in words
    assert "smaller model" in words
    assert "\n" not in words


def test_too_long_a_context_is_refused_with_one_that_fits(config: ModelConfig) -> None:
    target = mac(16, 24)
    fitting = plan_20b(config, target).context
    with pytest.raises(OutOfMemory, match=f"{fitting:,} tokens or less"):
        plan_20b(config, target, context=131_072)
    assert plan_20b(config, target, context=fitting).context == fitting


def test_a_context_that_fits_is_kept(config: ModelConfig) -> None:
    assert plan_20b(config, mac(48, 64), context=8192).context == 8192


def test_more_than_the_model_was_made_for_is_cut_to_that(config: ModelConfig) -> None:
    assert plan_20b(config, mac(48, 64), context=1_000_000).context == 131_072


@pytest.mark.parametrize("context", [0, -1])
def test_a_senseless_context_is_refused(config: ModelConfig, context: int) -> None:
    with pytest.raises(BadRequest, match="makes no sense"):
        plan_20b(config, mac(48, 64), context=context)


def test_memory_taken_by_other_apps_is_said(config: ModelConfig) -> None:
    busy = replace(mac(48, 64), free_bytes=4 * GIB)
    with pytest.raises(OutOfMemory, match=r"only 4\.0 GB is free now\. Close other apps"):
        plan_20b(config, busy)


@pytest.mark.parametrize("short_bytes", [1, 30 << 20, 70 << 20])
def test_what_is_needed_never_looks_like_what_there_is(
    config: ModelConfig, short_bytes: int
) -> None:
    needed = memory.plan(config, BYTES_20B, mac(48, 64), name="", context=4096).total_bytes
    target = replace(mac(48, 64), free_bytes=needed - short_bytes)
    with pytest.raises(OutOfMemory) as raised:
        plan_20b(config, target, context=4096)
    wanted, free = map(float, re.findall(r"([\d.]+) GB", str(raised.value)))
    assert wanted > free


def test_a_tiny_model_fits_anywhere() -> None:
    config = ModelConfig.from_json(published_config("tiny"))
    plan = memory.plan(config, 350_000, mac(1, 2), name="tiny")
    assert plan.context == config.max_position_embeddings


@pytest.mark.parametrize("known", KNOWN_MODELS[1:])
def test_what_is_said_to_fit_can_be_loaded(known: KnownModel) -> None:
    config, weights = ModelConfig.from_json(published_config(known.key)), known.checkpoint_bytes
    least = memory.LEAST_CONTEXT
    needed = memory.plan(config, weights, mac(99, 128), name="", context=least).total_bytes
    assert not memory.fits(weights, mac((needed - 1) / GIB, 128))
    assert memory.fits(weights, mac((needed + (64 << 20)) / GIB, 128))


def test_this_machine_has_a_limit_below_its_memory() -> None:
    device = memory.device()
    assert device.free_bytes > 0
    assert 0 < device.limit_bytes < device.memory_bytes or device.route == "metal"
    assert device.name


def test_peak_memory_covers_what_was_held() -> None:
    before = memory.peak_bytes()
    block = mx.ones((32 << 20,), dtype=mx.uint8)
    mx.eval(block)
    assert memory.peak_bytes() >= max(before, block.nbytes)


def test_wired_memory_stays_within_the_devices_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    wired: list[int] = []
    monkeypatch.setattr(mx, "set_wired_limit", wired.append)
    monkeypatch.setattr(mx, "set_memory_limit", lambda limit: 0)
    monkeypatch.setattr(mx, "set_cache_limit", lambda limit: 0)
    small, large = Plan(1, GIB, 0, 0), Plan(1, 99 * GIB, 0, 0)
    memory.respect(small, mac(10, 16))
    memory.respect(large, mac(10, 16))
    memory.respect(large, replace(mac(10, 16), route="cpu"))
    assert wired == [GIB, 10 * GIB]


def test_a_prompt_that_fits_in_free_memory_goes_ahead(config: ModelConfig) -> None:
    memory.ensure_room(config, 100_000, 0, mac(16, 24))


def test_a_prompt_beyond_free_memory_is_refused_before_it_is_read(config: ModelConfig) -> None:
    busy = replace(mac(48, 64), free_bytes=GIB)
    memory.ensure_room(config, 1000, 0, busy)
    with pytest.raises(OutOfMemory, match=r"100,000 tokens needs 2\.\d GB .* only 1\.0 GB"):
        memory.ensure_room(config, 100_000, 0, busy)
    memory.ensure_room(config, 100_000, 100_000 * 24_576, busy)  # held already


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[metal::malloc] Attempting to allocate 9 bytes which is greater than …"),
        RuntimeError("Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)"),
    ],
)
def test_words_for_a_lack_of_memory_are_recognised(error: Exception) -> None:
    assert memory.is_out_of_memory(error)


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), ValueError("out of memory")])
def test_other_errors_are_not_taken_for_it(error: Exception) -> None:
    assert not memory.is_out_of_memory(error)
