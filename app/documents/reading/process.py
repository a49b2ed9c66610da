"""Reads a document in a process of its own, and waits for it.

Owns that process: what it may take, what its end means, and that nothing of it is left behind.
Blocks the thread that calls; knows no Qt. Standard library only.
"""

import contextlib
import json
import os
import signal
import threading
import time
import unicodedata
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.documents.document import Document, Page
from app.documents.errors import UnreadableDocument
from app.documents.lines import Block, PackedLines
from app.documents.reading.limits import MEMORY_BYTES, SILENCE_S, TOO_MUCH_MEMORY
from app.engine_command import package_environment, reader_command
from app.well_formed import well_formed

if TYPE_CHECKING:
    import subprocess  # imported when a document comes, to keep the window's start short

_LOOK_EVERY_S = 0.05  # whether it was cancelled
_READ = 1 << 18

OnProgress = Callable[[int, int], None]  # done and total, in pages or bytes


class ReadingCancelled(Exception):
    """Nobody wants the document any more."""


def read_document(
    path: Path,
    *,
    name: str | None = None,
    on_progress: OnProgress | None = None,
    cancelled: threading.Event | None = None,
    silence_s: float = SILENCE_S,
) -> Document:
    """Raises UnreadableDocument, or ReadingCancelled soon after `cancelled` is set."""
    shown = shown_name(name or path.name or str(path))
    received = Received()
    try:
        process = _start(path, shown)
    except (OSError, ValueError) as error:
        raise UnreadableDocument(f"{isolated(shown)} can't be read: {error}.") from None
    try:
        for message in _messages(process, cancelled or threading.Event(), silence_s):
            if "progress" in message and on_progress is not None:
                on_progress(*message["progress"])
            elif "refused" in message:
                raise UnreadableDocument(f"{isolated(shown)} {message['refused']}")
            else:
                received.take(message)
        code = process.wait()
    except TimeoutError:
        raise UnreadableDocument(
            f"{isolated(shown)} takes too long to read; it may be damaged. "
            "Save it anew in the program it came from."
        ) from None
    finally:
        _end(process)
    if received.digest is None:
        raise UnreadableDocument(f"{isolated(shown)} {_why_it_ended(code)}")
    return received.document(shown)


class Received:
    """What the process has said so far (`output` has the messages)."""

    def __init__(self) -> None:
        self.digest: str | None = None
        self._kind = ""
        self._pages: list[Page] = []
        self._blocks: list[Block] = []
        self._label, self._is_picture = "", False
        self._is_open = False
        self._notes: list[str] = []

    def take(self, message: dict[str, Any]) -> None:
        if "lines" in message:
            boxes = message["boxes"]
            self._blocks.append(Block(message["lines"], array("d", boxes) if boxes else None))
        elif "page" in message:
            self._close()
            self._label, self._is_picture = message["page"], message["is_picture"]
            self._is_open = True
        elif "note" in message:
            self._notes.append(message["note"])
        elif "digest" in message:
            self._close()
            self._kind, self.digest = message["kind"], message["digest"]

    def document(self, name: str) -> Document:
        assert self.digest is not None
        return Document(name, self.digest, self._kind, tuple(self._pages), tuple(self._notes))

    def _close(self) -> None:
        if self._is_open:
            lines = PackedLines(self._blocks)
            number = len(self._pages) + 1
            self._pages.append(Page(number, self._label, lines, self._is_picture))
            self._blocks = []


def shown_name(name: str) -> str:
    """A file's name as people can read it: composed letters, nothing that turns or breaks the
    line it is shown in."""
    composed = unicodedata.normalize("NFC", well_formed(name))
    return "".join(
        "\ufffd" if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") else letter
        for letter in composed
        if letter not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
    )


def isolated(name: str) -> str:
    """A name for the midst of a sentence: one written from right to left stays in its place."""
    turns = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in name)
    return f"\u2068{name}\u2069" if turns else name


def _start(path: Path, name: str) -> "subprocess.Popen[bytes]":
    import subprocess

    return subprocess.Popen(
        [*reader_command(), os.fspath(path.absolute()), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=package_environment(),
        start_new_session=True,
    )


def _messages(
    process: "subprocess.Popen[bytes]", cancelled: threading.Event, silence_s: float
) -> Iterator[dict[str, Any]]:
    """What the process says, until it ends. Raises TimeoutError when it says nothing for long."""
    import selectors

    assert process.stdout is not None
    rest = b""
    heard = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if cancelled.is_set():
                raise ReadingCancelled
            if not selector.select(_LOOK_EVERY_S):
                if time.monotonic() - heard > silence_s:
                    raise TimeoutError
                continue
            heard = time.monotonic()
            data = os.read(process.stdout.fileno(), _READ)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            yield from map(json.loads, lines)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kills what is left of the process and of its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _why_it_ended(code: int) -> str:
    if code == TOO_MUCH_MEMORY:
        return (
            f"needs more than {MEMORY_BYTES / 1e9:.0f} GB of memory to be read. "
            "Attach a part of it."
        )
    if code == -signal.SIGXCPU:
        return "takes too long to read. Attach a part of it."
    return "is damaged: its reader crashed. Save it anew in the program it came from."
