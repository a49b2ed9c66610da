"""Times each kernel on this machine's GPU at 20b's sizes; a JSON line each.

    python -m tests.metal.speed

A kernel's rate is the bytes it can't do without (weights, caches) over its time, beside what a
plain copy of 1 GB reaches in the same run. Written where no GPU was at hand: not run yet.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import mlx.core as mx

from mlx_engine.kernels.launch import call_kernel
from mlx_engine.metal_source import read_kernel
from tests.metal import gpu_route
from tests.metal.cases.case import Case
from tests.metal.cases.production import REAL_DECODE
from tests.metal.toolchain import Missing

WARM_UPS, REPEATS = 3, 9
CALLS = 20  # queued at a time, so that the cost of one wait is shared
COPIES = 4  # of the inputs, taken in turn: a cache must not hold what a layer would not find there


def main() -> int:
    gpu = gpu_route.gpu()
    if isinstance(gpu, Missing):
        print(gpu.reason, file=sys.stderr)
        return 1
    copy = _copy_rate()
    print(json.dumps({"gpu": gpu, "copy_gb_per_s": round(copy / 1e9, 1)}), flush=True)
    for make in REAL_DECODE:
        case = make()
        seconds = _median_s(_queued(case)) / CALLS
        rate = sum(case.least_bytes.values()) / seconds
        line = {
            "kernel": case.kernel,
            "us": round(seconds * 1e6, 2),
            "gb_per_s": round(rate / 1e9, 1),
            "share_of_copy": round(rate / copy, 3),
        }
        print(json.dumps(line), flush=True)
    return 0


def _queued(case: Case) -> Callable[[], None]:
    source = read_kernel(case.kernel)
    kernel = gpu_route.kernel_of(source)
    sets = [gpu_route.mlx_inputs(source, case.launch, case.inputs) for _ in range(COPIES)]
    mx.eval(sets)

    def queue() -> None:
        mx.eval([call_kernel(kernel, source, case.launch, sets[i % COPIES]) for i in range(CALLS)])

    return queue


def _copy_rate() -> float:
    """Bytes read and written a second by MLX's own copy of 1 GB."""
    x = mx.zeros((1 << 28,), mx.float32)
    mx.eval(x)
    return 2 * x.nbytes / _median_s(partial(_copy, x))


def _copy(x: mx.array) -> None:
    mx.eval(x + 1)


def _median_s(step: Callable[[], None]) -> float:
    times = []
    for repeat in range(WARM_UPS + REPEATS):
        mx.synchronize()
        start = time.perf_counter()
        step()
        mx.synchronize()
        if repeat >= WARM_UPS:
            times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    sys.exit(main())
