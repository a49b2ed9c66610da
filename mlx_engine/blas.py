"""Which BLAS multiplies matrices on a Linux CPU, and on how many cores. Knows nothing of models.

MLX's Linux wheel links the reference BLAS, which multiplies float32 matrices about thirty times
slower than OpenBLAS. Symbols that a process already has win over a library's own, so a system
OpenBLAS that is loaded first, and globally, takes over. macOS uses Accelerate and needs nothing.
"""

import ctypes
import os
import sys
from importlib.util import find_spec
from pathlib import Path

LIBRARY = "libopenblas.so.0"  # Debian and Ubuntu: libopenblas0-pthread; Fedora: openblas


def prefer_openblas() -> bool:
    """Load the system's OpenBLAS, if there is one, for MLX to use. True if MLX will use it.

    Call it before anything imports `mlx` or `numpy` (which brings an OpenBLAS of its own): later
    it has no effect on them. Half of the cores are left to others, since OpenBLAS' threads wait
    for each other busily: on two cores with one busy, two threads take ten times as long as one.
    """
    if not sys.platform.startswith("linux"):
        return False
    cores = len(os.sched_getaffinity(0))
    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(max(1, cores // 2)))
    if "mlx.core" in sys.modules:
        return False
    try:
        ctypes.CDLL(LIBRARY, mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True


def one_thread_a_call() -> bool:
    """Have NumPy's own OpenBLAS multiply on the thread that calls it. True if it will.

    For callers that bring threads of their own. A NumPy that was built otherwise heeds
    OPENBLAS_NUM_THREADS alone.
    """
    numpy = find_spec("numpy")
    if numpy is None or numpy.origin is None:
        return False
    beside = Path(numpy.origin).parents[1] / "numpy.libs"
    for path in beside.glob("libscipy_openblas*"):
        library = ctypes.CDLL(str(path))  # loaded already: this is NumPy's, not another
        for name in ("scipy_openblas_set_num_threads64_", "scipy_openblas_set_num_threads"):
            if hasattr(library, name):
                getattr(library, name)(1)
                return True
    return False
