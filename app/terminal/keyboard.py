"""Keys that are pressed while nobody reads: they wait for the next prompt as they were pressed.

While lines are cooked, Linux turns an early Ctrl-D into a NUL that readline takes for another key,
so that it is lost. Owns that mode of the terminal; Ctrl-C and echo stay as they are.
"""

import contextlib
import sys
import termios
from collections.abc import Iterator

_LOCAL_MODES = 3  # place of c_lflag in what tcgetattr gives


@contextlib.contextmanager
def keys_kept() -> Iterator[None]:
    """While inside, the terminal on stdin cooks no lines: what reads there has to edit them, as
    readline does, which finds this mode and leaves it. Does nothing where stdin is no terminal."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    during = [*before]
    during[_LOCAL_MODES] &= ~termios.ICANON
    termios.tcsetattr(sys.stdin, termios.TCSANOW, during)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSANOW, before)
