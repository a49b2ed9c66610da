"""The engine process over pipes, for a caller that waits: requests in, an iterator of events out.

Owns the process. It runs in a session of its own, so that Ctrl-C reaches this program alone, which
then says what should stop; it ends when its input does, also if this program is killed.
"""

import contextlib
import itertools
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from app.engine_command import engine_command, engine_environment, open_log
from app.process_end import how_it_ended
from mlx_engine.protocol import (
    VERSION,
    Done,
    Event,
    Failed,
    Hello,
    ModelList,
    ProtocolError,
    Ready,
    Request,
    decode_event,
    encode,
)

LEAVING_S = 1.5  # for the process to go by itself
_LAST = (Done, Failed, Ready, ModelList)  # events that end a request


class Failure(Exception):
    """One line for the person: what happened and what to do."""


class EngineGone(Failure):
    """The process ended by itself."""


class TerminalEngine:
    """A context manager: the process lives as long as the `with`."""

    def __init__(self, log: Path, command: Sequence[str] | None = None) -> None:
        self._log = log
        self._numbers = itertools.count(1)
        with open_log(log) as stderr:
            try:
                self._process = subprocess.Popen(
                    list(command or engine_command()),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    env=engine_environment(),
                    start_new_session=True,
                )
            except OSError as error:
                raise Failure(f"The engine can't be started: {error.strerror}.") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def next_id(self) -> str:
        return str(next(self._numbers))

    def tell(self, request: Request) -> None:
        """Sends a request. What a dead process no longer takes shows in its events."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(encode(request))
            self._process.stdin.flush()

    def ask(self, request: Request) -> Iterator[Event]:
        """Sends a request and yields what comes, up to the event that ends it. Raises EngineGone
        when the process ends before that."""
        self.tell(request)
        for event in self._events():
            yield event
            if isinstance(event, _LAST) and event.id == request.id:
                return

    def _events(self) -> Iterator[Event]:
        assert self._process.stdout is not None
        complaint = ""
        for line in self._process.stdout:
            try:
                event = decode_event(line)
            except ProtocolError:
                continue  # cut off by the end of the process, or not for us
            if isinstance(event, Hello) and event.version != VERSION:
                raise Failure("The engine is of another version. Install Sordino again.")
            if isinstance(event, Failed) and event.id is None:
                complaint = event.message
            if event is not None:
                yield event
        how = how_it_ended(self._process.wait())
        raise EngineGone(complaint or f"The engine {how}. Its log: {self._log}")

    def close(self) -> None:
        """Ends the process: politely, then not."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(LEAVING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        finally:
            self._process.stdout.close()
