"""Every kind of mistake that the checked build and the strict check promise to find, planted.

A check that nothing has ever tripped proves nothing. Each fault changes one place of a real kernel
(or of a header that it includes); the message has to name it.
"""

import re
from dataclasses import dataclass, replace

import pytest

from mlx_engine.metal_source import (
    MetalSource,
    MetalSourceError,
    metal_folder,
    parse_kernel,
    read_kernel,
)
from tests.metal import strict_route
from tests.metal.cases import attention, dense, experts
from tests.metal.cases.case import SMALL, TINY, Case
from tests.metal.cpu_route import Finding, run
from tests.metal.toolchain import Missing, cpu_compiler, strict_clang

BARRIER = "threadgroup_barrier(mem_flags::mem_threadgroup);"
UNORDERED = "race on threadgroup memory|before anything wrote it"  # by which lane ran first


@dataclass(frozen=True, slots=True)
class Fault:
    name: str
    old: str
    new: str
    message: str = ""  # a regular expression that the finding has to match


def planted(kernel: str, fault: Fault) -> MetalSource:
    """The kernel, with the fault's first place in the body or, failing that, the header changed."""
    source = read_kernel(kernel)
    for part in ("body", "header"):
        text = getattr(source, part)
        if fault.old in text:
            return replace(source, **{part: text.replace(fault.old, fault.new, 1)})
    raise AssertionError(f"{kernel} has no {fault.old!r}: plant the fault elsewhere")


BAND = [
    Fault("no barrier before the tile is overwritten", f"{BARRIER}\n      attend_stage",
          "\n      attend_stage", r"race on threadgroup memory.* writes after a read"),
    Fault("no barrier before the tile is read", f"{BARRIER}\n      attend_block",
          "\n      attend_block", UNORDERED),
    Fault("barrier for device memory only", f"{BARRIER}\n      attend_block",
          "threadgroup_barrier(mem_flags::mem_device);\n      attend_block", UNORDERED),
    Fault("simdgroup barrier where a threadgroup's is due", f"{BARRIER}\n      attend_block",
          "simdgroup_barrier(mem_flags::mem_threadgroup);\n      attend_block", UNORDERED),
    Fault("no simdgroup barrier before the shares are read",
          "simdgroup_barrier(mem_flags::mem_threadgroup);\n  for", "\n  for",
          rf"({UNORDERED}).*attend\.h:\d+, called from"),
    Fault("barrier that some lanes skip", f"{BARRIER}\n      attend_block",
          f"{BARRIER}\n      if (lane < 16u) {{ {BARRIER} }}\n      attend_block",
          "simdgroup divergence"),
    Fault("barrier that a simdgroup skips", f"{BARRIER}\n      attend_block",
          f"{BARRIER}\n      if (simdgroup_index_in_threadgroup != 0u) {{ {BARRIER} }}\n"
          "      attend_block", "threadgroup divergence"),
    Fault("early return", "  float largest =", "  if (lane == 3u) { return; }\n  float largest =",
          "divergence.*its end"),
    Fault("simd operation that some lanes skip", "const uint shown = simd_sum(",
          "const uint shown = lane > 20u ? 1u : simd_sum(", "simdgroup divergence"),
    Fault("read beyond a buffer", "KV_HEADS * SLOTS * HEAD_DIM;",
          "(KV_HEADS + 1) * SLOTS * HEAD_DIM;", "out of bounds: read of ring"),
    Fault("read before a buffer", "keys + KV_HEADS", "keys - KV_HEADS",
          "out of bounds: read of ring"),
    Fault("write beyond a buffer", "out[head * uint(HEAD_DIM) + 2u * word] =",
          "out[(head + 1u) * uint(HEAD_DIM) + 2u * word] =", "out of bounds: write to out"),
    Fault("write beyond threadgroup memory", "shares + 32u *", "shares + 3000u + 32u *",
          "out of bounds: (write to|read of) threadgroup memory"),
    Fault("wild pointer", "keys + first", "keys + 90000000u + first", "wild read"),
    Fault("threadgroup memory never written", "for (uint i = lane; i < uint(HEAD_DIM)",
          "for (uint i = lane + 1u; i < uint(HEAD_DIM)", "before anything wrote it"),
    Fault("output with holes", "uint word = lane, i = 0u; word < uint(HEAD_DIM) / 2u;",
          "uint word = lane, i = 0u; word < uint(HEAD_DIM) / 2u - 1u;", "bytes of out unwritten"),
    Fault("two simdgroups write one place", "out[head * uint(HEAD_DIM) + 2u * word] =",
          "out[head / 2u * uint(HEAD_DIM) + 2u * word] =", "race on out"),
    Fault("too much threadgroup memory", "threadgroup float query[HEADS",
          "threadgroup float query[10000 + HEADS", "threadgroup memory; Metal grants 32768"),
    Fault("misaligned load", "bf16x4_at(keys + row *", "bf16x4_at(keys + 1 + row *", "misaligned"),
    Fault("shift too far", "is_visible ? 1u << lane : 0u", "is_visible ? 1u << (lane + 9u) : 0u",
          "shift by"),
    Fault("index beyond a thread's own array", "sums[i].x / total", "sums[i + 1u].x / total",
          "array index 1 is out of bounds"),
    Fault("shuffle from a lane that is none", "float total = 1.0f;",
          "float total = simd_shuffle(1.0f, ushort(lane + 8u));", "simd_shuffle from lane"),
    Fault("write to an input", "  float largest =",
          "  ((device bfloat16_t*)q)[0] = q[1];\n  float largest =", "write to the input q"),
]  # fmt: skip

