"""Compiles a kernel for the CPU, in a fast and in a checked build, and keeps what it compiled.

Owns compilers' flags and the cache in `build/metal`, which goes by content: the kernel's text, the
preludes, the flags, the compiler and the processor. Knows nothing of running.
"""

import hashlib
import os
import platform
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from mlx_engine.metal_lowering import TemplateValue, as_function
from mlx_engine.metal_source import MetalSource, metal_folder
from tests.metal.toolchain import BUILD, Missing, cpu_compiler

PRELUDES = Path(__file__).parent / "preludes"
RUNTIME = ("scheduler.cpp", "tracer.cpp", "sanitizer_hooks.cpp", "launch.cpp")
# Without contraction both builds give the same bits. -g1: lines, for findings.
FLAGS = ("-std=c++17", "-O2", "-fPIC", "-fno-strict-aliasing", "-ffp-contract=off", "-g1")
FAST = ("-march=native",)
CHECKED = ("-fsanitize=thread", "-fsanitize=alignment,shift,bounds")


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


class BuildError(RuntimeError):
    """The compiler's words on a kernel that it can't compile."""


def compiled(source: MetalSource, template: Mapping[str, TemplateValue], *, checked: bool) -> Path:
    """The shared library of one build, from the cache if text, preludes and flags are the same."""
    compiler = cpu_compiler()
    if isinstance(compiler, Missing):
        raise RuntimeError(compiler.reason)
    flags = (*FLAGS, *(CHECKED if checked else FAST))
    text = translation_unit(source, template)
    library = BUILD / f"{source.name}-{_key(text, compiler, flags, _prelude_key())}.so"
    if not library.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        runtime = map(str, _runtime(compiler))
        with tempfile.TemporaryDirectory() as folder:
            unit, kernel = Path(folder) / "kernel.cpp", Path(folder) / "kernel.o"
            unit.write_text(text, encoding="utf-8")
            _compile(compiler, (*flags, "-c", str(unit)), kernel)
            unfinished = library.with_suffix(f".{os.getpid()}")
            link = ("-shared", str(kernel), *runtime, "-lpthread", "-ldl")
            _compile(compiler, link, unfinished)
        unfinished.rename(library)  # at once: another process may be doing the same
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
    includes = (f"-I{PRELUDES}", f"-I{metal_folder() / 'preludes'}")
    result = subprocess.run(
        [compiler, *includes, *arguments, "-o", str(to)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if result.returncode != 0:
        raise BuildError(f"the CPU build fails:\n{result.stderr[-3000:]}")


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
