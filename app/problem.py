"""What the window says when something went wrong: one calm line, and where there is one a way out.

Whoever notices a problem emits a `Problem`; the banner shows it and emits `action_key` when its
button is pressed; `application.py` alone knows which method that calls. Standard library only.
"""

from dataclasses import dataclass
from typing import Literal

ActionKey = Literal[
    "choose_model",  # open the model menu
    "open_settings",  # open the settings
    "regenerate",  # Conversation.regenerate() of the last reply
    "new_chat",  # Conversation.open(None)
    "restart_engine",  # EngineClient.restart()
    "retry_save",  # ChatLibrary.retry()
    "show_data",  # the folder where the chats are kept, in the Finder
    "stop",  # Conversation.stop()
]
Topic = Literal["turn", "engine", "model", "storage", "settings"]


@dataclass(frozen=True, slots=True)
class Problem:
    """`text` says what happened and what to do. A newer problem of a topic replaces an older one;
    a `problem_solved(topic)` signal takes it away."""

    text: str
    action_label: str | None = None  # words on the button, None for no button
    action_key: ActionKey | None = None
    topic: Topic = "turn"