DOWN = [
    Fault("no barrier before the sum over experts", f"{BARRIER}\n\n  if (thread_index",
          "\n\n  if (thread_index", UNORDERED),
    Fault("no barrier between stretches",
          "    simdgroup_barrier(mem_flags::mem_threadgroup);\n  }\n  sums", "  }\n  sums", "race"),
    Fault("16-byte load of a weight",
          "const uint2 word = words[2u * (r * row_blocks + block) + part];",
          "const uint4 all = reinterpret_cast<const device uint4*>(words)[block];\n"
          "          const uint2 word = part == 0u ? all.xy : all.zw;", "misaligned"),
    Fault("output read before it is written", "float sum = float(x[", "float sum = float(out[",
          "out.* is read by thread 0 before anything wrote it"),
    Fault("threadgroups that write one place",
          "const uint first_row = 4u * threadgroup_position_in_grid.x;",
          "const uint first_row = 4u * (threadgroup_position_in_grid.x & ~1u);",
          "race on out.*of another threadgroup"),
    Fault("an expert that is not there", "size_t(chosen[slot])", "size_t(chosen[slot] + 4u)",
          "out of bounds: read of (blocks|scales)"),
    Fault("communication through device memory without a barrier", "      sum += weighted[i][r];",
          "      sum += weighted[i][r];\n      out[first_row + (r ^ 1u)] = bfloat16_t(sum);",
          "race on out"),
]  # fmt: skip


@pytest.mark.skipif(isinstance(cpu_compiler(), Missing), reason=str(cpu_compiler()))
@pytest.mark.parametrize("fault", BAND, ids=lambda fault: fault.name)
def test_the_checked_build_finds_in_band_attention(fault: Fault) -> None:
    assert_found(planted("band_attention", fault), attention.band(SMALL, 200), fault)


@pytest.mark.skipif(isinstance(cpu_compiler(), Missing), reason=str(cpu_compiler()))
@pytest.mark.parametrize("fault", DOWN, ids=lambda fault: fault.name)
def test_the_checked_build_finds_in_experts_down(fault: Fault) -> None:
    sizes = replace(TINY, inner=1056)  # 33 blocks: a stretch and the beginning of another
    assert_found(planted("experts_down", fault), experts.down(sizes), fault)


