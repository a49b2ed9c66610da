"""`sordino ask`: one question, one answer."""

import argparse
import sys
from collections.abc import Sequence

from app import paths
from app.chats.models import ChatMessage, new_id
from app.terminal.engine import Failure, TerminalEngine
from app.terminal.screen import Screen
from app.terminal.turn import TurnOnScreen, model_of, open_model, read_documents, wish_of
from app.well_formed import is_text, well_formed


def ask(options: argparse.Namespace, engine_command: Sequence[str] | None = None) -> int:
    """Raises Failure. Everything that can be refused is refused before a model is opened."""
    prompt = _prompt(options.prompt)
    wish, screen = wish_of(options), Screen()
    documents = read_documents(options.files, screen)
    with TerminalEngine(paths.log_path(), engine_command) as engine:
        model = open_model(
            engine, screen, model_of(options.model, screen), options.context, as_json=wish.as_json
        )
        if documents and model.is_guide:
            screen.close()
            raise Failure("The guide can't read documents. Use --model 20b or a folder.")
        question = ChatMessage(new_id(), None, "user", prompt, attachments=documents)
        TurnOnScreen(engine, screen, model, [question], wish).run()
    return 0


def _prompt(given: str) -> str:
    if given == "-":
        data = sys.stdin.buffer.read()
        given = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    if not is_text(given):
        raise Failure(
            "The prompt holds characters that are no text (NUL or broken UTF-8). Take them out, "
            "or save it as UTF-8, and ask again."
        )
    prompt = well_formed(given)
    if not prompt.strip():
        raise Failure('The prompt is empty. Ask something: sordino ask "…"')
    return prompt
