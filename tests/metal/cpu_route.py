"""Route B: a kernel compiled for the CPU and run as a grid of threadgroups.

Two builds of the same text. The fast one runs real sizes. The checked one sees every memory access
and raises `Finding` for a race, divergence, an access out of bounds or misaligned, a read of what
nobody wrote, an output left unwritten, too much threadgroup memory; and it counts bytes moved.
"""

import ctypes
import math
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlx_engine.kernels.launch import Launch
from mlx_engine.metal_source import MetalSource, metal_folder
from tests.metal.cpu_build import compiled

Array = NDArray[Any]

# How NumPy holds each element type; it has no bfloat16, so its bits travel as uint16.
NUMPY_TYPES = {
    "bfloat16_t": "uint16", "float16_t": "float16", "float": "float32", "bool": "bool",
    "uint8_t": "uint8", "int8_t": "int8", "uint16_t": "uint16", "int16_t": "int16",
    "uint32_t": "uint32", "int32_t": "int32",
}  # fmt: skip


class Finding(AssertionError):
    """What a build reports about a kernel's run, with the kernel's line where it is known."""


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


Route = Callable[[MetalSource, Launch, Mapping[str, Array]], Result]


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