def assert_found(source: MetalSource, case: Case, fault: Fault) -> None:
    with pytest.raises(Finding, match=fault.message):
        for lane_order in (0, 3):
            run(source, case.launch, case.inputs, checked=True, lane_order=lane_order)


def test_a_memory_finding_names_the_kernels_line() -> None:
    source = planted("experts_down", DOWN[3])
    with pytest.raises(Finding, match=r"at experts_down\.metal:\d+$") as caught:
        case = experts.down(TINY)
        run(source, case.launch, case.inputs, checked=True)
    number = int(str(caught.value).rsplit(":", 1)[1])
    line = (metal_folder() / "experts_down.metal").read_text().split("\n")[number - 1]
    assert "float sum = float(x[" in line


STRICT = [
    Fault("helper without an address space", "float4 bf16x4(uint2 bits)",
          "float4 bf16x4(uint2* bits)"),
    Fault("pointer without an address space", "const device uint2* words", "const uint2* words"),
    Fault("cast to another address space", "reinterpret_cast<const device uint2*>(blocks)",
          "reinterpret_cast<const constant uint2*>(blocks)"),
    Fault("dropped const", "const device uint8_t* exponents", "device uint8_t* exponents"),
    Fault("float stored as bfloat by itself", "= bfloat16_t(sum);", "= sum;"),
    Fault("program-scope variable without constant", "constant constexpr float MXFP4_UNIT",
          "constexpr float MXFP4_UNIT"),
    Fault("minimum of unlike types", "float sum = float(x[", "float sum = min(1, 2.0f) + float(x["),
    Fault("as_type to another size", "as_type<float>(uint(exponent) << 23)",
          "as_type<half>(uint(exponent) << 23)"),
    Fault("C's function", "float sum = float(x[", "float sum = expf(1.0f) + float(x["),
    Fault("narrowing", "const uint slot =", "const ushort slot ="),
    Fault("C++17", "  if (lane == 0u) {", "  if constexpr (CHOSEN > 0) {"),
    Fault("undeclared builtin", "const uint lane =",
          "const uint width = threads_per_simdgroup;\n  const uint lane ="),
    Fault("barrier flag of OpenCL", BARRIER, "threadgroup_barrier(CLK_LOCAL_MEM_FENCE);"),
    Fault("barrier without a flag", BARRIER, "threadgroup_barrier();"),
    Fault("barrier with a number", BARRIER, "threadgroup_barrier(2);"),
    Fault("threadgroup memory in an inner scope", "  if (lane == 0u) {",
          "  if (lane == 0u) {\n    threadgroup float inner_scope[4]; inner_scope[0] = 1.0f;"),
    Fault("initialised threadgroup memory", "threadgroup float4 weighted[CHOSEN];",
          "threadgroup float4 weighted[CHOSEN] = {float4(0.0f)};"),
    Fault("write to an input", "  float4 sums =", "  shares[0] = 1.0f;\n  float4 sums ="),
    Fault("vectors of unlike elements", "return products *",
          "return uint4(1u, 1u, 1u, 1u) * products *"),
    Fault("vector of three for four", "float4 products = float4(0.0f)",
          "float4 products = float3(0.0f)"),
    Fault("double", "float sum = float(x[", "double sum = float(x["),
    Fault("unused variable", "  float4 sums =", "  float4 unused = float4(0.0f);\n  float4 sums ="),
    Fault("uninitialised variable", "    float sum = float(x[first_row + r]);", "    float sum;"),
    Fault("signed against unsigned", "if (block < row_blocks) {", "if (int(block) < row_blocks) {"),
]  # fmt: skip


