"""Sordino in the terminal: `sordino ask` and `sordino chat`.

    arguments.py   what can be typed after the command
    engine.py      the engine process over pipes
    keyboard.py    keys pressed before their prompt
    screen.py      words on stdout, everything else on stderr
    turn.py        one turn: request, progress, words, how it ended
    ask.py chat.py one question; a conversation

Knows the protocol and how prompts are built; no Qt, no MLX. Nothing that is said here is kept.
"""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str], engine_command: Sequence[str] | None = None) -> int:
    """`arguments` begin with "ask" or "chat". Returns the exit code: 0 done, 1 failed with one
    line on stderr; argparse exits with 2 on wrong usage. Ctrl-C and a closed pipe are the
    caller's. `engine_command` starts the engine, by default the one that comes with the app."""
    from app.terminal.arguments import parse
    from app.terminal.engine import Failure

    options = parse(arguments)
    try:
        if options.command == "ask":
            from app.terminal.ask import ask

            return ask(options, engine_command)
        from app.terminal.chat import chat

        return chat(options, engine_command)
    except Failure as failure:
        print(f"sordino {options.command}: {failure}", file=sys.stderr)
        return 1
