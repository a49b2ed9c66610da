"""How processes of our own are started: the program, its environment, where the engine's stderr
goes.

The same for window and terminal. Standard library only.
"""

import os
import sys
from pathlib import Path
from typing import BinaryIO

LOG_BYTES = 1 << 20  # a log that is longer is kept as engine.log.1, in place of the one before


def engine_command() -> list[str]:
    """Program and arguments of the engine."""
    return _command("--engine", "mlx_engine")


def reader_command() -> list[str]:
    """Program and arguments of the process that reads a document; its own arguments follow."""
    return _command("--reader", "app.documents.reading.child")


def picture_command() -> list[str]:
    """Program and arguments of the process that draws a page; its own arguments follow."""
    return _command("--picture", "app.documents.reading.picture")


def _command(option: str, module: str) -> list[str]:
    """`-P`: no file in the current folder passes for a module."""
    if getattr(sys, "frozen", False):
        return [sys.executable, option]
    return [sys.executable, "-P", "-m", module]


def engine_environment() -> dict[str, str]:
    """The engine goes nowhere near the network."""
    offline = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    return {**package_environment(), **offline}


def package_environment() -> dict[str, str]:
    """This process's environment, so that another finds the same packages from any folder."""
    environment = dict(os.environ)
    if not getattr(sys, "frozen", False):
        here = str(Path(__file__).resolve().parent.parent)  # holds app and mlx_engine
        inherited = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join([here, *([inherited] if inherited else [])])
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
