"""Turns a Metal kernel into an ordinary C++ function that a CPU or CUDA compiler understands.

Owns the few rewrites that a header of definitions (a prelude) can't do; knows neither compilers
nor what stands in the preludes. Everything else of Metal's vocabulary is defined there.
"""

import re
from collections.abc import Mapping

from mlx_engine.metal_source import BUILTIN_TYPES, Buffer, MetalSource, metal_folder

TemplateValue = int | bool | str  # a str names a type as Metal spells it

_ADDRESS_SPACE = re.compile(r"\b(device|threadgroup|constant|thread)\b(?=[ \t]+\w)[ \t]+")
_THREADGROUP_ARRAY = re.compile(r"^  threadgroup ([\w<>, ]+?) (\w+)((?:\[[^\]]+\])+);", re.M)
_PROGRAM_TABLE = re.compile(r"^constant (?!constexpr)(\w+) (\w+\[)", re.M)

_LINEAR = "((threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x)"
_CUDA_BUILTINS = {
    "thread_position_in_grid": (
        "uint3(blockIdx.x * blockDim.x + threadIdx.x, blockIdx.y * blockDim.y + threadIdx.y, "
        "blockIdx.z * blockDim.z + threadIdx.z)"
    ),
    "thread_position_in_threadgroup": "uint3(threadIdx.x, threadIdx.y, threadIdx.z)",
    "threadgroup_position_in_grid": "uint3(blockIdx.x, blockIdx.y, blockIdx.z)",
    "threads_per_threadgroup": "uint3(blockDim.x, blockDim.y, blockDim.z)",
    "threadgroups_per_grid": "uint3(gridDim.x, gridDim.y, gridDim.z)",
    "thread_index_in_threadgroup": _LINEAR,
    "thread_index_in_simdgroup": f"{_LINEAR} & 31u",
    "simdgroup_index_in_threadgroup": f"{_LINEAR} >> 5",
}


def lower(text: str) -> str:
    """Metal without address spaces, which C++ lacks and CUDA spells as attributes of that name."""
    text = _THREADGROUP_ARRAY.sub(r"  MSL_THREADGROUP_ARRAY(\1, \2, \3);", text)
    text = re.sub(r"^inline ", "MSL_FUNCTION ", text, flags=re.M)
    text = _PROGRAM_TABLE.sub(r"MSL_PROGRAM_TABLE \1 \2", text)
    return _ADDRESS_SPACE.sub("", text)


def as_function(source: MetalSource, builtins: Mapping[str, str]) -> str:
    """The kernel as a C++ function metal::user::NAME. `builtins`: an expression for each."""
    values = "".join(
        f"  const {BUILTIN_TYPES[name]} {name} = {builtins[name]};\n" for name in source.builtins
    )
    parameters = ", ".join(map(_pointer, source.buffers))
    template = ", ".join(f"{parameter.kind} {parameter.name}" for parameter in source.template)
    return (
        "namespace metal {\nnamespace user {\n"
        f"{lower(source.header)}\n"
        f"{f'template <{template}>' if template else ''}\n"
        f"MSL_FUNCTION void {source.name}({parameters}) {{\n"
        f"{values}{lower(source.body)}}}\n"
        "}  // namespace user\n}  // namespace metal\n"
    )


def for_cuda(source: MetalSource) -> tuple[str, str]:
    """Header and body for `mx.fast.cuda_kernel`; its template arguments keep their names."""
    folder = metal_folder() / "preludes"
    prelude = (folder / "cuda.h").read_text(encoding="utf-8")
    for name in ("vocabulary.h", "matrices.h"):
        shared = (folder / name).read_text(encoding="utf-8").replace("#pragma once\n", "")
        prelude = prelude.replace(f'#include "{name}"\n', shared)
    arguments = ", ".join(parameter.name for parameter in source.template)
    buffers = ", ".join(buffer.name for buffer in source.buffers)
    call = f"metal::user::{source.name}{f'<{arguments}>' if arguments else ''}({buffers});"
    return prelude + as_function(source, _CUDA_BUILTINS), f"  {call}\n"


def _pointer(buffer: Buffer) -> str:
    return f"{'' if buffer.is_output else 'const '}{buffer.type}* {buffer.name}"
