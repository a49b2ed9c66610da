"""The `sordino` command as people run it: a process of its own, with an engine process below it."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import pytest

from tests.app.conftest import SCRIPT

ROOT = Path(__file__).parents[3]

_WITH_SCRIPTED_ENGINE = f"""
import sys
import app.terminal
from app.__main__ import main
real = app.terminal.main
app.terminal.main = lambda arguments: real(arguments, [sys.executable, {SCRIPT!r}])
sys.exit(main(sys.argv[1:]))
"""


def drawn_on(master: int, *until: bytes) -> bytes:
    """What was written to a pseudo-terminal, up to its end or to each of `until` in turn, and
    perhaps more: a read ends anywhere, inside a character too."""
    seen, place, deadline = b"", 0, time.monotonic() + 60
    for mark in until or (None,):
        while mark is None or mark not in seen[place:]:
            if not select.select([master], [], [], 60)[0] or time.monotonic() > deadline:
                raise AssertionError(f"{mark!r} did not come: {seen!r}")
            try:
                piece = os.read(master, 4096)
            except OSError:  # Linux: the other side has closed
                piece = b""
            if not piece:
                return seen
            seen += piece
        place = seen.index(mark, place) + len(mark)
    return seen


def interrupted(process: subprocess.Popen[bytes], master: int, until: bytes) -> bytes:
    """Ctrl-C at a prompt, once more where readline missed one that came just before it waited."""
    for _ in range(30):
        process.send_signal(signal.SIGINT)
        if select.select([master], [], [], 2)[0]:
            break
    return drawn_on(master, until)


def _heed_interrupts() -> None:
    """As under a terminal. A suite started in the background hands down that they are ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Command(subprocess.Popen[bytes]):
    """Ends with a test that fails, for which Popen's own `with` would wait for ever."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.kill()
        super().__exit__(kind, error, trace)


Start = Callable[..., Command]
Run = Callable[..., subprocess.CompletedProcess[bytes]]


@pytest.fixture
def start(home: Path) -> Start:
    """Starts the command with a scripted engine, or the real one where `real` says so."""

    def begin(
        *arguments: str,
        real: bool = False,
        cwd: Path = ROOT,
        stdin: int = subprocess.PIPE,
        stdout: int = subprocess.PIPE,
        stderr: int = subprocess.PIPE,
    ) -> Command:
        door = ["-m", "app"] if real else ["-c", _WITH_SCRIPTED_ENGINE]
        return Command(
            [sys.executable, *door, *arguments],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            preexec_fn=_heed_interrupts,
        )

    return begin


@pytest.fixture
def run(start: Start) -> Run:
    """As `start`, and waits for the end."""

    def to_the_end(
        *arguments: str, stdin: bytes = b"", real: bool = False, cwd: Path = ROOT
    ) -> subprocess.CompletedProcess[bytes]:
        with start(*arguments, real=real, cwd=cwd) as process:
            out, err = process.communicate(stdin, timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    return to_the_end
