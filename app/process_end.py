"""How a process ended, in words that go on after "The engine …". Standard library only."""

import signal


def how_it_ended(code: int) -> str:
    """`code` as `subprocess` gives it: the exit code, or a signal's number below zero."""
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
