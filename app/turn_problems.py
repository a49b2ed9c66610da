"""What a person is told about a turn that can't begin or that did not end by itself. Words only."""

from app.problem import Problem
from mlx_engine.protocol import Failed, StopReason

BUSY = Problem("An answer is still being written.", "Stop it", "stop")
READ_ONLY = Problem(
    "These chats can be read, not added to: they are from a newer Sordino, or their disk can’t be "
    "written.",
    "Try again",
    "retry_save",
    topic="storage",
)
NOT_ALL_TEXT = Problem(
    "Some characters were no text and were replaced by \ufffd. See whether the question still "
    "says what you mean."
)
NO_MODEL = Problem("No model is open.", "Choose model…", "choose_model")
LOST = Problem(
    "The engine ended before its answer did.",
    "Ask again",
    "regenerate",
)


def after_stop(stop: StopReason, has_answer: bool) -> Problem | None:
    """None where the answer ended as it should, or as the person wished."""
    if stop == "context":
        return Problem("The context is full: the answer ends here.", "New chat", "new_chat")
    if stop == "length":
        return Problem("The answer reached the longest that was asked for, and ends here.")
    if stop == "repetition":
        return Problem("The model repeated itself and was stopped.", "Answer again", "regenerate")
    if stop == "cancel" or has_answer:
        return None
    if stop == "call":
        return Problem("The model asked for a tool that isn’t there.", "Answer again", "regenerate")
    return Problem("The model ended without an answer.", "Answer again", "regenerate")


def after_error(failure: Failed) -> Problem:
    """The engine's own words, with the way out that fits."""
    if failure.kind == "context":
        return Problem(failure.message, "New chat", "new_chat")
    if failure.kind == "memory":
        return Problem(failure.message, "Settings…", "open_settings")
    return Problem(failure.message, "Ask again", "regenerate")
