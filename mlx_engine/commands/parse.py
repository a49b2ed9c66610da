"""`sordino parse`: the ids of an assistant's turn to its messages, however malformed."""

import argparse
import json

from mlx_engine.commands.documents import read_ids
from mlx_engine.harmony import parse
from mlx_engine.tokenizer import Tokenizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "ids",
        metavar="IDS.json",
        help='a JSON list of token ids, or {"ids": […]}; - reads standard input',
    )


def run(options: argparse.Namespace) -> int:
    messages = parse(read_ids(options.ids), Tokenizer.o200k())
    print(json.dumps({"messages": [message.to_json() for message in messages]}))
    return 0
