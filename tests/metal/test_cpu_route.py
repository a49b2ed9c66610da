"""The harness itself: Metal's vocabulary on the CPU, in both builds and several lane orders."""

from pathlib import Path

import numpy as np
import pytest

from mlx_engine.kernels.launch import Launch
from mlx_engine.metal_source import parse_kernel
from tests.metal.cpu_route import run
from tests.metal.numbers import from_bf16, to_bf16
from tests.metal.toolchain import Missing, cpu_compiler

pytestmark = pytest.mark.skipif(isinstance(cpu_compiler(), Missing), reason=str(cpu_compiler()))

SOURCE = parse_kernel("vocabulary", Path(__file__).with_name("vocabulary.metal").read_text())


@pytest.mark.parametrize("lane_order", [0, 7, 8])
@pytest.mark.parametrize("checked", [False, True])
@pytest.mark.parametrize("element", ["float", "half"])
def test_vocabulary_means_what_metal_says(element: str, checked: bool, lane_order: int) -> None:
    random = np.random.default_rng(1)
    dtype = np.float32 if element == "float" else np.float16
    a, b = (
        random.standard_normal((8, 24)).astype(dtype),
        random.standard_normal((24, 8)).astype(dtype),
    )
    numbers = to_bf16(random.standard_normal(32))
    launch = Launch(
        grid=(32, 1, 1),
        threadgroup=(32, 1, 1),
        template={"T": "float" if element == "float" else "float16_t", "K": 24},
        outputs={"product": (8, 8), "lanes": (3, 32), "halves": (32,)},
    )
    inputs = {"a": a, "b": b, "numbers": numbers}
    outputs = run(SOURCE, launch, inputs, checked=checked, lane_order=lane_order).outputs
    np.testing.assert_allclose(
        outputs["product"], np.matmul(a, b, dtype=np.float64), rtol=1e-5, atol=1e-5
    )
    lane = np.arange(32)
    assert (outputs["lanes"][0] == (lane ^ 1) + 700).all()
    assert (outputs["lanes"][1] == lane * (lane - 1) // 2 + 31).all()
    assert (outputs["lanes"][2] == 496).all()
    assert (from_bf16(outputs["halves"]) == 2 * from_bf16(numbers)).all()
