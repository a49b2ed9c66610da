"""Which BLAS serves MLX's products on a Linux CPU. Knows nothing of models.

MLX's Linux wheel links the reference BLAS, which multiplies float32 matrices about thirty times
slower than OpenBLAS. Symbols that a process already has win over a library's own, so a system
OpenBLAS that is loaded first, and globally, takes over. macOS uses Accelerate and needs nothing.
"""

import ctypes
import sys

LIBRARY = "libopenblas.so.0"  # Debian and Ubuntu: libopenblas0-pthread; Fedora: openblas


def prefer_openblas() -> bool:
    """Load the system's OpenBLAS, if there is one, for MLX to use. True if MLX will use it.

    Call it before anything imports `mlx`: later it has no effect, and says so with False.
    """
    if not sys.platform.startswith("linux") or "mlx.core" in sys.modules:
        return False
    try:
        ctypes.CDLL(LIBRARY, mode=ctypes.RTLD_GLOBAL)
    except OSError:
        return False
    return True
