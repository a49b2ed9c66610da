"""One JSON line a kernel, at 20b's own sizes: what each route says about it.

    python -m tests.metal.report [KERNEL …]

A: well-formed as MLX hands it to Apple's compiler, for 20b and 120b. B: relative error of the fast
CPU build against float64; the checked build's first finding; bytes read over the least possible,
each byte once a threadgroup. C: compiled by NVRTC, and run where there is a GPU.
`activation_bytes` counts what is not a weight or a cache the same way. Exit 1 unless all is sound.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from mlx_engine.metal_source import read_kernel
from tests.metal import cuda_route, gpu_route, strict_route
from tests.metal.cases.case import Case
from tests.metal.cases.production import (
    PRODUCTION,
    REAL_DECODE,
    REAL_PREFILL,
    small_cases,
    templates,
)
from tests.metal.checks import CHECKED, LIMIT, assert_matches, run_case
from tests.metal.cpu_build import BuildError
from tests.metal.cpu_route import Finding
from tests.metal.numbers import from_bf16, relative_error
from tests.metal.toolchain import Missing, cpu_compiler, nvrtc, strict_clang


@dataclass(frozen=True, slots=True)
class Role:
    """`launches`: a layer's, or a token's for the unembedding. `twin`: what MLX would run."""

    launches: int
    twin: str


_UNEMBED = "fast.rms_norm, matmul, astype; sampling: random.gumbel, add, argmax"
_EXPERTS = "gather_qmm(mode=mxfp4), take, add, split, minimum, clip, sigmoid, multiply"
ROLES = {
    "qkv_rope": Role(1, "fast.rms_norm, 3 addmm, rope (6 elementwise), stack"),
    "band_attention": Role(1, "fast.scaled_dot_product_attention(mask, sinks)"),
    "full_attention": Role(2, "fast.scaled_dot_product_attention(sinks)"),
    "attention_out": Role(1, "addmm, add"),
    "router": Role(1, "fast.rms_norm, addmm, argpartition, take_along_axis, softmax"),
    "experts_gate_up": Role(1, _EXPERTS),
    "experts_down": Role(1, "gather_qmm(mode=mxfp4), take, add, multiply, sum, add"),
    "unembed": Role(1, _UNEMBED),
    "unembed_8bit": Role(1, _UNEMBED.replace("matmul", "quantized_matmul")),
    "experts_gemm": Role(2, f"argsort, {_EXPERTS}"),
    "band_flash": Role(1, "fast.scaled_dot_product_attention on pairs of blocks"),
}


def main(wanted: list[str]) -> int:
    factories = [*REAL_DECODE, *REAL_PREFILL]
    all_sound = True
    for make in factories:
        case = make()
        if wanted and case.kernel not in wanted:
            continue
        line = _line(case)
        print(json.dumps(line), flush=True)
        all_sound &= line["A"] == line["B_checked"] == "ok" and line["C"] in ("compiled", "ran")
        all_sound &= isinstance(line["B_error"], float) and line["B_error"] < LIMIT
    return 0 if all_sound else 1


def _line(case: Case) -> dict[str, object]:
    role = ROLES[case.kernel]
    error, checked, ratio, activations = _on_the_cpu(case)
    return {
        "kernel": case.kernel,
        "A": _unless_missing(strict_clang(), partial(_strict, case.kernel)),
        "B_error": error,
        "B_checked": checked,
        "C": _unless_missing(nvrtc(), partial(_cuda, case)),
        "bytes_ratio": ratio,
        "activation_bytes": activations,
        "launches_per_layer": role.launches,
        "twin": role.twin,
    }


def _unless_missing(tool: object, say: Callable[[], str]) -> str:
    return tool.reason if isinstance(tool, Missing) else say()


def _on_the_cpu(case: Case) -> tuple[float | None, str, float | None, int | None]:
    compiler = cpu_compiler()
    if isinstance(compiler, Missing):
        return None, compiler.reason, None, None
    try:
        outputs = run_case(case).outputs
        errors = [
            relative_error(from_bf16(found) if found.dtype == np.uint16 else found, expected)
            for name, expected in case.reference.items()
            for found in (outputs[name],)
            if expected.dtype.kind == "f"
        ]
        error = float(f"{max(errors):.2e}")
        traffic = run_case(case, CHECKED).traffic
    except (BuildError, Finding) as finding:
        return None, str(finding).split("\n")[0], None, None
    weights = sum(traffic[name].read_by_threadgroups for name in case.least_bytes)
    others = sum(moved.read_by_threadgroups for moved in traffic.values()) - weights
    least = sum(case.least_bytes.values())
    return error, "ok", round(weights / least, 4) if least else None, others


def _strict(kernel: str) -> str:
    case = small_cases()[kernel]
    for sizes in PRODUCTION:
        for template in templates(sizes)[kernel]:
            launch = case.launch.with_template(template)
            text = strict_route.mlx_text(read_kernel(kernel), launch, case.inputs)
            complaints = strict_route.complaints(text, template)
            if complaints:
                return complaints.split("\n")[0]
    return "ok"


def _cuda(case: Case) -> str:
    try:
        for template in templates(PRODUCTION[0])[case.kernel]:
            cuda_route.compiled(read_kernel(case.kernel), template)
        if gpu_route.gpu() != "cuda":
            return "compiled"
        assert_matches(run_case(case, gpu_route.run).outputs, case.reference)
    except AssertionError as error:  # NVRTC's words, or the disagreement
        return str(error).split("\n")[0]
    return "ran"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
