"""Operations that choose among several ways to compute the same: all ways agree."""

import mlx.core as mx
import numpy as np
import pytest

from mlx_engine.cpu_experts import _unpacked
from mlx_engine.kernels import plain
from mlx_engine.weights import Experts
from tests.reference import mxfp4


def random_experts(count: int, rows: int, columns: int, seed: int) -> Experts:
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (count, rows, columns // 32, 16), dtype=np.uint8)
    scales = rng.integers(118, 126, (count, rows, columns // 32), dtype=np.uint8)
    return Experts(
        mx.array(blocks).flatten(2).view(mx.uint32),
        mx.array(scales),
        mx.array(rng.normal(size=(count, rows)).astype(np.float32)),
    )


def normal(*shape: int, seed: int = 0) -> mx.array:
    return mx.array(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


@pytest.mark.parametrize("tokens", [1, 3, 40])
def test_many_and_few_tokens_go_through_the_same_experts(
    monkeypatch: pytest.MonkeyPatch, tokens: int
) -> None:
    gate_up, down = random_experts(5, 128, 96, seed=1), random_experts(5, 96, 64, seed=2)
    x, normed = normal(tokens, 96, seed=3), normal(tokens, 96, seed=4)
    order = np.argsort(np.random.default_rng(5).normal(size=(tokens, 5)), axis=1)
    chosen = mx.array(order[:, :2].astype(np.uint32))
    shares = mx.softmax(normal(tokens, 2, seed=6), axis=-1)

    def run(many: float, on_cpu: bool) -> mx.array:
        monkeypatch.setattr(plain, "_MANY", many)
        monkeypatch.setattr(plain, "on_cpu", lambda: on_cpu)
        monkeypatch.setattr(plain, "_activation", lambda: plain._swiglu)
        return plain.experts(x, normed, chosen, shares, gate_up, down, 7.0)

    one_by_one = run(1e9, True)
    assert mx.allclose(run(0, True), one_by_one, rtol=1e-5, atol=1e-4)
    assert mx.allclose(run(0, False), one_by_one, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("exponent", [0, 1, 64, 127, 200, 251])
def test_experts_are_unpacked_exactly(exponent: int) -> None:
    """All bytes, low nibble first, at any exponent that float32 has room for."""
    blocks = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    scales = np.full((1, 16), exponent, dtype=np.uint8)
    found = _unpacked(blocks.reshape(1, -1), scales)
    assert np.array_equal(found, mxfp4(blocks, scales).astype(np.float32))


@pytest.mark.parametrize("length", [1, 2, 50])
def test_attention_taken_a_few_queries_at_a_time(
    monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    q, kv, sinks = normal(4, length, 16), normal(2, 2, 70, 16, seed=1), normal(4, seed=2)
    at_once = plain.full_attention(q, kv, 70, sinks)
    monkeypatch.setattr(plain, "_SCORES", 4 * 70 * 3)
    assert mx.allclose(plain.full_attention(q, kv, 70, sinks), at_once, atol=1e-6)


@pytest.mark.parametrize("known", [0, 1, 7, 8])
@pytest.mark.parametrize("length", [2, 7, 8, 9, 30])
def test_a_band_is_full_attention_with_a_window(length: int, known: int) -> None:
    window = 8
    q, kv, sinks = normal(4, length, 16), normal(2, 2, window + length, 16, seed=1), normal(4)
    found = plain.band_attention_prefill(q, kv, window, known, sinks)
    for token in range(length):
        first = max(token + 1, window - known)
        seen = kv[:, :, first : window + token + 1]
        total = seen.shape[2]
        alone = plain.full_attention(q[:, token : token + 1], seen, total, sinks)
        assert mx.allclose(found[token : token + 1], alone, atol=1e-6)
