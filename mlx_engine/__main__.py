"""The engine's front door: with no arguments the process that speaks JSON lines, else a command.

    python -m mlx_engine                 requests on stdin, events on stdout; see protocol.py
    python -m mlx_engine score MODEL …   one of the commands; `sordino score …` is the same

Imports MLX only once it is clear that it is needed. Exit codes: 0 done, 1 failed with one line on
stderr, 2 wrong usage.
"""

import os
import sys
from collections.abc import Sequence

# On a Mac, MLX hands its work to the GPU after 20 to 50 launches, or as many million elements,
# which one layer's experts exceed (mlx/backend/metal/device.cpp). Each time costs about 20 µs: a
# token can do with two or three. MLX reads this when it is first imported. Others gained 5 to 50 %
# on M1 to M4; it was not measured here.
_COMMAND_BUFFER = {"MLX_MAX_OPS_PER_BUFFER": "1000", "MLX_MAX_MB_PER_BUFFER": "2000"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what `arguments` (those of the command line, by default) ask for."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if sys.platform == "darwin":
        for name, value in _COMMAND_BUFFER.items():
            os.environ.setdefault(name, value)
    if not given:
        from mlx_engine.process import run

        return run()
    from mlx_engine.commands import run_command

    return run_command(given)


if __name__ == "__main__":
    sys.exit(main())
