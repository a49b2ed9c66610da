"""The real engine process on the other end of two pipes, for tests that speak the protocol."""

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from mlx_engine.protocol import Event, Request, decode_event, encode

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0  # far more than anything takes: only a hang runs into it
E = TypeVar("E")


class EngineProcess:
    """`python -m mlx_engine`, killed at the end of the `with` block if it still runs."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mlx_engine"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
        )
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._errors: list[bytes] = []
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._read, self._read_errors)
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join()
        assert self.process.stdin and self.process.stdout and self.process.stderr
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()

    def send(self, request: Request | bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(request if isinstance(request, bytes) else encode(request))
        self.process.stdin.flush()

    def end_input(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def exit_code(self) -> int:
        """Waits for the process to end."""
        return self.process.wait(PATIENCE_S)

    def line(self) -> bytes:
        """The next line, as it came; empty once stdout has ended."""
        return self._lines.get(timeout=PATIENCE_S)

    def event(self) -> Event:
        event = decode_event(self.line())
        assert event is not None
        return event

    def next(self, kind: type[E]) -> E:
        """The next event of a kind; passes over the others."""
        while not isinstance(event := self.event(), kind):
            pass
        return event

    def until(self, *kinds: type[Event]) -> list[Event]:
        """All events up to and with the first of these kinds."""
        events = [self.event()]
        while not isinstance(events[-1], kinds):
            events.append(self.event())
        return events

    def error_output(self) -> str:
        """What it wrote to stderr so far."""
        return b"".join(self._errors).decode("utf-8", "replace")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(b"")

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._errors.append(line)
