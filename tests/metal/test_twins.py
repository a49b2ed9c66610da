"""What is not a number, not finite, or at the end of its range: kernels do as their twins do."""

from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from mlx_engine.kernels import PLAIN, gpu
from mlx_engine.weights import Dense, Experts
from tests.metal.cases.case import activations, random_bf16
from tests.metal.cases.experts import LIMIT, matrices
from tests.metal.cpu_launcher import CpuLauncher
from tests.metal.numbers import Bits, relative_error
from tests.metal.toolchain import Missing, cpu_compiler

pytestmark = pytest.mark.skipif(isinstance(cpu_compiler(), Missing), reason=str(cpu_compiler()))

KERNELS = gpu.operations(CpuLauncher())
HIDDEN, INNER, EXPERTS = 64, 96, 4
SPECIAL = {"nan": np.nan, "infinity": np.inf, "minus infinity": -np.inf}


def narrow(bits: Bits) -> mx.array:
    return mx.array(bits).view(mx.bfloat16)


def experts_of(random: np.random.Generator, rows: int, columns: int, exponent: int) -> Experts:
    matrix = matrices(random, EXPERTS, rows, columns, exponent)
    return Experts(mx.array(matrix["blocks"]), mx.array(matrix["scales"]), narrow(matrix["bias"]))


def assert_alike(operation: str, *arguments: Any) -> None:
    """The kernel in bfloat16, the twin in float32, as the CPU computes."""
    wide = (
        x.astype(mx.float32) if isinstance(x, mx.array) and x.dtype == mx.bfloat16 else x
        for x in arguments
    )
    found, wanted = getattr(KERNELS, operation)(*arguments), getattr(PLAIN, operation)(*wide)
    pairs = zip(found, wanted, strict=True) if isinstance(found, tuple) else [(found, wanted)]
    for kernels, twins in pairs:
        reference = np.array(twins).astype(np.float64)
        assert relative_error(np.array(kernels.astype(mx.float32)), reference) < 1e-2


@pytest.mark.parametrize("tokens", [1, 3])
@pytest.mark.parametrize("special", SPECIAL)
def test_experts_let_special_activations_through_like_their_twin(special: str, tokens: int) -> None:
    random = np.random.default_rng(51)
    gate_up = experts_of(random, 2 * INNER, HIDDEN, 120)
    down = experts_of(random, HIDDEN, INNER, 120)
    x, normed = (narrow(activations(random, tokens, HIDDEN)) for _ in range(2))
    normed[0, 5] = SPECIAL[special]
    chosen = mx.array(np.tile(np.array([[2, 0]], np.uint32), (tokens, 1)))
    shares = mx.array(np.tile(np.array([[0.75, 0.25]], np.float32), (tokens, 1)))
    assert_alike("experts", x, normed, chosen, shares, gate_up, down, LIMIT)


@pytest.mark.parametrize("exponent", [0, 1, 127, 200])
def test_experts_scale_like_their_twin(exponent: int) -> None:
    random = np.random.default_rng(52)
    gate_up = experts_of(random, 2 * INNER, HIDDEN, exponent)
    down = experts_of(random, HIDDEN, INNER, 118)
    x, normed = (narrow(activations(random, 1, HIDDEN)) for _ in range(2))
    chosen = mx.array(np.array([[3, 1]], np.uint32))
    shares = mx.array(np.array([[0.5, 0.5]], np.float32))
    assert_alike("experts", x, normed, chosen, shares, gate_up, down, LIMIT)


@pytest.mark.parametrize("special", SPECIAL)
def test_attention_out_lets_special_values_through_like_its_twin(special: str) -> None:
    random = np.random.default_rng(53)
    attended = narrow(activations(random, 1, 128))
    attended[0, 7] = SPECIAL[special]
    out = Dense(narrow(random_bf16(random, HIDDEN, 128)), narrow(activations(random, HIDDEN)))
    x = narrow(activations(random, 1, HIDDEN))
    assert_alike("attention_out", x, attended, out)


@pytest.mark.parametrize("special", SPECIAL)
def test_band_attention_treats_special_keys_like_its_twin(special: str) -> None:
    random = np.random.default_rng(54)
    q = narrow(activations(random, 4, 1, 32))
    ring = narrow(activations(random, 2, 2, 24, 32))
    ring[0, 1, 9, 3] = SPECIAL[special]
    visible = mx.array(np.arange(24) % 3 == 0)
    sinks = narrow(activations(random, 4))
    assert_alike("band_attention", q, ring, visible, sinks)


@pytest.mark.parametrize("special", SPECIAL)
def test_full_attention_treats_special_values_like_its_twin(special: str) -> None:
    random = np.random.default_rng(55)
    q, sinks = narrow(activations(random, 4, 1, 32)), narrow(activations(random, 4))
    kv = narrow(activations(random, 2, 2, 300, 32))
    kv[1, 1, 270, 3] = SPECIAL[special]  # a value, in the second stretch of 256
    assert_alike("full_attention", q, kv, 280, sinks)


@pytest.mark.parametrize("special", SPECIAL)
def test_banded_prefill_treats_special_values_like_its_twin(special: str) -> None:
    """Of a value that some queries see and others don't."""
    random = np.random.default_rng(56)
    q, sinks = narrow(activations(random, 4, 70, 32)), narrow(activations(random, 4))
    kv = narrow(activations(random, 2, 2, 32 + 70, 32))
    kv[1, 0, 50, 3] = SPECIAL[special]
    assert_alike("band_attention_prefill", q, kv, 32, 9, sinks)


@pytest.mark.parametrize("special", SPECIAL)
def test_what_is_normalised_lets_special_values_through_like_its_twin(special: str) -> None:
    random = np.random.default_rng(57)
    x, norm = narrow(activations(random, 1, HIDDEN)), narrow(activations(random, HIDDEN))
    x[0, 9] = SPECIAL[special]
    q, k, v = (
        Dense(narrow(random_bf16(random, rows, HIDDEN)), narrow(activations(random, rows)))
        for rows in (128, 64, 64)
    )
    tables = (mx.ones((1, 1, 32)), mx.ones((1, 1, 32)))
    assert_alike("qkv_rope", x, norm, 1e-5, q, k, v, *tables)
    assert_alike("unembed", x, norm, 1e-5, Dense(q.weight))
