"""Is this machine able to set up Sordino? Standard library only: it runs before anything else.

On Debian-like Linux, Qt needs a few system libraries that pip can't bring, and the kernels' tests
need compilers. As root they are installed; otherwise the line to type is printed. On a Mac nothing
of the kind is needed. With no display Sordino runs in the terminal and goes without Qt's libraries;
the tests don't: `--tests` is for those. Without compilers the kernels' tests skip and say so.
"""

import ctypes
import os
import platform
import shutil
import subprocess
import sys

QT_PACKAGES = (  # noqa: SIM905
    "libegl1 libgl1 libxkbcommon-x11-0 libdbus-1-3 libfontconfig1 libglib2.0-0 "
    "libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 "
    "libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 libxcb-xkb1 "
    "libopenblas0-pthread fonts-inter fonts-jetbrains-mono"
).split()
QT_LIBRARIES = ("libEGL.so.1", "libGL.so.1", "libxkbcommon-x11.so.0", "libxcb-cursor.so.0")
COMPILERS = ["g++", "clang-16"]
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")  # as in app/__main__.py


def main() -> int:
    if not (3, 11) <= sys.version_info < (3, 15):
        print(
            f"Sordino needs Python 3.11 to 3.14; this is {platform.python_version()}. "
            "Name another one: make run PYTHON=python3.12",
            file=sys.stderr,
        )
        return 1
    if sys.platform == "darwin" and platform.machine() != "arm64":
        print("Sordino needs a Mac with Apple Silicon (M1 or later).", file=sys.stderr)
        return 1
    return _check_linux(for_tests="--tests" in sys.argv[1:]) if sys.platform == "linux" else 0


def _check_linux(*, for_tests: bool) -> int:
    if for_tests and not all(map(shutil.which, COMPILERS)):
        _install("The kernels' tests need compilers, and skip without.", COMPILERS)
    if all(map(_loads, QT_LIBRARIES)):
        return 0
    installed = _install("Qt needs some system libraries.", QT_PACKAGES)
    return 0 if installed or not (for_tests or any(map(os.environ.get, DISPLAYS))) else 1


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _install(why: str, packages: list[str]) -> bool:
    """Whether `packages` are there now; if not, how to get them was printed."""
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"{why} On Debian or Ubuntu: sudo {' '.join(command)}", file=sys.stderr)
        return False
    print(f"{why} Installing them…")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["apt-get", "update"], command):
        result = subprocess.run(step, env=environment, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            print(f"{' '.join(step[:2])} failed: {result.stderr.strip()[-300:]}", file=sys.stderr)
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
