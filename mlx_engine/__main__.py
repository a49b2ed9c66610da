"""The engine's front door: with no arguments the process that speaks JSON lines, else a command.

    python -m mlx_engine                 requests on stdin, events on stdout; see protocol.py
    python -m mlx_engine score MODEL …   one of the commands; `sordino score …` is the same

Imports MLX only once it is clear that it is needed. Exit codes: 0 done, 1 failed with one line on
stderr, 2 wrong usage.
"""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what `arguments` (those of the command line, by default) ask for."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given:
        from mlx_engine.process import run

        return run()
    from mlx_engine.commands import run_command

    return run_command(given)


if __name__ == "__main__":
    sys.exit(main())
