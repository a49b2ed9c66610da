"""The `sordino` command: chooses window, terminal or engine before importing any of them.

Importing this module imports neither Qt nor MLX. The window is `app.application.run() -> int`, the
terminal `app.terminal.main(arguments) -> int`, the engine `mlx_engine.__main__.main(arguments)`.
Exit codes: 0 done, 1 failed with one line on stderr, 2 wrong usage, 130 and 141 for Ctrl-C and a
closed pipe, as shells count them.
"""

import argparse
import errno
import os
import sys
from collections.abc import Mapping, Sequence

TERMINAL_COMMANDS = {
    "ask": "ask one question: sordino ask [options] PROMPT",
    "chat": "a conversation in the terminal",
}
ENGINE_COMMANDS = {
    "score": "logits of a model over given token ids",
    "render": "a conversation's JSON to token ids",
    "parse": "token ids of an answer to messages",
    "bench": "speed and memory of a model on this machine",
    "doctor": "check the device and every kernel",
}


def _parser() -> argparse.ArgumentParser:
    commands = {**TERMINAL_COMMANDS, **ENGINE_COMMANDS}
    parser = argparse.ArgumentParser(
        prog="sordino",
        usage="sordino [COMMAND [options]]",
        description="Chat with OpenAI's gpt-oss on your own Mac, offline. "
        "With no command, the window opens.",
        epilog="commands:\n"
        + "\n".join(f"  {name:8} {does}" for name, does in commands.items())
        + "\n\nsordino COMMAND --help says more about one.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    parser.add_argument("--engine", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--reader", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--picture", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("command", nargs="?", choices=commands, help=argparse.SUPPRESS)
    return parser


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("sordino")
    except PackageNotFoundError:
        return "of an unpacked source tree"


def has_display(environment: Mapping[str, str], platform: str) -> bool:
    """Whether a window can be opened. Only Linux may have none."""
    if not platform.startswith("linux"):
        return True
    return any(environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


def _run(arguments: list[str]) -> int:
    command = arguments[0] if arguments else None
    if command in TERMINAL_COMMANDS:
        from app.terminal import main as terminal

        return terminal(arguments)
    if command in ENGINE_COMMANDS or command == "--engine":
        from mlx_engine.__main__ import main as engine

        return engine(arguments if command in ENGINE_COMMANDS else arguments[1:])
    if command == "--reader":
        from app.documents.reading.child import main as reader

        return reader(arguments[1:])
    if command == "--picture":
        from app.documents.reading.picture import main as picture

        return picture(arguments[1:])
    if _parser().parse_args(arguments).version:
        print(f"sordino {_version()}")
        return 0
    if has_display(os.environ, sys.platform):
        from app.application import run

        return run()
    return _run(["chat"])


def _open_missing_streams() -> None:
    """Whoever started us may have closed stdin, stdout or stderr; Python then has None there."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 (open to the end)


def _leave_output() -> None:
    """Nobody reads our output, or no disk takes it: nothing more may be flushed into it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code; argparse itself exits with 2 on wrong usage."""
    _open_missing_streams()
    try:
        code = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        _leave_output()
        return 141
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _leave_output()
        print("sordino: The disk is full. Free some space and try again.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
