"""What is not a number, not finite, or at the end of its range: kernels do as their twins do."""

import mlx.core as mx
import numpy as np
import pytest

from mlx_engine.kernels import plain
from mlx_engine.weights import Dense, Experts
from tests.metal import cpu_kernels
from tests.metal.cases.case import activations, random_bf16
from tests.metal.cases.experts import LIMIT, matrices
from tests.metal.numbers import Bits, from_bf16, relative_error
from tests.metal.toolchain import Missing, cpu_compiler

pytestmark = pytest.mark.skipif(isinstance(cpu_compiler(), Missing), reason=str(cpu_compiler()))

HIDDEN, INNER, EXPERTS = 64, 96, 4
SPECIAL = {"nan": np.nan, "infinity": np.inf, "minus infinity": -np.inf}


def wide(bits: Bits) -> mx.array:
    return mx.array(from_bf16(bits).astype(np.float32))


def experts_of(random: np.random.Generator, rows: int, columns: int, exponent: int) -> Experts:
    matrix = matrices(random, EXPERTS, rows, columns, exponent)
    return Experts(mx.array(matrix["blocks"]), mx.array(matrix["scales"]), wide(matrix["bias"]))


def assert_alike(found: mx.array, twin: mx.array) -> None:
    reference = np.array(twin).astype(np.float64)
    assert relative_error(np.array(found), reference) < 1e-2


@pytest.mark.parametrize("tokens", [1, 3])
@pytest.mark.parametrize("special", SPECIAL)
def test_experts_let_special_activations_through_like_their_twin(special: str, tokens: int) -> None:
    random = np.random.default_rng(51)
    gate_up = experts_of(random, 2 * INNER, HIDDEN, 120)
    down = experts_of(random, HIDDEN, INNER, 120)
    x, normed = (wide(activations(random, tokens, HIDDEN)) for _ in range(2))
    normed[0, 5] = SPECIAL[special]
    chosen = mx.array(np.tile(np.array([[2, 0]], np.uint32), (tokens, 1)))
    shares = mx.array(np.tile(np.array([[0.75, 0.25]], np.float32), (tokens, 1)))
    arguments = (x, normed, chosen, shares, gate_up, down, LIMIT)
    assert_alike(cpu_kernels.experts(*arguments), plain.experts(*arguments))


@pytest.mark.parametrize("exponent", [0, 1, 127, 200])
def test_experts_scale_like_their_twin(exponent: int) -> None:
    random = np.random.default_rng(52)
    gate_up = experts_of(random, 2 * INNER, HIDDEN, exponent)
    down = experts_of(random, HIDDEN, INNER, 118)
    x, normed = (wide(activations(random, 1, HIDDEN)) for _ in range(2))
    chosen = mx.array(np.array([[3, 1]], np.uint32))
    shares = mx.array(np.array([[0.5, 0.5]], np.float32))
    arguments = (x, normed, chosen, shares, gate_up, down, LIMIT)
    assert_alike(cpu_kernels.experts(*arguments), plain.experts(*arguments))


@pytest.mark.parametrize("special", SPECIAL)
def test_attention_out_lets_special_values_through_like_its_twin(special: str) -> None:
    random = np.random.default_rng(53)
    attended = wide(activations(random, 1, 128))
    attended[0, 7] = SPECIAL[special]
    out = Dense(wide(random_bf16(random, HIDDEN, 128)), wide(activations(random, HIDDEN)))
    x = wide(activations(random, 1, HIDDEN))
    assert_alike(cpu_kernels.attention_out(x, attended, out), plain.attention_out(x, attended, out))


@pytest.mark.parametrize("special", SPECIAL)
def test_band_attention_treats_special_keys_like_its_twin(special: str) -> None:
    random = np.random.default_rng(54)
    q = wide(activations(random, 4, 1, 32))
    ring = wide(activations(random, 2, 2, 24, 32))
    ring[0, 1, 9, 3] = SPECIAL[special]
    visible = mx.array(np.arange(24) % 3 == 0)
    sinks = wide(activations(random, 4))
    assert_alike(
        cpu_kernels.band_attention(q, ring, visible, sinks),
        plain.band_attention(q, ring, visible, sinks),
    )
