"""On a machine with a GPU: each kernel there agrees with float64, small and at 20b's sizes."""

from functools import partial

import pytest

from tests.metal import gpu_route
from tests.metal.cases.case import Case
from tests.metal.cases.production import REAL_DECODE, REAL_PREFILL
from tests.metal.checks import assert_matches, case_id, run_case
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