@pytest.mark.skipif(isinstance(strict_clang(), Missing), reason=str(strict_clang()))
@pytest.mark.parametrize("fault", STRICT, ids=lambda fault: fault.name)
def test_the_strict_check_finds(fault: Fault) -> None:
    case = experts.down(TINY)
    text = strict_route.mlx_text(planted("experts_down", fault), case.launch, case.inputs)
    assert strict_route.complaints(text, case.launch.template)


@pytest.mark.skipif(isinstance(strict_clang(), Missing), reason=str(strict_clang()))
def test_the_strict_check_finds_a_short_input_that_mlx_makes_constant() -> None:
    case = dense.attention_out(TINY)
    inputs = {**case.inputs, "bias": case.inputs["bias"][:4]}
    text = strict_route.mlx_text(read_kernel("attention_out"), case.launch, inputs)
    assert "constant" in strict_route.complaints(text, case.launch.template)


@pytest.mark.skipif(isinstance(strict_clang(), Missing), reason=str(strict_clang()))
@pytest.mark.parametrize(
    ("fault", "file"),
    [
        (Fault("", "const uint slot =", "const ushort slot ="), "experts_down.metal"),
        (Fault("", "float4 products = float4", "float4 products = float3"), "mxfp4.h"),
    ],
)
def test_a_complaint_names_the_kernels_line(fault: Fault, file: str) -> None:
    case = experts.down(TINY)
    text = strict_route.mlx_text(planted("experts_down", fault), case.launch, case.inputs)
    complaint = strict_route.complaints(text, case.launch.template)
    place = re.match(rf"{re.escape(file)}:(\d+):", complaint)
    assert place is not None, complaint
    line = (metal_folder() / file).read_text().split("\n")[int(place.group(1)) - 1]
    assert fault.old in line


LINT = [
    Fault("double literal", "float(x[first_row + r])", "float(x[first_row + r]) + 1.0", "suffix f"),
    Fault("exponent without suffix", "float(x[first_row + r])", "1e3 + float(x[0])", "suffix f"),
    Fault("std", "const size_t row", "const std::size_t row", "std"),
    Fault("lambda", "  float4 sums =",
          "  auto f = [](float v) { return v; };\n  float4 sums =", "lambda"),
    Fault("static", "  float4 sums =", "  static float4 sums =", "static"),
    Fault("second kernel", '#include "mxfp4.h"\n',
          '#include "mxfp4.h"\n[[kernel]] void experts_down() {}\n',
          r"one \[\[kernel\]\]"),
    Fault("builtin in a comment", "// 33: rows of 32 would share their banks",
          "// not thread_position_in_grid",
          "used but not declared"),
    Fault("builtin under another name", "uint thread_index_in_simdgroup [[", "uint lane_id [[",
          "name it like its attribute"),
    Fault("output before an input", "    const device uint32_t* chosen",
          "    device uint32_t* chosen",
          "inputs come before"),
    Fault("buffers out of order", "out [[buffer(7)]]", "out [[buffer(8)]]", "count up from 0"),
    Fault("threadgroup memory in a helper", "template <int HIDDEN",
          "inline float f() {\n  threadgroup float t[4];\n  return t[0];\n}\n"
          "template <int HIDDEN",
          "only be declared in the kernel"),
    Fault("two threadgroup arrays a line", "threadgroup float4 weighted[CHOSEN];",
          "threadgroup float4 weighted[CHOSEN], more[2];", "one a line"),
    Fault("recursion", "template <int HIDDEN",
          "inline uint f(uint n) { return n == 0u ? 0u : f(n - 1u); }\n\ntemplate <int HIDDEN",
          "calls itself"),
]  # fmt: skip


@pytest.mark.parametrize("fault", LINT, ids=lambda fault: fault.name)
def test_reading_a_kernel_refuses(fault: Fault) -> None:
    text = (metal_folder() / "experts_down.metal").read_text()
    assert fault.old in text
    with pytest.raises(MetalSourceError, match=fault.message):
        parse_kernel("experts_down", text.replace(fault.old, fault.new, 1))
