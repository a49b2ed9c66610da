"""How the engine process is started: the program, its environment, where its stderr goes.

The same for window and terminal. Standard library only.
"""

import os
import sys
from pathlib import Path
from typing import BinaryIO

LOG_BYTES = 1 << 20  # a log that is longer is kept as engine.log.1, in place of the one before


def engine_command() -> list[str]:
    """Program and arguments. `-P`: no file in the current folder passes for a module."""
    if getattr(sys, "frozen", False):
        return [sys.executable, "--engine"]
    return [sys.executable, "-P", "-m", "mlx_engine"]


def engine_environment() -> dict[str, str]:
    """This process's environment, so that the engine finds the same packages from any folder, and
    goes nowhere near the network."""
    environment = dict(os.environ)
    if not getattr(sys, "frozen", False):
        here = str(Path(__file__).resolve().parent.parent)  # holds app and mlx_engine
        inherited = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join([here, *([inherited] if inherited else [])])
    environment["HF_HUB_OFFLINE"] = "1"
    environment["HF_HUB_DISABLE_TELEMETRY"] = "1"
    return environment


def open_log(path: Path) -> BinaryIO:
    """Opens the engine's log to append to, /dev/null if it can't be. A long one is moved aside."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_name(path.name + ".1"))
        return path.open("ab", buffering=0)
    except OSError:
        return open(os.devnull, "ab", buffering=0)


class EngineLog:
    """What the engine says on stderr, bounded: two files of a megabyte at most."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = open_log(path)
        self._room = LOG_BYTES

    def write(self, data: bytes) -> None:
        """A full disk loses the log, nothing else; so does a process that outlives its window."""
        if self._file.closed:
            return
        self._room -= len(data)
        try:
            self._file.write(data[-LOG_BYTES:])
        except OSError:
            return
        if self._room < 0:
            self._file.close()
            self._file = open_log(self._path)
            self._room = LOG_BYTES

    def close(self) -> None:
        self._file.close()
