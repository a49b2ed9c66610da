"""Each decode kernel against float64, in both CPU builds, at small sizes and at 20b's own."""

from functools import partial

import pytest

from tests.metal.cases import attention, dense, experts
from tests.metal.cases.case import SMALL, TINY, Case
from tests.metal.cases.production import REAL_DECODE
from tests.metal.checks import (
    CHECKED,
    assert_matches,
    assert_reads_little,
    assert_sound,
    case_id,
    run_case,
)
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
    *(partial(attention.full, TINY, *at) for at in [(1, 1), (5, 1), (32, 1), (33, 3), (100, 4)]),
    *(partial(attention.full, SMALL, *at) for at in [(1, 4), (127, 1), (128, 2), (129, 2)]),
    partial(attention.full, SMALL, 700, 5),
    partial(attention.band, SMALL, 200, "certain"),
    partial(attention.band, TINY, 7, "nan"),
]  # fmt: skip


@pytest.mark.parametrize("make", LADDER, ids=case_id)
def test_a_kernel_agrees_with_float64_and_passes_every_check(make: partial[Case]) -> None:
    assert_sound(make())


@pytest.mark.full
@pytest.mark.parametrize("make", LADDER, ids=case_id)
def test_eight_lane_orders_give_the_same_bits(make: partial[Case]) -> None:
    assert_sound(make(), range(8))


@pytest.mark.full
@pytest.mark.parametrize("make", REAL_DECODE, ids=case_id)
def test_a_kernel_agrees_with_float64_at_real_size(make: partial[Case]) -> None:
    case = make()
    assert_matches(run_case(case).outputs, case.reference)


@pytest.mark.full
@pytest.mark.parametrize("make", REAL_DECODE, ids=case_id)
def test_a_kernel_reads_its_weights_once_at_real_size(make: partial[Case]) -> None:
    case = make()
    assert_reads_little(case, run_case(case, CHECKED))


def test_attention_loads_each_key_and_value_once_and_only_visible_ones() -> None:
    for name, case in [
        ("ring", attention.band(SMALL, 5000)),
        ("kv", attention.full(SMALL, 700, 5)),
    ]:
        assert run_case(case, CHECKED).traffic[name].read == case.least_bytes[name]
