"""A whole model through the engine's own calls of the kernels, against the plain-MLX model."""

import mlx.core as mx
import numpy as np
import pytest

from mlx_engine.cache import KeyValueCache
from mlx_engine.checkpoint import Checkpoint
from mlx_engine.kernels import PLAIN, Operations, gpu
from mlx_engine.model import Model
from mlx_engine.traffic import CopyCounter
from tests.checkpoints import write_tiny_checkpoint
from tests.metal.cpu_launcher import CpuLauncher
from tests.metal.numbers import Real, relative_error
from tests.metal.toolchain import Missing, cpu_compiler

pytestmark = pytest.mark.skipif(isinstance(cpu_compiler(), Missing), reason=str(cpu_compiler()))

ROUNDING = 0.03  # what four layers of activations in bfloat16 differ from float32; a wrong
# constant or a key seen too many is several times that
DECODE = [
    "qkv_rope", "band_attention", "attention_out", "router", "experts_gate_up", "experts_down",
    "qkv_rope", "full_attention", "full_attention_merge", "attention_out", "router",
    "experts_gate_up", "experts_down",
]  # fmt: skip


def logits(network: Model, cache: KeyValueCache, piece: list[int]) -> Real:
    return np.array(network(mx.array(piece), cache)).astype(np.float64)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    folder = tmp_path_factory.mktemp("checkpoint")
    return Checkpoint.open(write_tiny_checkpoint(folder, seed=3, sliding_window=32))


def network(checkpoint: Checkpoint, operations: Operations) -> Model:
    return Model(checkpoint.config, checkpoint.weights, mx.bfloat16, operations)


def test_a_model_through_the_kernels_gives_the_plain_models_logits(checkpoint: Checkpoint) -> None:
    """Chunks and single tokens, across a window of 32 and around its ring of 64."""
    tokens = [int(t) for t in np.random.default_rng(8).integers(0, 300, 68)]
    pieces = [tokens[:20], tokens[20:30], *([token] for token in tokens[30:34])]
    pieces += [tokens[34:62], *([token] for token in tokens[62:])]
    found = []
    for operations in (gpu.operations(CpuLauncher()), PLAIN):
        cache = KeyValueCache(checkpoint.config, mx.bfloat16)
        model = network(checkpoint, operations)
        found.append(np.concatenate([logits(model, cache, piece) for piece in pieces]))
    errors = [relative_error(a, b) for a, b in zip(*found, strict=True)]
    assert max(errors) < ROUNDING, errors


def test_a_token_is_seven_kernels_a_banded_layer_eight_a_full_one_and_no_copy(
    checkpoint: Checkpoint,
) -> None:
    """One of a full layer's eight is the merge; the update of the cache comes to both."""
    launcher, cache = CpuLauncher(), KeyValueCache(checkpoint.config, mx.bfloat16)
    counter = CopyCounter(launcher)
    model = network(checkpoint, gpu.operations(counter))
    logits(model, cache, [1, 2, 3])
    assert set(counter.copies) == {"band_flash: q", "band_flash: kv"}  # a chunk's are cut out
    launcher.launches, counter.copies = [], []
    logits(model, cache, [4])
    assert launcher.launches == [*DECODE, *DECODE, "unembed"]
    assert counter.copies == []


@pytest.mark.parametrize("name", gpu.KERNELS)
def test_a_kernel_that_is_not_trusted_is_not_launched(checkpoint: Checkpoint, name: str) -> None:
    launcher, cache = CpuLauncher(), KeyValueCache(checkpoint.config, mx.bfloat16)
    trusted = frozenset(gpu.KERNELS) - {name}
    model = network(checkpoint, gpu.operations(launcher, trusted))
    logits(model, cache, [1, 2, 3])
    logits(model, cache, [4])
    assert not set(gpu.KERNELS[name]) & set(launcher.launches)
    assert {kernel for each in trusted for kernel in gpu.KERNELS[each]} <= set(launcher.launches)
