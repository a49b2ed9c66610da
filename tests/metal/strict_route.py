"""Route A without a Mac: the very text that MLX would hand to Apple's compiler, checked by clang.

MLX on Linux writes that text, signature included, when a function that calls the kernel is
exported; clang then reads it as C++ for OpenCL, the nearest relative of Metal with a strict front
end (preludes/strict.h). A wrong address space, a double, a lossy conversion is an error.
"""

import ctypes
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import mlx.core as mx
from numpy.typing import NDArray

from mlx_engine.kernels.launch import Launch, buffer_dtypes, call_kernel, metal_kernel
from mlx_engine.metal_lowering import TemplateValue
from mlx_engine.metal_source import MetalSource
from tests.metal.cpu_build import PRELUDES
from tests.metal.toolchain import Missing, strict_clang

_FLAGS = (
    "-x", "clcpp", "-cl-std=CLC++2021", "-target", "spir64", "-cl-no-stdinc",
    "-Xclang", "-cl-ext=-all,+cl_khr_fp16", "-fsyntax-only",
    "-Wall", "-Wextra", "-Wconversion", "-Wpre-c++17-compat", "-Werror",
    "-Wno-unknown-attributes", "-Wno-unused-function", "-Wno-sign-conversion",
    "-Wno-unused-parameter", "-Wno-unused-const-variable",
)  # fmt: skip


def mlx_text(source: MetalSource, launch: Launch, inputs: Mapping[str, NDArray[Any]]) -> str:
    """What MLX hands to Metal's compiler for this call; only the inputs' shapes matter."""
    kernel, dtypes = metal_kernel(source), buffer_dtypes(source, launch)

    def call_verbosely(*arrays: mx.array) -> list[mx.array]:
        named = dict(zip(source.inputs, arrays, strict=True))
        outputs = call_kernel(kernel, source, launch, named, verbose=True, stream=mx.gpu)
        return list(outputs.values())

    arrays = [mx.zeros(inputs[name].shape, dtypes[name]) for name in source.inputs]
    printed = _printed_by(call_verbosely, arrays)
    return printed[printed.index("```\n") + 4 : printed.rindex("\n```")]


def _printed_by(call: Callable[..., object], arrays: list[mx.array]) -> str:
    """MLX prints from C++, so the process's own standard output is turned into a file."""
    with tempfile.TemporaryFile() as file, tempfile.TemporaryDirectory() as folder:
        sys.stdout.flush()
        saved = os.dup(1)
        os.dup2(file.fileno(), 1)
        try:
            mx.export_function(f"{folder}/kernel.mlxfn", call, *arrays)
        finally:
            ctypes.CDLL(None).fflush(None)
            os.dup2(saved, 1)
            os.close(saved)
        file.seek(0)
        return file.read().decode()


def complaints(text: str, template: Mapping[str, TemplateValue]) -> str:
    """What clang says about MLX's text; nothing if it is well formed.

    OpenCL kernels can't be templates: the arguments become constants and types in front of them.
    """
    clang = strict_clang()
    if isinstance(clang, Missing):
        raise RuntimeError(clang.reason)
    arguments = "".join(
        f"typedef {value} {name};\n"
        if isinstance(value, str)
        else f"constant constexpr {'bool' if isinstance(value, bool) else 'int'} "
        f"{name} = {int(value)};\n"
        for name, value in template.items()
    )
    text = re.sub(r"^template \[\[host_name.*$", "", text, flags=re.M)
    text = re.sub(r"^template <[^>]*>\n(?=\[\[kernel\]\])", lambda _: arguments, text, flags=re.M)
    text = text.replace("[[kernel]] void", "__kernel void")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.clcpp"
        path.write_text(f'#include "strict.h"\n{text}', encoding="utf-8")
        result = subprocess.run(
            [clang, *_FLAGS, f"-I{PRELUDES}", str(path)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    return result.stderr if result.returncode else ""
