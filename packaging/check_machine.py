"""Is this machine able to set up Sordino? Standard library only: it runs before anything else.

On Debian-like Linux, Qt needs a few system libraries that pip can't bring. As root they are
installed; otherwise the line to type is printed. On a Mac nothing of the kind is needed. With no
display Sordino runs in the terminal and goes without them, the tests don't: `--qt` is for those.
"""

import ctypes
import os
import platform
import shutil
import subprocess
import sys

LINUX_PACKAGES = (  # noqa: SIM905
    "libegl1 libgl1 libxkbcommon-x11-0 libdbus-1-3 libfontconfig1 libglib2.0-0 "
    "libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 "
    "libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 libxcb-xkb1 "
    "libopenblas0-pthread fonts-inter fonts-jetbrains-mono"
).split()
NEEDED_LIBRARIES = ("libEGL.so.1", "libGL.so.1", "libxkbcommon-x11.so.0", "libxcb-cursor.so.0")
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
    if sys.platform == "linux" and not all(map(_loads, NEEDED_LIBRARIES)):
        installed = _install_linux_libraries()
        needs_qt = "--qt" in sys.argv[1:] or any(map(os.environ.get, DISPLAYS))
        return installed if needs_qt else 0
    return 0


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _install_linux_libraries() -> int:
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *LINUX_PACKAGES]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(
            f"Qt needs some system libraries. On Debian or Ubuntu: sudo {' '.join(command)}",
            file=sys.stderr,
        )
        return 1
    print("Installing the system libraries that Qt needs…")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["apt-get", "update"], command):
        result = subprocess.run(step, env=environment, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            print(f"{' '.join(step[:2])} failed: {result.stderr.strip()[-300:]}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
