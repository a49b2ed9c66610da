"""Which compilers this machine has for the kernels' routes, and why not where it has none.

Each finder returns a tool or a `Missing` with the reason; a test skips with that reason.
"""

import functools
import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "metal"  # compiled kernels; safe to delete


@dataclass(frozen=True, slots=True)
class Missing:
    reason: str

    def __str__(self) -> str:
        return self.reason


@functools.cache
def cpu_compiler() -> str | Missing:
    """A C++17 compiler for route B. The environment's CXX goes first, then g++, then clang++."""
    for name in (os.environ.get("CXX", ""), "g++", "clang++"):
        if name and shutil.which(name):
            return name
    return Missing("neither g++ nor clang++ is installed")


@functools.cache
def strict_clang() -> str | Missing:
    """A clang that knows C++ for OpenCL 2021 well enough for route A: 16 or later."""
    for version in (16, 17, 18, 19, 20, 21):
        if shutil.which(f"clang-{version}"):
            return f"clang-{version}"
    return Missing("clang 16 or later is not installed (Debian: clang-16)")


@dataclass(frozen=True, slots=True)
class Nvrtc:
    library: Path
    include_folders: tuple[Path, ...]


@functools.cache
def nvrtc() -> Nvrtc | Missing:
    """NVIDIA's run-time compiler from its wheels; it needs no GPU."""
    specification = importlib.util.find_spec("nvidia")
    folders = list(specification.submodule_search_locations or []) if specification else []
    libraries = [path for f in folders for path in sorted(Path(f).glob("*/lib/libnvrtc.so.*"))]
    libraries = [path for path in libraries if "builtins" not in path.name]
    includes = tuple(path for f in folders for path in sorted(Path(f).glob("*/include")))
    if not libraries:
        return Missing("NVRTC is not installed (wheels nvidia-cuda-nvrtc, -runtime and -cccl)")
    if not any((folder / "cuda_bf16.h").exists() for folder in includes):
        return Missing("CUDA's headers are not installed (wheels nvidia-cuda-runtime and -cccl)")
    return Nvrtc(libraries[0], includes)
