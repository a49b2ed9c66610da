"""What can be typed after `sordino ask` and `sordino chat`. Wrong usage ends with code 2."""

import argparse
import math
from collections.abc import Callable, Sequence
from pathlib import Path

from app.chats.models import EFFORTS
from app.well_formed import is_text


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """`arguments` begin with the command."""
    parser = argparse.ArgumentParser(prog="sordino", description="Sordino in the terminal.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    ask = commands.add_parser(
        "ask",
        help="ask one question",
        description="Asks one question. The answer goes to stdout, everything else to stderr.",
    )
    _add_turn_options(ask)
    ask.add_argument("--json", action="store_true", help="print the engine's events, one a line")
    ask.add_argument("prompt", metavar="PROMPT", help="the question; - reads standard input")
    chat = commands.add_parser(
        "chat",
        help="a conversation",
        description="A conversation in the terminal; /help says what can be typed. "
        "Ctrl-C stops an answer, Ctrl-D leaves. Nothing is kept.",
    )
    _add_turn_options(chat)
    return parser.parse_args(arguments)


def _add_turn_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--model",
        metavar="M",
        type=_model,
        help="guide, 20b, 120b or a folder with a gpt-oss checkpoint "
        "(default: the one last opened in the window, at first the guide)",
    )
    add("--effort", choices=EFFORTS, help="how hard to think (default: medium)")
    add(
        "--file",
        metavar="F",
        dest="files",
        action="append",
        default=[],
        type=Path,
        help="a document, or a folder of them, to ask about; may be given more than once",
    )
    add("--system", metavar="S", default="", type=_text, help="instructions for the model")
    add("--temperature", metavar="T", type=_temperature, help="0 is greedy (default: 1)")
    add("--seed", metavar="N", type=_whole(0), help="the same seed gives the same answer")
    add("--max-tokens", metavar="N", type=_whole(1), help="the longest answer, thoughts included")
    add("--context", metavar="N", type=_whole(1), help="how many tokens the model sees at once")
    add("--thinking", action="store_true", help="show the thoughts too, on stderr")


def _whole(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1
        if value < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} up")
        return value

    return number


def _text(text: str) -> str:
    if not is_text(text):
        raise argparse.ArgumentTypeError("it holds characters that are no text; take them out")
    return text


def _model(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("no model is named; say guide, 20b, 120b or a folder")
    return text


def _temperature(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 2")
    return value
