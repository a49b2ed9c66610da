"""Route B: a kernel compiled for the CPU and run as a grid of threadgroups.

Two builds of the same text. The fast one runs real sizes. The checked one sees every memory access
and raises `Finding` for a race, divergence, an access out of bounds or misaligned, a read of what
nobody wrote, an output left unwritten, too much threadgroup memory; and it counts bytes moved.
"""

import ctypes
import hashlib
import math
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlx_engine.metal_lowering import TemplateValue, as_function
from mlx_engine.metal_source import MetalSource, metal_folder
from tests.metal.toolchain import BUILD, Missing, cpu_compiler

Array = NDArray[Any]
Shape = tuple[int, ...]
Size = tuple[int, int, int]

PRELUDES = Path(__file__).parent / "preludes"
RUNTIME = ("scheduler.cpp", "tracer.cpp", "sanitizer_hooks.cpp", "launch.cpp")
# Results must not depend on contraction; `-w` concerns the runtime's punning, not kernels.
FLAGS = ("-std=c++17", "-O2", "-fPIC", "-fno-strict-aliasing", "-ffp-contract=off", "-g1")
FAST = ("-march=native",)
CHECKED = ("-fsanitize=thread", "-fsanitize=alignment,shift,bounds")

# How NumPy holds each element type; it has no bfloat16, so its bits travel as uint16.
NUMPY_TYPES = {
    "bfloat16_t": "uint16", "float16_t": "float16", "float": "float32", "bool": "bool",
    "uint8_t": "uint8", "int8_t": "int8", "uint16_t": "uint16", "int16_t": "int16",
    "uint32_t": "uint32", "int32_t": "int32",
}  # fmt: skip

_BUILTINS = {
    "thread_position_in_grid": (
        "metal::msl_uint3(msl::group->position) * metal::msl_uint3(msl::group->shape) + "
        "metal::msl_position_in_threadgroup()"
    ),
    "thread_position_in_threadgroup": "metal::msl_position_in_threadgroup()",
    "threadgroup_position_in_grid": "metal::msl_uint3(msl::group->position)",
    "threads_per_threadgroup": "metal::msl_uint3(msl::group->shape)",
    "threadgroups_per_grid": "metal::msl_uint3(msl::group->per_grid)",
    "thread_index_in_threadgroup": "msl::group->current->index",
    "thread_index_in_simdgroup": "msl::group->current->lane",
    "simdgroup_index_in_threadgroup": "msl::group->current->simdgroup",
}


class Finding(AssertionError):
    """What a build reports about a kernel's run, with the kernel's line where it is known."""


