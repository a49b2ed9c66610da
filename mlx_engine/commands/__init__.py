"""The engine's own commands: one file each, run in this very process.

    score.py    logits of a model over given token ids
    render.py   a conversation's JSON to token ids
    parse.py    token ids of an answer to messages
    bench.py    speed and memory of a model on this machine, as ratios
    doctor.py   device, limits and every operation checked against float64

Each has `add_arguments(parser)` and `run(options) -> int`. Owns their exit codes: 0 done, 1 failed
with one line on stderr, 2 wrong usage (argparse). A command is imported when it is run, so that
`render` and `parse` never import MLX.
"""

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from mlx_engine.errors import EngineError

COMMANDS = {
    "score": "logits of a model over given token ids",
    "render": "a conversation's JSON to token ids, ready for the assistant's turn",
    "parse": "token ids of an assistant's turn to messages",
    "bench": "speed and memory of a model on this machine",
    "doctor": "check the device and every operation of the model",
}
MODEL_HELP = "guide, 20b, 120b or a folder with a gpt-oss checkpoint"
ROUTE_HELP = (
    "metal or cuda, the kernels on a GPU; cpu, compiled loops; plain, MLX's own operations; "
    "auto, the best that this machine has (%(default)s)"
)
THREADS_HELP = "threads of the CPU route (one a core)"


def run_command(arguments: Sequence[str]) -> int:
    """`arguments` begin with the command's name. Returns the exit code."""
    name = arguments[0] if arguments else ""
    parser = argparse.ArgumentParser(prog="sordino", description="The engine's commands.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    try:
        for command, does in COMMANDS.items():
            subparser = commands.add_parser(command, help=does, description=does)
            if command == name:
                module = _import(command)
                module.add_arguments(subparser)
        options = parser.parse_args(arguments)
        code = int(module.run(options))
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _leave_output()
        return 141
    except OSError as error:
        if error.errno != errno.ENOSPC:
            return _fail(name, str(error))
        _leave_output()
        return _fail(name, "The disk is full. Free some space and try again.")
    except EngineError as error:
        return _fail(name, str(error))
    except ImportError as error:
        return _fail(name, f"The engine can't start on this machine: {error}. Install it again.")
    except Exception as error:
        from mlx_engine.memory import is_out_of_memory

        if is_out_of_memory(error):
            return _fail(name, f"The memory ran out ({error}). Close other apps and try again.")
        return _fail(name, f"It failed unexpectedly: {type(error).__name__}: {error}")


def _import(command: str) -> ModuleType:
    from mlx_engine.blas import prefer_openblas

    prefer_openblas()
    return importlib.import_module(f"mlx_engine.commands.{command}")


def positive(text: str) -> int:
    """For argparse: a whole number from 1 on."""
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def _leave_output() -> None:
    """What is still to be written has no place to go, at exit neither."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(name: str, words: str) -> int:
    line = " ".join(words.split())
    print(f"sordino {name}: {line}", file=sys.stderr)
    return 1
