"""What a person sees in the terminal: the answer on stdout, all else on stderr.

Owns the line of progress, which is rewritten in place and only where stderr is a terminal, and the
dimmed colour of thoughts. Knows no engine.
"""

import io
import sys
import unicodedata
from typing import TextIO

_DIM, _PLAIN, _CLEAR_LINE = "\x1b[2m", "\x1b[0m", "\r\x1b[K"


class Screen:
    """`stdout` and `stderr` are the process's own by default; whether each is a terminal decides
    what is drawn."""

    def __init__(self, stdout: TextIO | None = None, stderr: TextIO | None = None) -> None:
        self._out = stdout or sys.stdout
        self._err = stderr or sys.stderr
        for stream in (self._out, self._err):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a terminal that lacks a character shows "?"
        self._out_is_terminal = self._out.isatty()
        self._err_is_terminal = self._err.isatty()
        self._has_progress = False
        self._thoughts_end: str | None = None  # last character of thoughts that are not closed
        self._answer_end = "\n"

    def progress(self, words: str) -> None:
        """Shows where things are, in place of what it showed before."""
        if self._err_is_terminal and self._thoughts_end is None and self._answer_end == "\n":
            self._err.write(f"{_CLEAR_LINE}{_DIM}{words}{_PLAIN}")
            self._err.flush()
            self._has_progress = True

    def thought(self, text: str) -> None:
        self._clear_progress()
        if self._err_is_terminal:
            text = _harmless(text)
            if self._thoughts_end is None:
                self._err.write(_DIM)
        self._err.write(text)
        self._err.flush()
        self._thoughts_end = text[-1:] or self._thoughts_end or ""

    def answer(self, text: str) -> None:
        self._clear_progress()
        self._close_thoughts()
        self._out.write(_harmless(text) if self._out_is_terminal else text)
        self._out.flush()
        self._answer_end = text[-1:] or self._answer_end

    def line(self, text: str) -> None:
        """A whole line for programs: an event."""
        self._out.write(text)
        self._out.flush()

    def note(self, words: str) -> None:
        """One line that has to be known."""
        self.close()
        print(words, file=self._err, flush=True)

    def aside(self, words: str) -> None:
        """One line that is good to know, dimmed; a terminal alone gets it."""
        if self._err_is_terminal:
            self.note(f"{_DIM}{words}{_PLAIN}")

    def close(self) -> None:
        """Ends whatever line is open."""
        self._clear_progress()
        self._close_thoughts()
        if self._answer_end != "\n":
            self._out.write("\n")
            self._out.flush()
            self._answer_end = "\n"

    def _clear_progress(self) -> None:
        if self._has_progress:
            self._err.write(_CLEAR_LINE)
            self._err.flush()
            self._has_progress = False

    def _close_thoughts(self) -> None:
        if self._thoughts_end is not None:
            self._err.write(_PLAIN if self._err_is_terminal else "")
            self._err.write("\n" if self._thoughts_end == "\n" else "\n\n")
            self._err.flush()
            self._thoughts_end = None


def _harmless(text: str) -> str:
    """Without the control characters by which text could steer the terminal."""
    if text.isprintable():
        return text
    return "".join(
        "\ufffd" if unicodedata.category(c) == "Cc" and c not in "\n\t" else c for c in text
    )
