"""On a machine with a GPU: each kernel there agrees with float64, small and at 20b's sizes, and a
whole model through them with the plain one."""

from functools import partial
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

from mlx_engine.cache import KeyValueCache
from mlx_engine.checkpoint import Checkpoint
from mlx_engine.kernels import PLAIN, gpu
from mlx_engine.kernels.choice import routes, trusted, untried
from mlx_engine.kernels.launch import cuda_launcher, metal_launcher
from mlx_engine.kernels.verdicts import Verdicts
from mlx_engine.model import Model
from tests.checkpoints import write_tiny_checkpoint
from tests.metal import gpu_route
from tests.metal.cases.case import Case
from tests.metal.cases.production import REAL_DECODE, REAL_PREFILL
from tests.metal.checks import assert_matches, case_id, run_case
from tests.metal.numbers import relative_error
from tests.metal.test_decode_kernels import LADDER as DECODE
from tests.metal.test_prefill_kernels import LADDER as PREFILL
from tests.metal.toolchain import Missing

pytestmark = pytest.mark.skipif(isinstance(gpu_route.gpu(), Missing), reason=str(gpu_route.gpu()))


@pytest.mark.metal
@pytest.mark.parametrize("make", [*DECODE, *PREFILL], ids=case_id)
def test_a_kernel_agrees_with_float64_on_the_gpu(make: partial[Case]) -> None:
    case = make()
    assert_matches(run_case(case, gpu_route.run).outputs, case.reference)


@pytest.mark.full
@pytest.mark.parametrize("make", [*REAL_DECODE, *REAL_PREFILL], ids=case_id)
def test_a_kernel_agrees_with_float64_on_the_gpu_at_real_size(make: partial[Case]) -> None:
    case = make()
    assert_matches(run_case(case, gpu_route.run).outputs, case.reference)


@pytest.mark.metal
def test_every_kernel_is_trusted_on_this_gpu_and_a_model_agrees(tmp_path: Path, home: Path) -> None:
    """Times of a tiny model say nothing, so none is measured."""
    folder = write_tiny_checkpoint(tmp_path, seed=3, head_dim=64, sliding_window=32)
    opened = Checkpoint.open(folder)
    launch = metal_launcher() if routes()[0] == "metal" else cuda_launcher()
    verdicts = Verdicts(home / "kernels.json")
    choice = trusted(routes()[0], launch, opened.config, opened.weights, verdicts, lambda _: 1.0)
    assert choice.replaced == ()
    assert choice.sound == set(gpu.KERNELS)
    found = []
    for operations in (untried(routes()[0]), PLAIN):
        model = Model(opened.config, opened.weights, mx.bfloat16, operations)
        cache = KeyValueCache(opened.config, mx.bfloat16)
        pieces = [list(range(20)), list(range(20, 30)), *([token] for token in range(30, 40))]
        parts = [model(mx.array(piece), cache) for piece in pieces]
        found.append(np.array(mx.concatenate(parts)).astype(np.float64))
    assert relative_error(*found) < 0.06  # both round to bfloat16 at every step
