"""A decoded token is few launches and few bytes: counted on the graph that a GPU would be given."""

import os
import sys
from collections import Counter

import mlx.core as mx
import pytest

from mlx_engine.__main__ import main
from mlx_engine.cache import KeyValueCache
from mlx_engine.checkpoint import Checkpoint
from mlx_engine.kernels import PLAIN, Operations, gpu
from mlx_engine.kernels.launch import metal_launcher
from mlx_engine.model import Model
from mlx_engine.protocol import Sampling
from mlx_engine.sampling import Sampler
from mlx_engine.traffic import Traffic, decode_traffic, draw_traffic, least_bytes
from tests.checkpoints import write_tiny_checkpoint


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """As many layers as gpt-oss-20b, of the same kinds; only narrower."""
    folder = tmp_path_factory.mktemp("deep")
    return Checkpoint.open(write_tiny_checkpoint(folder, num_hidden_layers=24))


def traced(checkpoint: Checkpoint, operations: Operations, held: int = 0) -> Traffic:
    config = checkpoint.config
    cache = KeyValueCache(config, mx.bfloat16)
    model = Model(config, checkpoint.weights, mx.bfloat16, operations)
    if held:
        plain = Model(config, checkpoint.weights, mx.bfloat16, PLAIN)
        mx.eval(plain(mx.array([1] * held), cache, 0), cache.arrays)
    return decode_traffic(model, cache)


KERNELS = gpu.operations(metal_launcher(stream=mx.gpu))  # MLX traces them without a GPU


def test_a_token_of_20b_is_at_most_200_launches(deep: Checkpoint) -> None:
    """A banded layer is seven, a full one eight; the cache's update is one of them."""
    step, draw = traced(deep, KERNELS, held=3), draw_traffic(Sampler(Sampling()), 320)
    each = ("qkv_rope", "attention_out", "router", "experts_gate_up", "experts_down", "SliceUpdate")
    half = ("band_attention", "full_attention", "full_attention_merge")
    outside = {"Gather": 1, "unembed": 1}  # the embedding, the logits
    assert Counter(step.kinds) == Counter(
        dict.fromkeys(each, 24) | dict.fromkeys(half, 12) | outside
    )
    assert step.operations == 12 * 7 + 12 * 8 + 2
    assert step.operations + draw.operations <= 200


def test_the_plain_route_takes_several_times_as_many(deep: Checkpoint) -> None:
    assert traced(deep, PLAIN).operations > 3 * traced(deep, KERNELS).operations


def test_kernels_move_little_more_than_they_must(deep: Checkpoint) -> None:
    least = least_bytes(deep.config)
    moved = traced(deep, KERNELS, held=3).bytes_moved
    assert least < moved < 1.5 * least  # layers are narrow here: activations and the ring count
    assert traced(deep, PLAIN).bytes_moved > 1.5 * least


def test_a_mac_is_handed_a_token_at_once_unless_someone_chose_otherwise(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setenv("MLX_MAX_OPS_PER_BUFFER", "7")
    monkeypatch.setenv("MLX_MAX_MB_PER_BUFFER", "")  # so that it is put back
    monkeypatch.delenv("MLX_MAX_MB_PER_BUFFER")
    with pytest.raises(SystemExit):
        main(["--help"])
    assert os.environ["MLX_MAX_OPS_PER_BUFFER"] == "7"
    assert os.environ["MLX_MAX_MB_PER_BUFFER"] == "2000"
