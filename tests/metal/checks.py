"""What every kernel is held to, whatever it computes."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlx_engine.metal_source import read_kernel
from tests.metal.cases.case import Case
from tests.metal.cpu_route import Result, Route, run
from tests.metal.numbers import from_bf16, relative_error

LIMIT = 4e-3  # bfloat16 keeps 8 bits: rounding once costs 1.7e-3 on average
CHECKED: Route = partial(run, checked=True)

TRAFFIC = 1.03  # bytes read over the least possible, for weights and caches


def case_id(make: partial[Case]) -> str:
    parts = [make.func.__name__, *(getattr(part, "name", part) for part in make.args)]
    return "-".join(map(str, parts))


def assert_matches(
    found: Mapping[str, NDArray[Any]], reference: Mapping[str, NDArray[Any]]
) -> None:
    for name, expected in reference.items():
        if expected.dtype.kind == "u":
            np.testing.assert_array_equal(found[name], expected, name)
            continue
        values = from_bf16(found[name]) if found[name].dtype == np.uint16 else found[name]
        error = relative_error(values, expected)
        assert error < LIMIT, f"{name}: relative error {error:.2e}"


def run_case(case: Case, route: Route = run) -> Result:
    result = route(read_kernel(case.kernel), case.launch, case.inputs)
    if case.then is None:
        return result
    kernel, launch = case.then
    second = route(read_kernel(kernel), launch, {**case.inputs, **result.outputs})
    return Result({**result.outputs, **second.outputs}, result.traffic)


def assert_sound(case: Case, lane_orders: Sequence[int] = (0, 5)) -> None:
    """Agrees with float64 in the fast build; passes every check, in each lane order, to the bit."""
    fast = run_case(case)
    assert_matches(fast.outputs, case.reference)
    for lane_order in lane_orders:
        checked = run_case(case, partial(run, checked=True, lane_order=lane_order))
        for name, array in checked.outputs.items():
            np.testing.assert_array_equal(array.view(np.uint8), fast.outputs[name].view(np.uint8))
    assert_reads_little(case, checked)


def assert_reads_little(case: Case, result: Result) -> None:
    """Weights and caches are read once, however many threads of a threadgroup need them."""
    for name, least in case.least_bytes.items():
        traffic = result.traffic[name]
        assert traffic.read_by_threadgroups <= TRAFFIC * least, f"{name}: {traffic}, least {least}"
