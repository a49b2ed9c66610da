"""One conversation with a model: its tree of messages, the turn that runs, what is saved when.

Owns what is on view and the running turn. Knows the engine client and the chat library, no widget.
A turn belongs to its chat: opening another chat lets it run on and saves it there.
"""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Signal

from app.chats.library import ChatLibrary
from app.chats.models import Attachment, Chat, Effort
from app.engine_client import EngineClient
from app.settings import Settings


class Conversation(QObject):
    """The controller between transcript, composer, engine and store."""

    opened = Signal(object)  # Chat | None for a new one; also when a new chat gets its first words
    shown = Signal(list)  # list[ShownMessage]: the path on view, to replace what was shown
    message_added = Signal(object)  # ShownMessage: a question was appended to the path
    reply_started = Signal(object)  # ShownMessage; may already hold text when a chat is reopened
    prefill_progress = Signal(int, int)  # tokens read, tokens of the prompt
    thinking_added = Signal(str)
    answer_added = Signal(str)
    reply_finished = Signal(object)  # ShownMessage in its final state
    busy_changed = Signal(bool)  # a turn runs, in whichever chat
    draft_returned = Signal(str, tuple)  # text and attachments that could not be sent after all
    problem = Signal(object)  # Problem, topic "turn"
    problem_solved = Signal(str)  # topic
    title_changed = Signal(str, str)  # chat id, title
    effort_changed = Signal(str)  # Effort of the chat on view
    statistics_changed = Signal(object)  # TurnStatistics

    def __init__(
        self,
        engine: EngineClient,
        library: ChatLibrary,
        settings: Callable[[], Settings],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)

    @property
    def chat(self) -> Chat | None:
        """The chat on view; None while it has no words."""
        raise NotImplementedError

    @property
    def effort(self) -> Effort:
        raise NotImplementedError

    @property
    def is_busy(self) -> bool:
        raise NotImplementedError

    def open(self, chat_id: str | None) -> None:
        """Shows a chat, or an empty new one; `opened` and `shown` follow, perhaps later."""
        raise NotImplementedError

    def send(self, text: str, attachments: Sequence[Attachment] = ()) -> bool:
        """Asks. False if it was refused (empty, busy, read-only): the composer keeps the text then.

        A prompt that turns out too long for the context comes back by `draft_returned`."""
        raise NotImplementedError

    def edit(self, message_id: str, text: str) -> bool:
        """Asks anew beside the question `message_id`, in a branch of its own. As `send`."""
        raise NotImplementedError

    def regenerate(self, message_id: str | None = None) -> bool:
        """Answers anew beside the answer `message_id`, None for the last on view."""
        raise NotImplementedError

    def switch(self, message_id: str, step: int) -> None:
        """Shows the sibling that is `step` (−1 or 1) from the message."""
        raise NotImplementedError

    def stop(self) -> None:
        """Ends the running turn; what it has said stays."""
        raise NotImplementedError

    def answer_now(self) -> None:
        """Ends the thinking of the running turn and moves to its answer."""
        raise NotImplementedError

    def set_effort(self, effort: Effort) -> None:
        """For this chat's next turns."""
        raise NotImplementedError
