"""The reading process: reads one file, says what it finds on stdout, and can do little else.

`python -m app.documents.reading.child PATH NAME`. Its memory and time have limits; it opens no
network connection, starts no program and writes no file; it ends when its input does, so also when
the app that started it is gone. Whatever a crafted file does to a library, it does to this process.
"""

import contextlib
import json
import os
import resource
import select
import sys
import threading
from pathlib import Path
from typing import Any

from app.documents.reading.limits import MEMORY_BYTES, PROCESSOR_S, TOO_MUCH_MEMORY
from app.documents.reading.output import Output
from app.documents.reading.refused import Refused

ADDRESS_BYTES = 4 << 30  # maps of libraries count here, memory in use is a quarter of it at most
_LOOK_EVERY_S = 0.02
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FORBIDDEN = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn")


def main(arguments: list[str]) -> int:
    path, name = Path(arguments[0]), arguments[1]
    _limit()
    threading.Thread(target=_watch, daemon=True).start()
    sys.addaudithook(_refuse)
    stdout = sys.stdout.buffer

    def send(message: dict[str, Any]) -> None:
        stdout.write(json.dumps(message).encode("ascii") + b"\n")
        if "progress" in message:
            stdout.flush()

    from app.documents.reading.read import read

    try:
        read(path, name, Output(send))
    except Refused as refused:
        send({"refused": str(refused)})
    except MemoryError:
        os._exit(TOO_MUCH_MEMORY)
    except Exception as error:  # whatever a library makes of a damaged file
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        send({"refused": "is damaged and can't be read. Save it anew in the program it came from."})
    with contextlib.suppress(BrokenPipeError):
        stdout.flush()
    return 0


def _limit() -> None:
    """Linux holds to all of these; macOS not to the address space, hence `_watch`."""
    for what, most in (
        (resource.RLIMIT_AS, ADDRESS_BYTES),
        (resource.RLIMIT_CPU, PROCESSOR_S),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        within = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(what, (within, hard))


def _watch() -> None:
    """Ends the process when its memory passes the limit or its input ends."""
    while True:
        readable, _, _ = select.select([0], [], [], _LOOK_EVERY_S)
        if readable and not os.read(0, 1 << 16):
            os._exit(1)
        if _memory_bytes() > MEMORY_BYTES:
            os._exit(TOO_MUCH_MEMORY)


def _memory_bytes() -> int:
    """Linux counts what the app had when it started this process among `ru_maxrss`, so there the
    memory of the moment is taken."""
    try:
        with open("/proc/self/statm", "rb") as pages:
            return int(pages.read().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook (https://docs.python.org/3/library/audit_events.html)."""
    if event == "open":
        mode, flags = arguments[1], arguments[2]
        writes = any(letter in (mode or "") for letter in "wax+")
        if writes or (isinstance(flags, int) and flags & _WRITING):
            raise PermissionError(f"reading a document writes no file: {arguments[0]!r}")
    elif event.startswith(_FORBIDDEN):
        raise PermissionError(f"reading a document needs no {event}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
