"""`sordino render`: a conversation to the ids that a model would be given. Needs no model."""

import argparse
import json

from mlx_engine.commands.documents import read_json
from mlx_engine.harmony import conversation_from_json, render
from mlx_engine.tokenizer import Tokenizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "conversation",
        metavar="CONVERSATION.json",
        help="openai-harmony's own JSON form; - reads standard input",
    )


def run(options: argparse.Namespace) -> int:
    conversation = conversation_from_json(read_json(options.conversation))
    print(json.dumps({"ids": render(conversation, Tokenizer.o200k())}))
    return 0
