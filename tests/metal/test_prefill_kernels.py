"""Each prefill kernel against float64, in both CPU builds, from one token to several tiles."""

from dataclasses import replace
from functools import partial

import pytest

from tests.metal.cases import prefill
from tests.metal.cases.case import REAL_20B, TINY, Case
from tests.metal.checks import assert_matches, assert_sound, case_id, run_case
from tests.metal.toolchain import Missing, cpu_compiler

pytestmark = pytest.mark.skipif(isinstance(cpu_compiler(), Missing), reason=str(cpu_compiler()))

SIZES = replace(TINY, inner=64, experts=9, window=32)  # more experts than few tokens choose
GATED = True

LADDER: list[partial[Case]] = [
    *(partial(prefill.experts_gemm, SIZES, n, 8, GATED) for n in (1, 5, 30)),
    *(partial(prefill.experts_gemm, SIZES, n, 8, not GATED) for n in (1, 30)),
    partial(prefill.experts_gemm, SIZES, 9, 8, GATED, "crowded"),
    partial(prefill.experts_gemm, SIZES, 64, 64, GATED, "crowded"),
    partial(prefill.experts_gemm, SIZES, 65, 64, not GATED, "crowded"),
    partial(prefill.experts_gemm, SIZES, 90, 64, GATED),
    *(partial(prefill.band_flash, SIZES, *at) for at in [(1, 0), (1, 32), (2, 7), (31, 0)]),
    *(partial(prefill.band_flash, SIZES, *at) for at in [(32, 31), (33, 32), (70, 5)]),
]


@pytest.mark.parametrize("make", LADDER, ids=case_id)
def test_a_kernel_agrees_with_float64_and_passes_every_check(make: partial[Case]) -> None:
    assert_sound(make())


@pytest.mark.full
@pytest.mark.parametrize("make", LADDER, ids=case_id)
def test_eight_lane_orders_give_the_same_bits(make: partial[Case]) -> None:
    assert_sound(make(), range(8))


@pytest.mark.full
@pytest.mark.parametrize("length", [1, 127, 128, 129, 300])
def test_banded_prefill_agrees_with_float64_at_the_windows_edges(length: int) -> None:
    sizes = replace(REAL_20B, heads=8, kv_heads=1)  # one group of the eight: all are alike
    for known in (0, 100, 128):
        case = prefill.band_flash(sizes, length, known)
        assert_matches(run_case(case).outputs, case.reference)


@pytest.mark.full
@pytest.mark.parametrize("gated", [True, False])
def test_experts_gemm_agrees_with_float64_at_real_size(gated: bool) -> None:
    sizes = replace(REAL_20B, experts=3, chosen=2)
    case = prefill.experts_gemm(sizes, 10, 8, gated)
    assert_matches(run_case(case).outputs, case.reference)
