"""The machine by name, and how fast its memory is: what a measurement is worth nothing without.

Knows the system and MLX; nothing of models.
"""

import os
import platform
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import mlx.core as mx
import numpy as np

from mlx_engine import memory

_COPY_BYTES = 128 << 20  # well beyond any cache
_COPY_ROUNDS = 5
_BEHIND_OTHERS = 5  # on nice's scale: a window that needs a core has it at once


@dataclass(frozen=True, slots=True)
class Machine:
    device: str  # what MLX computes on
    route: str  # "metal", "cuda" or "cpu"
    cpu: str
    cores: int  # that this process may use
    memory_bytes: int
    limit_bytes: int  # that the device lets one process hold
    os: str
    python: str
    mlx: str
    blas: str | None  # what serves MLX's products on a CPU; None where that is not used or known


def describe() -> Machine:
    target = memory.device()
    return Machine(
        device=target.name,
        route=target.route,
        cpu=_cpu_name(),
        cores=cores(),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        limit_bytes=target.limit_bytes,
        os=_os_name(),
        python=platform.python_version(),
        mlx=version("mlx"),
        blas=_blas() if target.route == "cpu" else None,
    )


def lines(machine: Machine) -> list[str]:
    """The machine as a person reads it."""
    blas = f", BLAS {machine.blas}" if machine.blas else ""
    return [
        f"Machine    {machine.cpu}, {machine.cores} cores, "
        f"{memory.gigabytes(machine.memory_bytes)}, {machine.os}",
        f"Device     {machine.device} ({machine.route}), lets a process hold "
        f"{memory.gigabytes(machine.limit_bytes)}",
        f"Software   MLX {machine.mlx}, Python {machine.python}{blas}",
    ]


def copy_bandwidth() -> float:
    """Bytes a second that a large copy moves, read and written, the best of a few rounds.

    On a GPU MLX copies; on a CPU NumPy does, in a thread for each core, because MLX uses one.
    """
    rounds = _copies_on_gpu() if mx.metal.is_available() or mx.cuda.is_available() else _copies()
    return 2 * _COPY_BYTES / min(rounds)


def _copies_on_gpu() -> list[float]:
    source = mx.zeros((_COPY_BYTES // 4,), dtype=mx.uint32)
    mx.eval(source)
    times = []
    for _ in range(_COPY_ROUNDS + 1):  # the first compiles
        started = time.perf_counter()
        mx.eval(source + 1)
        times.append(time.perf_counter() - started)
    return times[1:]


def _copies() -> list[float]:
    source, target = np.ones((2, _COPY_BYTES // 8))  # touched, so that every page is there
    count = cores()
    parts = list(zip(np.array_split(source, count), np.array_split(target, count), strict=True))
    times = []
    for _ in range(_COPY_ROUNDS):
        threads = [threading.Thread(target=np.copyto, args=(to, of)) for of, to in parts]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        times.append(time.perf_counter() - started)
    return times


def cores() -> int:
    """Those that this process may use."""
    count = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    return count or 1


def give_way() -> None:
    """Let other programs go first, in this thread and all that it starts from now on."""
    if os.getpriority(os.PRIO_PROCESS, 0) < _BEHIND_OTHERS:
        os.setpriority(os.PRIO_PROCESS, 0, _BEHIND_OTHERS)


def _cpu_name() -> str:
    if sys.platform == "darwin":
        return _output_of("sysctl", "-n", "machdep.cpu.brand_string") or platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", _text_of("/proc/cpuinfo"), re.M)
    return found[1].strip() if found else platform.machine()


def _os_name() -> str:
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}"
    found = re.search(r'^PRETTY_NAME="?([^"\n]+)', _text_of("/etc/os-release"), re.M)
    return found[1] if found else f"{platform.system()} {platform.release()}"


def _blas() -> str | None:
    """The BLAS in this process: the system's OpenBLAS wins over MLX's own where it was loaded."""
    if sys.platform == "darwin":
        return "Accelerate"
    # NumPy carries an OpenBLAS of its own, under names that MLX does not use.
    loaded = set(re.findall(r"/(lib(?:open)?blas[^/\s]*)$", _text_of("/proc/self/maps"), re.M))
    return min(loaded, key=lambda name: "openblas" not in name, default=None)


def _text_of(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def _output_of(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
