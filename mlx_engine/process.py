"""The engine as a process: requests on stdin, events on stdout, one JSON object a line.

Owns the pipes, the thread that reads, and the order of work; what a request means is the
engine's business. The main thread owns MLX and takes one request after the other; the reader
only parses lines, queues them, answers `ping`, and passes on the two wishes that can't wait,
`cancel` and `answer_now`. End of input ends the process, at once.
"""

import contextlib
import faulthandler
import os
import queue
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO

from mlx_engine.control import Turn
from mlx_engine.errors import BadRequest, EngineError, OutOfMemory
from mlx_engine.protocol import (
    AnswerNow,
    Cancel,
    Event,
    Failed,
    Generate,
    Hello,
    Ping,
    Pong,
    ProtocolError,
    Request,
    decode_request,
    encode,
)

if TYPE_CHECKING:
    from mlx_engine.engine import Engine

LINE_BYTES = 64 << 20  # a longer request is refused; a full context is about 1 MB
_GRACE_S = 0.5  # that a step on the device gets to end by itself once input has ended
_MESSAGE_CHARACTERS = 600

Job = tuple[Request, Turn | None] | Failed


def run() -> int:
    """Serve requests until stdin closes. Returns the exit code."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        sys.exit("The engine speaks over stdin, stdout and stderr: start it with all three open.")
    emit = _claim_stdout()
    _settle_signals()
    try:
        emit(Hello())
        # A file of its own: Python waits for sys.stdin's lock at exit, which the reader may hold.
        inbox = Inbox(open(0, "rb", closefd=False), emit)  # noqa: SIM115 (open to the end)
        threading.Thread(target=_read_and_leave, args=(inbox,), name="reader", daemon=True).start()
        try:
            engine = _make_engine(emit)
        except (ImportError, OSError, RuntimeError) as error:  # whatever MLX fails with
            traceback.print_exc()
            emit(Failed(None, "engine", f"MLX can't start on this machine: {one_line(error)}"))
            return 1
        while (job := inbox.next()) is not None:
            serve(job, engine, inbox, emit)
            engine.rest(inbox.has_more)
    except BrokenPipeError as end:  # nobody listens any more, or nothing more can be written
        return 0 if end.__cause__ is None else 1
    return 0


def _make_engine(emit: Callable[[Event], None]) -> "Engine":
    """Imports MLX, which may take seconds: after `hello`, and while the reader answers pings."""
    from mlx_engine.blas import prefer_openblas

    prefer_openblas()
    from mlx_engine.engine import Engine

    return Engine(emit)


def _read_and_leave(inbox: "Inbox") -> None:
    """The reader's thread: once input has ended, the process ends.

    A step on the device can't be interrupted from Python and may take long, so the process is
    left from here if the main thread doesn't come back in time. Nothing is lost by that: a file
    that is being written has its name only when it is whole.
    """
    inbox.read()
    time.sleep(_GRACE_S)
    os._exit(0)


def serve(job: Job, engine: "Engine", inbox: "Inbox", emit: Callable[[Event], None]) -> None:
    """One request; whatever it fails with becomes an event. Raises BrokenPipeError alone."""
    if isinstance(job, Failed):
        emit(job)
        return
    request, turn = job
    try:
        engine.handle(request, turn)
    except BrokenPipeError:
        raise
    except EngineError as error:
        emit(Failed(request.id, error.kind, one_line(error)))
    except Exception as error:
        traceback.print_exc()
        emit(_unexpected(request, error, engine))
    finally:
        if turn is not None:  # another kind of request may bear the id of a turn that waits
            inbox.finished(request.id)


def _unexpected(request: Request, error: Exception, engine: "Engine") -> Failed:
    """An error that nobody foresaw, as an event. The caches may be in any state: they go."""
    from mlx_engine.memory import is_out_of_memory

    engine.forget()
    if is_out_of_memory(error):
        words = "The memory ran out. Choose a shorter context in Settings or a smaller model."
        return Failed(request.id, OutOfMemory.kind, words)
    words = f"The engine failed ({type(error).__name__}: {error}). Try again."
    return Failed(request.id, EngineError.kind, one_line(words))


class Inbox:
    """Requests on their way from the reader's thread to the main one."""

    def __init__(self, source: BinaryIO, emit: Callable[[Event], None]) -> None:
        """`emit` is for answers to `ping` alone; everything else is the main thread's to say."""
        self._source = source
        self._emit = emit
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._turns: dict[str, Turn] = {}  # turns that wait or run, by the id of their request
        self._ended = threading.Event()

    def next(self) -> Job | None:
        """Wait for the next request; None once input has ended, whatever is still queued."""
        job = self._jobs.get()
        return None if self._ended.is_set() else job

    def has_more(self) -> bool:
        """Whether a request waits, or input has ended."""
        return not self._jobs.empty()

    def finished(self, request_id: str) -> None:
        self._turns.pop(request_id, None)

    def read(self) -> None:
        """Read to the end of input, in the reader's thread; then cancel whatever runs."""
        try:
            while line := self._source.readline(LINE_BYTES):
                self._take(line)
        except (OSError, ValueError):
            traceback.print_exc()
        self._ended.set()
        for turn in list(self._turns.values()):
            turn.cancel()
        self._jobs.put(None)

    def _take(self, line: bytes) -> None:
        if len(line) == LINE_BYTES and not line.endswith(b"\n"):
            self._skip_line()
            self._refuse(line, f"A request of more than {LINE_BYTES >> 20} MB is too long.")
        elif line.strip():
            try:
                self._accept(decode_request(line))
            except ProtocolError as error:
                self._refuse(line, f"The engine did not understand a request: {error}.")
            except Exception as error:  # whatever a line holds, the next one is still read
                traceback.print_exc()
                self._refuse(line, f"The engine could not read a request: {error!r}.")

    def _accept(self, request: Request) -> None:
        turn = self._turns.get(request.id)
        if isinstance(request, Cancel):
            if turn is not None:
                turn.cancel()
        elif isinstance(request, AnswerNow):
            if turn is not None:
                turn.answer_now()
        elif isinstance(request, Ping):
            with contextlib.suppress(BrokenPipeError):  # the main thread will meet it too
                self._emit(Pong(request.id))
        elif not isinstance(request, Generate):
            self._jobs.put((request, None))
        elif turn is not None:
            self._jobs.put(_refusal(request.id, f"A turn {request.id!r:.80} is already under way."))
        else:
            self._turns[request.id] = turn = Turn()
            self._jobs.put((request, turn))

    def _refuse(self, line: bytes, words: str) -> None:
        """An error that carries the request's id wherever that can be told."""
        found = re.search(rb'"id"\s*:\s*"([ -~]{1,200}?)(?<!\\)"', line[:1000])
        self._jobs.put(_refusal(found[1].decode("ascii") if found else None, words))

    def _skip_line(self) -> None:
        while (rest := self._source.readline(1 << 20)) and not rest.endswith(b"\n"):
            pass


def _refusal(request_id: str | None, words: str) -> Failed:
    return Failed(request_id, BadRequest.kind, one_line(words))


def _claim_stdout() -> Callable[[Event], None]:
    """Keep stdout for events alone: whatever else prints goes to stderr."""
    events = os.dup(1)
    os.set_inheritable(events, False)
    os.dup2(2, 1)
    lock = threading.Lock()

    def emit(event: Event) -> None:
        line = memoryview(encode(event))
        with lock:
            try:
                while line:
                    line = line[os.write(events, line) :]
            except BrokenPipeError:
                raise
            except OSError as error:
                print(f"The engine can't write to its output: {error.strerror}.", file=sys.stderr)
                raise BrokenPipeError from error

    return emit


def _settle_signals() -> None:
    """SIGTERM ends the process whatever it does. Ctrl-C in a terminal is for whoever started us.

    Python's own handlers would wait for the step that runs on the device.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL if sys.stdin.isatty() else signal.SIG_IGN)
    with contextlib.suppress(ValueError, OSError):  # stderr is no file
        faulthandler.enable()


def one_line(error: object) -> str:
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= _MESSAGE_CHARACTERS else words[:_MESSAGE_CHARACTERS] + "…"
