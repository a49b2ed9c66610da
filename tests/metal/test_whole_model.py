"""A whole model through the kernels alone, prefill and decode, against the plain-MLX model."""

from dataclasses import replace
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

from mlx_engine.cache import KeyValueCache
from mlx_engine.checkpoint import Checkpoint
from mlx_engine.kernels import PLAIN
from mlx_engine.model import Model
from tests.checkpoints import write_tiny_checkpoint
from tests.metal import cpu_kernels
from tests.metal.numbers import Real, relative_error
from tests.metal.toolchain import Missing, cpu_compiler

pytestmark = pytest.mark.skipif(isinstance(cpu_compiler(), Missing), reason=str(cpu_compiler()))

OPERATIONS = (
    "qkv_rope", "full_attention", "band_attention", "band_attention_prefill", "attention_out",
    "router", "experts", "unembed",
)  # fmt: skip
ROUNDING = 0.03  # what four layers of activations in bfloat16 differ from float32; a wrong
# constant or a key seen too many is several times that


def logits(network: Model, pieces: list[list[int]]) -> Real:
    cache = KeyValueCache(network.config, network.dtype)
    parts = [network(mx.array(piece), cache) for piece in pieces]
    return np.array(mx.concatenate(parts)).astype(np.float64)


def test_a_model_through_the_kernels_gives_the_plain_models_logits(tmp_path: Path) -> None:
    """Two chunks and single tokens, across the edge of a window of 32."""
    checkpoint = Checkpoint.open(write_tiny_checkpoint(tmp_path, seed=3, sliding_window=32))
    tokens = [int(t) for t in np.random.default_rng(8).integers(0, 300, 37)]
    pieces = [tokens[:20], tokens[20:30], *([token] for token in tokens[30:])]
    kernels = replace(PLAIN, **{name: getattr(cpu_kernels, name) for name in OPERATIONS})
    through_kernels, plain = (
        logits(Model(checkpoint.config, checkpoint.weights, mx.bfloat16, operations), pieces)
        for operations in (kernels, PLAIN)
    )
    errors = [relative_error(a, b) for a, b in zip(through_kernels, plain, strict=True)]
    assert max(errors) < ROUNDING, errors
