"""The network computes what is published: held against float64 NumPy, in one pass and in pieces."""

import itertools
import json
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from numpy.typing import NDArray

from mlx_engine import model
from mlx_engine.cache import KeyValueCache
from mlx_engine.checkpoint import Checkpoint
from mlx_engine.kernels import PLAIN, plain
from mlx_engine.model import Model, serving_dtype
from tests import reference
from tests.checkpoints import write_tiny_checkpoint
from tests.reference import disagreement

FLOAT32 = 5e-6  # what float32's rounding may add up to; a wrong constant is far above it
BFLOAT16 = 0.04


def scores(network: Model, tokens: list[int], *sizes: int) -> NDArray[Any]:
    """Logits of all tokens, appended in pieces of these sizes and then one by one; [] at once."""
    cache = KeyValueCache(network.config, network.dtype)
    ends = list(itertools.accumulate(sizes)) if sizes else [len(tokens)]
    ends += range(ends[-1] + 1, len(tokens) + 1)
    starts = [0, *ends[:-1]]
    parts = [
        network(mx.array(tokens[a:b]), cache) for a, b in zip(starts, ends, strict=True) if a < b
    ]
    return np.array(mx.concatenate(parts))


def some_tokens(length: int, vocabulary: int = 320) -> list[int]:
    tokens = np.random.default_rng(length).integers(0, vocabulary, length)
    return [int(token) for token in tokens]


@pytest.fixture(scope="module")
def published(tiny_folder: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    config = json.loads((tiny_folder / "config.json").read_bytes())
    return reference.read_weights(tiny_folder), config


@pytest.mark.parametrize("length", [1, 5, 127, 128, 129, 300])
def test_float32_agrees_with_the_definitions(
    tiny_model: Model, published: tuple[Any, Any], length: int
) -> None:
    tokens = some_tokens(length)
    wanted = reference.logits(*published, tokens)
    assert disagreement(scores(tiny_model, tokens), wanted) < FLOAT32


@pytest.mark.full
def test_agrees_past_4096_tokens(tmp_path: Path) -> None:
    folder = write_tiny_checkpoint(tmp_path, seed=5, num_hidden_layers=2, head_dim=64)
    config = json.loads((folder / "config.json").read_bytes())
    opened = Checkpoint.open(folder)
    tokens = some_tokens(4200)
    wanted = reference.logits(reference.read_weights(folder), config, tokens)
    found = scores(Model(opened.config, opened.weights, mx.float32, PLAIN), tokens, *[600] * 7)
    assert disagreement(found[4096:], wanted[4096:]) < FLOAT32
    assert disagreement(found, wanted) < FLOAT32


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rms_norm_eps", 1e-4),
        ("swiglu_limit", 1.0),
        ("sliding_window", 127),
        ("rope_theta", 150_100.0),
    ],
)
def test_the_tolerance_sees_a_wrong_constant(
    tiny_model: Model, published: tuple[Any, Any], field: str, value: float
) -> None:
    weights, config = published
    tokens = some_tokens(300)
    wrong = reference.logits(weights, config | {field: value}, tokens)
    assert disagreement(scores(tiny_model, tokens), wrong) > 2 * FLOAT32


def test_the_ramp_of_yarn_is_rounded_only_where_the_config_says_so(tmp_path: Path) -> None:
    rope = {"original_max_position_embeddings": 64}
    tokens = some_tokens(300)
    found = []
    for truncate in (False, True):
        folder = tmp_path / str(truncate)
        write_tiny_checkpoint(folder, rope_scaling=rope | {"truncate": truncate})
        opened = Checkpoint.open(folder)
        found.append(scores(Model(opened.config, opened.weights, mx.float32, PLAIN), tokens))
    assert disagreement(found[0], found[1]) > 2 * FLOAT32


@pytest.mark.parametrize(
    "sizes", [(1,), (2, 3, 290), (127, 170), (128, 128), (129, 160), (7,) * 42]
)
def test_pieces_give_the_logits_of_one_pass(tiny_model: Model, sizes: tuple[int, ...]) -> None:
    tokens = some_tokens(300)
    whole = scores(tiny_model, tokens)
    assert disagreement(scores(tiny_model, tokens, *sizes), whole) < FLOAT32


def test_a_window_shorter_and_a_head_larger(tmp_path: Path) -> None:
    """Nothing rests on gpt-oss' own sizes."""
    folder = write_tiny_checkpoint(
        tmp_path,
        sliding_window=5,
        num_attention_heads=6,
        num_key_value_heads=3,
        head_dim=48,
        num_hidden_layers=3,
        layer_types=["full_attention", "sliding_attention", "sliding_attention"],
        num_local_experts=5,
        num_experts_per_tok=3,
        rms_norm_eps=1e-3,
        swiglu_limit=1.5,
    )
    config = json.loads((folder / "config.json").read_bytes())
    opened = Checkpoint.open(folder)
    tokens = some_tokens(60)
    wanted = reference.logits(reference.read_weights(folder), config, tokens)
    found = scores(Model(opened.config, opened.weights, mx.float32, PLAIN), tokens, 11, 30)
    assert disagreement(found, wanted) < FLOAT32


@pytest.mark.parametrize("length", [5, 129, 300])
def test_bfloat16_stays_close(tiny_folder: Path, published: tuple[Any, Any], length: int) -> None:
    opened = Checkpoint.open(tiny_folder)
    tokens = some_tokens(length)
    found = scores(Model(opened.config, opened.weights, mx.bfloat16, PLAIN), tokens)
    assert disagreement(found, reference.logits(*published, tokens)) < BFLOAT16


def test_large_checkpoints_are_widened_as_they_are_used(
    tiny_folder: Path, tiny_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "WIDEN_BYTES", 0)
    monkeypatch.setattr(plain, "_WIDENED", 1000)  # 15 rows at a time
    opened = Checkpoint.open(tiny_folder)
    assert serving_dtype(opened.nbytes) == mx.bfloat16
    large = Model(opened.config, opened.weights, mx.float32, PLAIN)
    tokens = some_tokens(140)
    assert disagreement(scores(large, tokens, 130), scores(tiny_model, tokens)) < FLOAT32


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(mx.float32, FLOAT32), (mx.bfloat16, 2 * BFLOAT16)]
)
def test_what_a_gpu_computes_without_kernels_of_its_own(
    tiny_folder: Path,
    published: tuple[Any, Any],
    monkeypatch: pytest.MonkeyPatch,
    dtype: mx.Dtype,
    tolerance: float,
) -> None:
    """The plain MLX operations that the CPU has better ones for, run on the CPU all the same."""
    monkeypatch.setattr(plain, "on_cpu", lambda: False)
    monkeypatch.setattr(plain, "_activation", lambda: plain._swiglu)  # fusing needs a compiler
    opened = Checkpoint.open(tiny_folder)
    tokens = some_tokens(140)
    found = scores(Model(opened.config, opened.weights, dtype, PLAIN), tokens, 130, 3)
    assert disagreement(found, reference.logits(*published, tokens)) < tolerance


def test_last_gives_the_last_tokens_alone(tiny_model: Model) -> None:
    tokens = mx.array(some_tokens(20))
    config = tiny_model.config
    every = tiny_model(tokens, KeyValueCache(config, mx.float32))
    for last in (0, 1, 7, 20, 99):
        some = tiny_model(tokens, KeyValueCache(config, mx.float32), last)
        assert some.shape == (min(last, 20), config.vocab_size)
        assert some.dtype == mx.float32
        assert mx.allclose(some, every[20 - some.shape[0] :], atol=1e-4)