@dataclass(frozen=True, slots=True)
class Launch:
    """How a kernel is called, in MLX's terms: `grid` counts threads, not threadgroups."""

    grid: Size
    threadgroup: Size
    template: Mapping[str, TemplateValue]
    outputs: Mapping[str, Shape]

    def with_template(self, template: Mapping[str, TemplateValue]) -> "Launch":
        return replace(self, template=template)


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes that a checked run moved between one buffer and its threads.

    `read` counts every load of every thread; `read_by_threadgroups` a byte once for each
    threadgroup that needs it, as if its own repeats came from a cache; `distinct_read` once.
    """

    read: int
    read_by_threadgroups: int
    distinct_read: int
    written: int


@dataclass(frozen=True, slots=True)
class Result:
    outputs: Mapping[str, Array]
    traffic: Mapping[str, Traffic]  # empty for the fast build


class _Request(ctypes.Structure):  # LaunchRequest in preludes/launch.cpp
    _fields_ = (
        ("buffers", ctypes.POINTER(ctypes.c_void_p)),
        ("bytes", ctypes.POINTER(ctypes.c_uint64)),
        ("names", ctypes.POINTER(ctypes.c_char_p)),
        ("is_output", ctypes.POINTER(ctypes.c_int32)),
        ("buffer_count", ctypes.c_int32),
        ("is_checked", ctypes.c_int32),
        ("cpu_threads", ctypes.c_int32),
        ("lane_order", ctypes.c_uint32),
        ("grid", ctypes.c_uint32 * 3),
        ("threadgroup", ctypes.c_uint32 * 3),
        ("traffic", ctypes.POINTER(ctypes.c_uint64)),
        ("error", ctypes.c_char_p),
    )


def run(
    source: MetalSource,
    launch: Launch,
    inputs: Mapping[str, Array],
    *,
    checked: bool = False,
    lane_order: int = 0,
) -> Result:
    """Runs the whole grid. `inputs` by the kernel's parameter names; bfloat16 as uint16 bits.

    `lane_order` other than 0 shuffles the order in which threads get their turns, and turns that
    of threadgroups around. Raises Finding.
    """
    library_path = compiled(source, launch.template, checked=checked)
    types = {name: value for name, value in launch.template.items() if isinstance(value, str)}
    arrays = []
    for buffer in source.buffers:
        dtype = np.dtype(NUMPY_TYPES[types.get(buffer.type, buffer.type)])
        if buffer.is_output:
            bytes_of_nan = np.full(math.prod(launch.outputs[buffer.name]) * dtype.itemsize, 0xFF)
            array = bytes_of_nan.astype(np.uint8).view(dtype).reshape(launch.outputs[buffer.name])
        else:
            array = np.ascontiguousarray(inputs[buffer.name])
            if array.dtype != dtype:
                raise TypeError(f"{buffer.name} is {array.dtype}, not {dtype}")
        arrays.append(array)
    traffic = _call(library_path, source, launch, arrays, checked, lane_order)
    outputs = {b.name: a for b, a in zip(source.buffers, arrays, strict=True) if b.is_output}
    return Result(outputs, traffic)


def _call(
    library_path: Path,
    source: MetalSource,
    launch: Launch,
    arrays: Sequence[Array],
    checked: bool,
    lane_order: int,
) -> Mapping[str, Traffic]:
    count = len(arrays)
    counts = (ctypes.c_uint64 * (5 * count))()
    error = ctypes.create_string_buffer(600)
    names = [buffer.name for buffer in source.buffers]
    request = _Request(
        (ctypes.c_void_p * count)(*[array.ctypes.data for array in arrays]),
        (ctypes.c_uint64 * count)(*[array.nbytes for array in arrays]),
        (ctypes.c_char_p * count)(*[name.encode() for name in names]),
        (ctypes.c_int32 * count)(*[int(buffer.is_output) for buffer in source.buffers]),
        count,
        int(checked),
        min(2, os.cpu_count() or 1),
        lane_order,
        (ctypes.c_uint32 * 3)(*launch.grid),
        (ctypes.c_uint32 * 3)(*launch.threadgroup),
        counts,
        ctypes.cast(error, ctypes.c_char_p),
    )
    ctypes.CDLL(str(library_path)).msl_launch(ctypes.byref(request))
    if error.value:
        raise Finding(_with_line(error.value.decode(), source.name, library_path))
    if not checked:
        return {}
    for index, buffer in enumerate(source.buffers):
        missing = arrays[index].nbytes - counts[5 * index + 4]
        if buffer.is_output and missing:
            raise Finding(f"{missing} of {arrays[index].nbytes} bytes of {buffer.name} unwritten")
    return {name: Traffic(*counts[5 * i : 5 * i + 4]) for i, name in enumerate(names)}


def _with_line(message: str, name: str, library: Path) -> str:
    """Turns the code offset at the message's end into the kernel's line, and who called it."""
    match = re.search(r" @([0-9a-f]+)$", message)
    if match is None:
        return message
    message = message[: match.start()]
    if shutil.which("addr2line") is None:
        return message
    places = subprocess.run(
        ["addr2line", "-i", "-e", str(library), match.group(1)],
        capture_output=True, text=True, check=False,
    ).stdout.split()  # fmt: skip
    kernels = {path.name for path in metal_folder().iterdir()} | {f"{name}.metal"}
    ours = [Path(place).name for place in places if Path(place).name.split(":")[0] in kernels]
    return ", called from ".join([f"{message}, at {ours[0]}", *ours[1:]]) if ours else message


def compiled(source: MetalSource, template: Mapping[str, TemplateValue], *, checked: bool) -> Path:
    """The shared library of one build, from the cache if text, preludes and flags are the same."""
    compiler = cpu_compiler()
    if isinstance(compiler, Missing):
        raise RuntimeError(compiler.reason)
    flags = (*FLAGS, *(CHECKED if checked else FAST))
    text = translation_unit(source, template)
    library = BUILD / f"{source.name}-{_key(text, compiler, flags, _prelude_key())}.so"
    if not library.exists():
        runtime = _runtime(compiler)
        unit = library.with_suffix(".cpp")
        BUILD.mkdir(parents=True, exist_ok=True)
        unit.write_text(text, encoding="utf-8")
        _compile(compiler, (*flags, "-c", str(unit)), library.with_suffix(".o"))
        unfinished = library.with_suffix(f".{os.getpid()}")
        objects = (str(library.with_suffix(".o")), *map(str, runtime))
        _compile(compiler, ("-shared", *objects, "-lpthread", "-ldl"), unfinished)
        unfinished.rename(library)
    return library


def translation_unit(source: MetalSource, template: Mapping[str, TemplateValue]) -> str:
    """The C++ of one build: the kernel, and the entry that the runtime calls once a thread."""
    types = {name: value for name, value in template.items() if isinstance(value, str)}
    pointers = (
        f"static_cast<{'' if b.is_output else 'const '}{types.get(b.type, b.type)}*>(buffers[{i}])"
        for i, b in enumerate(source.buffers)
    )
    values = (template[parameter.name] for parameter in source.template)
    arguments = ", ".join(v if isinstance(v, str) else str(int(v)) for v in values)
    call = f"{source.name}{f'<{arguments}>' if arguments else ''}({', '.join(pointers)})"
    return (
        f'#include "cpu.h"\n{as_function(source, _BUILTINS)}'
        f'#line 1 "entry"\n'
        f'extern "C" void msl_kernel(void** buffers) {{ metal::user::{call}; }}\n'
    )


def _runtime(compiler: str) -> list[Path]:
    objects = []
    for name in RUNTIME:
        unit = BUILD / f"{Path(name).stem}-{_key(compiler, FLAGS, _prelude_key())}.o"
        if not unit.exists():
            unfinished = unit.with_suffix(f".{os.getpid()}")
            _compile(compiler, (*FLAGS, "-c", str(PRELUDES / name)), unfinished)
            unfinished.rename(unit)
        objects.append(unit)
    return objects


def _compile(compiler: str, arguments: Sequence[str], to: Path) -> None:
    BUILD.mkdir(parents=True, exist_ok=True)
    includes = (f"-I{PRELUDES}", f"-I{metal_folder() / 'preludes'}")
    result = subprocess.run(
        [compiler, *includes, *arguments, "-o", str(to)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if result.returncode != 0:
        raise Finding(f"the CPU build fails:\n{result.stderr[-3000:]}")


@cache
def _prelude_key() -> str:
    files = [*sorted(PRELUDES.glob("*")), *sorted((metal_folder() / "preludes").glob("*"))]
    return _key(*(file.read_text(encoding="utf-8") for file in files if file.is_file()))


@cache
def _machine() -> str:
    """Native code is not portable: what tells this processor from another."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text(encoding="utf-8").splitlines()
        return next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return platform.processor()


def _key(*parts: object) -> str:
    return hashlib.sha256(repr((parts, _machine())).encode()).hexdigest()[:20]
