"""The CPU route agrees with plain MLX, operation by operation and as a whole network.

Compiles once a machine; what is compiled is kept beside the source.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

numba = pytest.importorskip("numba", reason="a Mac has Metal, and no Numba")

from mlx_engine.cache import KeyValueCache  # noqa: E402
from mlx_engine.checkpoint import Checkpoint, inspect  # noqa: E402
from mlx_engine.kernels import PLAIN, choice, cpu, cpu_loops, cpu_trial  # noqa: E402
from mlx_engine.model import Model  # noqa: E402
from mlx_engine.opening import open_network  # noqa: E402
from mlx_engine.weights import Dense, Experts  # noqa: E402
from tests.checkpoints import write_tiny_checkpoint  # noqa: E402
from tests.reference import disagreement, mxfp4  # noqa: E402

OWN = cpu.operations()
EXACT = 1e-5  # of float32's rounding, relative to the rms of the twin's result
ROUNDED = (
    1e-4  # experts: activations have 16 bits for each block of 32; bfloat16 is 40 times coarser
)

HEADS, GROUPS, SIZE, HIDDEN, INNER, EXPERTS = 8, 2, 32, 96, 64, 5


class Inputs:
    """Random arrays, the same on every machine."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def normal(self, *shape: int, scale: float = 1.0) -> mx.array:
        return mx.array((self._rng.normal(size=shape) * scale).astype(np.float32))

    def bfloat16(self, *shape: int, scale: float = 1.0) -> mx.array:
        return self.normal(*shape, scale=scale).astype(mx.bfloat16)

    def dense(self, rows: int, columns: int) -> Dense:
        return Dense(self.bfloat16(rows, columns, scale=columns**-0.5), self.bfloat16(rows))

    def experts(self, rows: int, columns: int, exponent: int = 120) -> Experts:
        blocks = self._rng.integers(0, 1 << 32, (EXPERTS, rows, columns // 8), np.uint32)
        scales = self._rng.integers(exponent, exponent + 4, (EXPERTS, rows, columns // 32))
        bias = self.bfloat16(EXPERTS, rows)
        return Experts(mx.array(blocks), mx.array(scales.astype(np.uint8)), bias)

    def choice(self, tokens: int, count: int) -> mx.array:
        return mx.array(
            np.array([self._rng.permutation(EXPERTS)[:count] for _ in range(tokens)], np.uint32)
        )


def error(found: mx.array, wanted: mx.array) -> float:
    """The largest difference over the rms of what is wanted; NaN where only one is."""
    own, twin = (np.array(array.astype(mx.float32)).astype(float) for array in (found, wanted))
    assert own.shape == twin.shape
    return float(np.abs(own - twin).max() / np.sqrt((twin**2).mean()))


def assert_alike(name: str, *arguments: Any, limit: float = EXACT) -> None:
    found, wanted = (getattr(operations, name)(*arguments) for operations in (OWN, PLAIN))
    if isinstance(wanted, mx.array):
        found, wanted = (found,), (wanted,)
    for own, twin in zip(found, wanted, strict=True):
        assert error(own, twin) < limit, name


@pytest.mark.parametrize("length", [1, 3, 7, 8, 40])
def test_projections_agree(length: int) -> None:
    given = Inputs(length)
    x, norm = given.normal(length, HIDDEN), given.bfloat16(HIDDEN)
    turns = given.normal(length, 1, SIZE), given.normal(length, 1, SIZE)
    dense = (given.dense(heads * SIZE, HIDDEN) for heads in (HEADS, GROUPS, GROUPS))
    assert_alike("qkv_rope", x, norm, 1e-5, *dense, *turns)
    attended = given.normal(length, HEADS * SIZE)
    assert_alike("attention_out", x, attended, given.dense(HIDDEN, HEADS * SIZE))
    assert_alike("unembed", x, norm, 1e-5, Dense(given.bfloat16(301, HIDDEN)))
    assert_alike("embed", given.bfloat16(301, HIDDEN), mx.arange(length) * 7, mx.float32)


@pytest.mark.parametrize("length", [1, 2, 40])
def test_the_router_gives_the_same_to_the_same_experts(length: int) -> None:
    given = Inputs(length)
    arguments = given.normal(length, HIDDEN), given.bfloat16(HIDDEN), 1e-5
    dense = given.dense(EXPERTS, HIDDEN)
    shared = []
    for operations in (OWN, PLAIN):
        _, chosen, shares = operations.router(*arguments, dense, 3)
        given_to = np.zeros((length, EXPERTS), np.float32)
        np.put_along_axis(given_to, np.array(chosen).astype(int), np.array(shares), axis=1)
        shared.append(mx.array(given_to))
    assert error(*shared) < EXACT


@pytest.mark.parametrize("dtype", [mx.bfloat16, mx.float32])
@pytest.mark.parametrize("before", [0, 5, 511, 512, 1300])
@pytest.mark.parametrize("length", [1, 2, 130, 300])
def test_full_attention_agrees(length: int, before: int, dtype: mx.Dtype) -> None:
    given, total = Inputs(length + before), length + before
    q, kv = given.normal(HEADS, length, SIZE), given.normal(2, GROUPS, total + 9, SIZE)
    assert_alike("full_attention", q, kv.astype(dtype), total, given.bfloat16(HEADS))


@pytest.mark.parametrize("shown", [0.0, 0.02, 0.8, 1.0])
def test_band_attention_agrees_whatever_is_visible(shown: float) -> None:
    given, slots = Inputs(3), 160
    visible = mx.array(np.random.default_rng(4).random(slots) < shown)
    q, ring = given.normal(HEADS, 1, SIZE), given.bfloat16(2, GROUPS, slots, SIZE)
    sinks = given.bfloat16(HEADS)
    if shown == 0.0:  # the sink takes all
        assert not np.array(OWN.band_attention(q, ring, visible, sinks)).any()
    else:
        assert_alike("band_attention", q, ring, visible, sinks)


@pytest.mark.parametrize("known", [0, 1, 100, 128])
@pytest.mark.parametrize("length", [2, 127, 128, 129, 300])
def test_a_band_of_many_agrees(length: int, known: int) -> None:
    given = Inputs(length + known)
    q, kv = given.normal(HEADS, length, SIZE), given.bfloat16(2, GROUPS, 128 + length, SIZE)
    assert_alike("band_attention_prefill", q, kv, 128, known, given.bfloat16(HEADS))


def test_a_band_costs_no_more_where_more_went_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """O(n · window): a block of queries meets its own keys and a window's, and no others."""
    widths: list[int] = []
    softmax: Callable[..., None] = cpu_loops.softmax

    def noting(scores: Any, *others: Any) -> None:
        widths.append(scores.shape[1])
        softmax(scores, *others)

    monkeypatch.setattr(cpu_loops, "softmax", noting)
    given = Inputs(1)
    q, kv = given.normal(HEADS, 1000, SIZE), given.bfloat16(2, GROUPS, 1128, SIZE)
    OWN.band_attention_prefill(q, kv, 128, 128, given.bfloat16(HEADS))
    assert max(widths) <= 128 + 127


@pytest.mark.parametrize("exponent", [0, 1, 120, 200])
@pytest.mark.parametrize("tokens", [1, 3, 29, 30, 100])
def test_experts_agree(tokens: int, exponent: int) -> None:
    given = Inputs(tokens)
    x, normed = given.normal(tokens, HIDDEN), given.normal(tokens, HIDDEN)
    gate_up = given.experts(2 * INNER, HIDDEN, 118)
    down = given.experts(HIDDEN, INNER, exponent)
    shares = mx.softmax(given.normal(tokens, 2), axis=-1)
    chosen = given.choice(tokens, 2)
    arguments = (x, normed, chosen, shares, gate_up, down, 7.0)
    assert_alike("experts", *arguments, limit=ROUNDED * 3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_experts_hide_nothing_that_is_not_a_number(value: float) -> None:
    given = Inputs(2)
    normed = given.normal(2, HIDDEN)
    normed[0, 40] = value
    shares = mx.softmax(given.normal(2, 2), axis=-1)
    parts = given.experts(2 * INNER, HIDDEN), given.experts(HIDDEN, INNER)
    out = OWN.experts(normed, normed, given.choice(2, 2), shares, *parts, 7.0)
    found = np.isfinite(np.array(out))
    assert not found[0].any()
    assert found[1].all()


@pytest.mark.parametrize("exponent", [0, 1, 64, 127, 200, 251])
def test_mxfp4_is_unpacked_exactly(exponent: int) -> None:
    """All bytes, low nibble first, at any exponent that float32 has room for."""
    blocks = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    scales = np.full((1, 16), exponent, dtype=np.uint8)
    found = np.empty((1, 512), np.float32)
    cpu_loops.unpack(blocks.reshape(1, -1), scales, found)
    assert np.array_equal(found, mxfp4(blocks, scales).astype(np.float32))


def test_powers_are_those_of_numpy() -> None:
    x = np.linspace(-86, 86, 20001, dtype=np.float32)
    found = np.array([cpu_loops.exp(value) for value in x])
    assert np.allclose(found, np.exp(x.astype(np.float64)), rtol=3e-7 * 4)


@pytest.mark.parametrize("threads", [1, 2])
def test_any_number_of_threads_computes_the_same(threads: int) -> None:
    given = Inputs(7)
    arguments = given.normal(1, HIDDEN), given.bfloat16(HIDDEN), 1e-5, given.dense(300, HIDDEN)
    found = cpu.operations(threads).unembed(*arguments)
    assert np.array_equal(np.array(found), np.array(OWN.unembed(*arguments)))


# The whole network --------------------------------------------------------------------------------


def logits(model: Model, tokens: list[int], *pieces: int) -> Any:
    cache, parts, start = KeyValueCache(model.config, model.dtype), [], 0
    for size in (*pieces, *[1] * (len(tokens) - sum(pieces))):
        parts.append(model(mx.array(tokens[start : start + size]), cache))
        start += size
    return np.array(mx.concatenate(parts))


@pytest.mark.parametrize(
    ("length", "pieces"), [(6, ()), (150, (150,)), (151, (129, 3, 18)), (135, (124,))]
)
def test_the_networks_logits_agree(tiny_folder: Path, length: int, pieces: tuple[int, ...]) -> None:
    """At once, in pieces, and token by token, across the end of the window of 128."""
    tokens = [int(t) for t in np.random.default_rng(1).integers(0, 320, length)]
    read, mapped = Checkpoint.open(tiny_folder), Checkpoint.open(tiny_folder, for_numpy=True)
    twin = Model(read.config, read.weights, mx.bfloat16, PLAIN)
    own = Model(mapped.config, mapped.weights, mx.bfloat16, OWN)
    found, wanted = logits(own, tokens, *pieces), logits(twin, tokens, *pieces)
    # Caches round to bfloat16: a value on the edge may fall either way, hence not float32's limit.
    assert disagreement(found, wanted) < 0.01


def test_weights_stay_where_the_file_is_mapped(tiny_folder: Path) -> None:
    opened = Checkpoint.open(tiny_folder, for_numpy=True)
    for name, array in opened.weights.items():
        assert not array.flags.owndata, name
        assert not array.flags.writeable, name
    wanted = Checkpoint.open(tiny_folder).weights
    for name, array in wanted.items():
        bits = array.view(mx.uint16) if array.dtype == mx.bfloat16 else array
        assert np.array_equal(np.array(bits), opened.weights[name]), name


# Which route serves -------------------------------------------------------------------------------


@pytest.mark.skipif("cpu" not in choice.routes(), reason="there is a GPU")
def test_a_large_model_goes_to_the_cpu_route_and_a_small_one_to_plain_mlx(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inventory = inspect(write_tiny_checkpoint(tmp_path))
    assert open_network(inventory).choice.route == "plain"
    monkeypatch.setattr("mlx_engine.model.WIDEN_BYTES", 0)
    opened = open_network(inventory)
    assert opened.choice.route == "cpu"
    assert isinstance(opened.checkpoint.weights["model.norm.weight"], np.ndarray)


@pytest.mark.skipif("cpu" not in choice.routes(), reason="there is a GPU")
def test_a_route_that_computes_something_else_is_replaced_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(scores: Any, *others: Any) -> None:
        scores[:] = 1 / scores.shape[1]

    monkeypatch.setattr(cpu_loops, "softmax", wrong)
    opened = open_network(inspect(write_tiny_checkpoint(tmp_path)), dtype=mx.bfloat16)
    assert opened.choice.route == "plain"
    assert "full_attention differs" in opened.choice.replaced[0]
    assert "The CPU route is not used: full_attention differs" in capsys.readouterr().err
    cache = KeyValueCache(opened.model.config, mx.bfloat16)
    assert opened.model(mx.array([1, 2, 3]), cache).shape == (3, 320)


@pytest.mark.skipif("cpu" not in choice.routes(), reason="there is a GPU")
def test_a_machine_where_numba_does_not_work_is_served_by_plain_mlx(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def failing(threads: int | None) -> None:
        raise RuntimeError("cannot cache function: no locator\navailable")

    monkeypatch.setattr(cpu, "operations", failing)
    chosen = choice.choose_cpu(None, lambda share: None)
    assert chosen.operations is PLAIN
    assert chosen.replaced == (
        "cpu: Numba can't be used: cannot cache function: no locator available",
    )


def test_a_route_that_fails_to_compile_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any) -> None:
        raise RuntimeError("LLVM ERROR:\n  no such instruction")

    monkeypatch.setattr(cpu_loops, "attend", failing)
    objection = cpu_trial.try_route(OWN, lambda share: None)
    assert objection == "full_attention failed: LLVM ERROR: no such instruction"
