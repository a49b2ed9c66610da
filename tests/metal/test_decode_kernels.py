"""Each decode kernel against float64, in both CPU builds, at small sizes and at 20b's own."""

from functools import partial

import pytest

from mlx_engine.metal_source import read_kernel
from tests.metal.cases import attention, dense, experts
from tests.metal.cases.case import REAL_20B, REAL_120B, SMALL, TINY, Case, Sizes
from tests.metal.checks import assert_matches, assert_reads_little, assert_sound, case_id, run_case
from tests.metal.cpu_route import Result, run
from tests.metal.toolchain import Missing, cpu_compiler

pytestmark = pytest.mark.skipif(isinstance(cpu_compiler(), Missing), reason=str(cpu_compiler()))

LADDER: list[partial[Case]] = [
    partial(dense.qkv_rope, TINY),
    partial(dense.qkv_rope, SMALL),
    partial(dense.qkv_rope, SMALL, "large", 1e4),
    partial(dense.qkv_rope, TINY, "zero", 0.0),
    partial(dense.attention_out, TINY),
    partial(dense.attention_out, SMALL),
    partial(dense.router, TINY),
    partial(dense.router, SMALL),
    partial(dense.router, SMALL, "ties"),
    partial(dense.router, SMALL, "nan"),
    partial(dense.router, TINY, "one-simdgroup", 32),
    partial(dense.unembed, TINY),
    partial(dense.unembed, SMALL),
    partial(dense.unembed_8bit, TINY, 64),
    partial(dense.unembed_8bit, SMALL, 32),
    partial(experts.gate_up, TINY),
    partial(experts.gate_up, SMALL),
    partial(experts.gate_up, SMALL, "exponent-0"),
    partial(experts.gate_up, SMALL, "exponent-1"),
    partial(experts.gate_up, SMALL, "exponent-127"),
    partial(experts.gate_up, TINY, "exponent-254"),
    partial(experts.gate_up, TINY, "nan"),
    partial(experts.gate_up, TINY, "infinity"),
    partial(experts.down, TINY),
    partial(experts.down, SMALL),
    partial(experts.down, TINY, "nan"),
    *(partial(attention.band, TINY, p) for p in (0, 3, 15, 16, 23, 24, 40, 1000)),
    *(partial(attention.band, SMALL, p) for p in (0, 126, 127, 128, 159, 160, 5000)),
    partial(attention.band, SMALL, 200, "certain"),
    partial(attention.band, TINY, 7, "nan"),
]  # fmt: skip

REAL: list[partial[Case]] = [
    partial(dense.qkv_rope, REAL_20B),
    partial(dense.attention_out, REAL_20B),
    partial(dense.router, REAL_20B, "random", 512),
    partial(dense.router, REAL_120B, "random", 512),
    partial(dense.unembed, REAL_20B),
    partial(dense.unembed_8bit, REAL_20B, 64),
    partial(experts.gate_up, REAL_20B),
    partial(experts.down, REAL_20B),
    partial(attention.band, REAL_20B, 100),
    partial(attention.band, REAL_20B, 1000),
]


@pytest.mark.parametrize("make", LADDER, ids=case_id)
def test_a_kernel_agrees_with_float64_and_passes_every_check(make: partial[Case]) -> None:
    assert_sound(make())


@pytest.mark.full
@pytest.mark.parametrize("make", REAL, ids=case_id)
def test_a_kernel_agrees_with_float64_at_real_size(make: partial[Case]) -> None:
    case = make()
    assert_matches(run_case(case).outputs, case.reference)


@pytest.mark.full
@pytest.mark.parametrize("make", REAL, ids=case_id)
def test_a_kernel_reads_its_weights_once_at_real_size(make: partial[Case]) -> None:
    case = make()
    assert_reads_little(case, run_case(case, checked=True))


ATTENTION = [
    (TINY, 1, 1), (TINY, 5, 1), (TINY, 32, 1), (TINY, 33, 3), (TINY, 100, 2), (TINY, 100, 4),
    (SMALL, 1, 4), (SMALL, 127, 1), (SMALL, 128, 2), (SMALL, 129, 2), (SMALL, 700, 5),
]  # fmt: skip


def attend_in_full(case: Case, sizes: Sizes, *, checked: bool = False) -> tuple[Result, Result]:
    parts = run_case(case, checked=checked)
    inputs = {**parts.outputs, "extent": case.inputs["extent"]}
    merge = read_kernel("full_attention_merge")
    merged = run(merge, attention.merge_launch(sizes), inputs, checked=checked)
    return parts, merged


@pytest.mark.parametrize(("sizes", "length", "parts"), ATTENTION)
def test_full_attention_in_parts_agrees_with_float64(sizes: Sizes, length: int, parts: int) -> None:
    case = attention.full(sizes, length, parts)
    _, fast = attend_in_full(case, sizes)
    assert_matches(fast.outputs, case.reference)
    traced, checked = attend_in_full(case, sizes, checked=True)
    assert (checked.outputs["out"] == fast.outputs["out"]).all()
    assert_reads_little(case, traced)


@pytest.mark.full
@pytest.mark.parametrize(("length", "parts"), [(1000, 8), (4096, 16), (20_000, 16)])
def test_full_attention_agrees_with_float64_at_real_size(length: int, parts: int) -> None:
    case = attention.full(REAL_20B, length, parts)
    traced, merged = attend_in_full(case, REAL_20B, checked=True)
    assert_matches(merged.outputs, case.reference)
    assert_reads_little(case, traced)
    assert traced.traffic["kv"].read == case.least_bytes["kv"]  # not even from a cache


def test_band_attention_touches_only_what_is_visible() -> None:
    case = attention.band(SMALL, 5000)
    assert run_case(case, checked=True).traffic["ring"].read == case.least_bytes["ring"]
