"""`sordino ask`: one question, one answer."""

import argparse
import sys
from collections.abc import Sequence

from app import paths
from app.chats.models import ChatMessage, new_id
from app.documents.notes import request_with_notes
from app.terminal.documents import OpenDocuments, read_files, room_for_documents, show_search
from app.terminal.engine import Failure, TerminalEngine
from app.terminal.passes import take_notes
from app.terminal.screen import Screen
from app.terminal.turn import TurnOnScreen, model_of, open_model, wish_of
from app.well_formed import is_text, well_formed


def ask(options: argparse.Namespace, engine_command: Sequence[str] | None = None) -> int:
    """Raises Failure. Everything that can be refused is refused before a model is opened."""
    prompt = _prompt(options.prompt)
    wish, screen = wish_of(options), Screen()
    documents = OpenDocuments(read_files(options.files, screen))
    with TerminalEngine(paths.log_path(), engine_command) as engine:
        model = open_model(
            engine, screen, model_of(options.model, screen), options.context, as_json=wish.as_json
        )
        if not documents.is_empty and model.is_guide:
            show_search(documents, prompt, (), screen)
            screen.close()
            return 0
        room = room_for_documents(model.context, wish.max_tokens, (wish.system_prompt, prompt))
        if parts := documents.parts(prompt, room):
            prompt = request_with_notes(prompt, take_notes(engine, screen, parts, prompt, wish))
            screen.note(f"The model has read all of the documents, in {len(parts)} parts.")
        question = ChatMessage(new_id(), None, "user", prompt)
        if not parts:
            documents.choose(question.id, prompt, (), room, screen)
        read = [shown for part in parts for shown in part.shown]
        TurnOnScreen(engine, screen, model, [question], wish, documents.shown, read).run()
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
