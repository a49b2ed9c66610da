"""Reads documents that are too long for the context from beginning to end, in passes.

Owns the turns that take notes; the turn that answers from them is like any other.
"""

from dataclasses import replace

from app.chats.models import ChatMessage, new_id
from app.documents.notes import request_for_notes
from app.documents.select import Selection
from app.prompt import conversation_json
from app.terminal.engine import Failure, TerminalEngine
from app.terminal.screen import Screen
from app.terminal.turn import Wish
from mlx_engine.protocol import Delta, Failed, Generate, Prefill

_NOTE_TOKENS = 2_048  # for the notes on one part, thoughts included


def take_notes(
    engine: TerminalEngine, screen: Screen, parts: tuple[Selection, ...], question: str, wish: Wish
) -> list[str]:
    """The model's notes on each part. Raises Failure with the engine's words."""
    notes = []
    for number, part in enumerate(parts, 1):
        where = f"Reading part {number} of {len(parts)}…"
        screen.progress(where)
        text = request_for_notes(question, part, number, len(parts))
        notes.append(_turn(engine, screen, where, text, replace(wish, effort="low")))
    screen.close()
    return notes


def _turn(engine: TerminalEngine, screen: Screen, where: str, text: str, wish: Wish) -> str:
    message = ChatMessage(new_id(), None, "user", text)
    conversation = conversation_json(
        [message], effort=wish.effort, is_guide=False, system_prompt=wish.system_prompt
    )
    request = Generate(engine.next_id(), conversation, wish.sampling, _NOTE_TOKENS)
    notes = ""
    for event in engine.ask(request):
        match event:
            case Delta(channel="final"):
                notes += event.text
            case Prefill() if event.total:
                screen.progress(f"{where} {event.done / event.total:.0%}")
            case Failed() if event.id == request.id:
                raise Failure(event.message)
    return notes
