"""One conversation with a model: its tree of messages, the turn that runs, what is saved when.

Owns what is on view and the running turn. Knows the engine client and the chat library, no widget.
A turn belongs to its chat: opening another chat or branch lets it run on and saves it where it
belongs. The engine hears of a question when the disk has it, without anybody waiting; a full disk
shows as a storage problem, and the turn goes on when there is room. A reply is saved about once a
second.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import QObject, QTimer, Signal

from app import turn_problems as problems
from app.chats.library import ChatLibrary
from app.chats.models import (
    Attachment,
    Chat,
    ChatMessage,
    Effort,
    ShownMessage,
    TurnStatistics,
    new_id,
    now,
)
from app.chats.tree import MessageTree
from app.documents.choice import Mode, citable, coverage_words, documents_on
from app.documents.chooser import Chooser
from app.engine_client import EngineClient
from app.problem import Problem
from app.settings import Settings
from app.titles import title_from
from app.turn import Turn
from app.well_formed import is_text, readable

SAVE_MS = 1000  # between two savings of a reply that is being written


class Conversation(QObject):
    """The controller between transcript, composer, engine and store."""

    opened = Signal(object)  # Chat | None for a new one; also when a new chat gets its first words
    shown = Signal(list)  # list[ShownMessage]: the path on view, to replace what was shown
    revealed = Signal(str)  # id of a message on the path on view that is to be looked at
    message_added = Signal(object)  # ShownMessage: a question was appended to the path
    reply_started = Signal(object)  # ShownMessage; may already hold text when a chat is reopened
    reading_chosen = Signal(object)  # ShownMessage of the reply: what the model gets of documents
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
        self._engine = engine
        self._library = library
        self._settings = settings
        self._chat: Chat | None = None
        self._leaf_id: str | None = None
        self._tree = MessageTree()
        self._effort: Effort = settings().effort
        self._chooser = Chooser(self)
        self._turn: Turn | None = None
        self._turn_chat: Chat | None = None  # the turn's, which need not be on view
        self._opening = 0  # number of the latest `open`: answers to earlier ones come too late
        self._saving = QTimer(self)
        self._saving.setInterval(SAVE_MS)
        self._saving.timeout.connect(self._save_reply)
        library.chats_changed.connect(self._on_chats)
        library.deleted.connect(self._on_deleted)
        library.saved.connect(self._on_saved)
        library.lost.connect(self._on_lost)

    @property
    def chat(self) -> Chat | None:
        """The chat on view; None while it has no words."""
        return self._chat

    @property
    def effort(self) -> Effort:
        return self._effort

    @property
    def is_busy(self) -> bool:
        return self._turn is not None

    # What is on view -----------------------------------------------------------------------------

    def open(self, chat_id: str | None, message_id: str = "") -> None:
        """Shows a chat, or an empty new one; `opened` and `shown` follow, perhaps later, and where
        a message is named, `revealed`."""
        self._opening += 1
        if chat_id is None:
            self._put_on_view(None, [])
            return
        number = self._opening

        def then(chat: Chat | None, messages: list[ChatMessage]) -> None:
            if number == self._opening:
                self._put_on_view(chat, messages)
                self.reveal(message_id)

        self._library.load(chat_id, then)

    def _put_on_view(self, chat: Chat | None, messages: list[ChatMessage]) -> None:
        self._chat = chat
        self._tree = MessageTree(map(self._settled, messages))
        leaf = chat.leaf_id if chat else None
        self._leaf_id = leaf if leaf in self._tree else self._tree.latest_leaf(None)
        self._effort = chat.effort if chat else self._settings().effort
        self.problem_solved.emit("turn")
        self.opened.emit(chat)
        self.effort_changed.emit(self._effort)
        self._show()
        self._tell_statistics()

    def _tell_statistics(self) -> None:
        """Of the last answer on view."""
        path = self._tree.path(self._leaf_id)
        last = next((m.statistics for m in reversed(path) if m.statistics), None)
        self.statistics_changed.emit(last or TurnStatistics())

    def _settled(self, message: ChatMessage) -> ChatMessage:
        """A reply that no turn is writing is not being written, whatever a full disk kept."""
        if message.status != "streaming":
            return message
        if self._turn is not None and self._turn.reply_id == message.id:
            return message
        return replace(message, status="interrupted")

    def _show(self) -> None:
        path = [self._shown(message) for message in self._tree.path(self._leaf_id)]
        if self._turn is not None and self._is_on_view:
            self.shown.emit(path[:-1])
            self.reply_started.emit(self._shown(self._turn.message()))
        else:
            self.shown.emit(path)

    def _shown(self, message: ChatMessage) -> ShownMessage:
        """With what its citations point to."""
        shown = self._tree.shown(message.id)
        if message.role == "user":
            return shown
        path = [*self._tree.path(message.parent_id), message]
        words = ""
        if message.reading is not None and message.stop != "search":
            words = coverage_words(message.reading, documents_on(path))
        return replace(shown, message=message, citable=citable(path), coverage=words)

    @property
    def _is_on_view(self) -> bool:
        """Whether the running turn's reply ends the path on view."""
        return self._turn is not None and self._turn.reply_id == self._leaf_id

    def switch(self, message_id: str, step: int) -> None:
        """Shows the sibling that is `step` (−1 or 1) from the message."""
        sibling = self._tree.sibling(message_id, step) if message_id in self._tree else None
        if sibling is not None:
            self._show_branch(sibling)

    def reveal(self, message_id: str) -> None:
        """Shows the branch with a message of the chat on view; `revealed` follows."""
        if message_id in self._tree:
            if message_id not in (message.id for message in self._tree.path(self._leaf_id)):
                self._show_branch(message_id)
            self.revealed.emit(message_id)

    def _show_branch(self, message_id: str) -> None:
        if self._chat is not None:
            self._leaf_id = self._tree.latest_leaf(message_id)
            self._chat = replace(self._chat, leaf_id=self._leaf_id)
            self._library.put(self._chat)
            self._show()
            self._tell_statistics()

    def set_effort(self, effort: Effort) -> None:
        """For this chat's next turns."""
        if effort == self._effort:
            return
        self._effort = effort
        if self._chat is not None:
            self._chat = replace(self._chat, effort=effort)
            self._library.put(self._chat)
        self.effort_changed.emit(effort)

    def _on_chats(self, chats: list[Chat]) -> None:
        for chat in chats:
            if self._chat and chat.id == self._chat.id and chat.title != self._chat.title:
                self._chat = replace(self._chat, title=chat.title)
                self.title_changed.emit(chat.id, chat.title)

    def _on_deleted(self, chat_id: str) -> None:
        if self._turn_chat is not None and self._turn_chat.id == chat_id:
            self.stop()
        if self._chat is not None and self._chat.id == chat_id:
            self.open(None)

    # Asking --------------------------------------------------------------------------------------

    def send(self, text: str, attachments: Sequence[Attachment] = ()) -> bool:
        """Asks. False if it was refused (empty, busy, read-only): the composer keeps the text then.

        A question that can't be kept, or that turns out too long for the context, comes back by
        `draft_returned`."""
        return self._ask(self._leaf_id, text, tuple(attachments))

    def edit(self, message_id: str, text: str) -> bool:
        """Asks anew beside the question `message_id`, in a branch of its own. As `send`."""
        if message_id not in self._tree:
            return False
        asked = self._tree[message_id]
        return self._ask(asked.parent_id, text, asked.attachments)

    def regenerate(self, message_id: str | None = None, wanted: Mode | None = None) -> bool:
        """Answers anew beside the answer `message_id`, None for the last on view. `wanted` is how
        documents are to be read for it."""
        message_id = message_id or self._leaf_id
        if message_id is None or message_id not in self._tree or not self._may_ask():
            return False
        message = self._tree[message_id]
        question_id = message.id if message.role == "user" else message.parent_id
        if question_id is None or self._chat is None:
            return False
        self._start_turn(self._chat, self._tree[question_id], wanted)
        return True

    def _ask(self, parent_id: str | None, text: str, attachments: tuple[Attachment, ...]) -> bool:
        given, text = text, readable(text)
        if not text.strip() or not self._may_ask():
            return False
        question = ChatMessage(
            new_id(), parent_id, "user", text, effort=self._effort, attachments=attachments
        )
        chat = self._chat
        if chat is None:
            moment = now()
            chat = Chat(new_id(), title_from(text), moment, moment)
        self._start_turn(chat, question)
        if not is_text(given):
            self.problem.emit(problems.NOT_ALL_TEXT)
        return True

    def _may_ask(self) -> bool:
        """Says why not, if not."""
        if self.is_busy:
            self.problem.emit(problems.BUSY)
        elif self._library.read_only:
            self.problem.emit(problems.READ_ONLY)
        elif self._engine.model_key is None:
            self.problem.emit(problems.NO_MODEL)
        else:
            self.problem_solved.emit("turn")
            return True
        return False

    # The running turn ----------------------------------------------------------------------------

    def _start_turn(self, chat: Chat, question: ChatMessage, wanted: Mode | None = None) -> None:
        """Hands question and empty reply to the store in one step and shows them. `_on_saved` asks
        the engine."""
        is_new = question.id not in self._tree
        is_appended = is_new and question.parent_id == self._leaf_id
        reply = ChatMessage(
            new_id(), question.id, "assistant", status="streaming", effort=self._effort
        )
        if is_new:
            self._tree.put(question)
        self._tree.put(reply)
        before = chat
        is_first = self._chat is None
        self._leaf_id = reply.id
        self._chat = replace(chat, leaf_id=reply.id, updated=now(), effort=self._effort)
        self._turn_chat = self._chat
        self._library.put(self._chat, *([question] if is_new else []), reply)
        path = self._tree.path(question.id)
        self._turn = turn = Turn(self._engine, path, reply, self._settings, self._chooser, wanted)
        turn.reading_chosen.connect(self._on_reading)
        turn.prefill_progress.connect(self._on_prefill)
        turn.thinking_added.connect(self._on_thinking)
        turn.answer_added.connect(self._on_answer)
        turn.ended.connect(self._on_ended)
        turn.refused.connect(
            lambda problem: self._on_refused(problem, before, question if is_new else None)
        )
        if is_first:
            self._opening += 1  # whatever chat was on its way comes too late
            self.opened.emit(self._chat)
            self.title_changed.emit(chat.id, chat.title)
        if is_appended:
            self.message_added.emit(self._tree.shown(question.id))
            self.reply_started.emit(self._tree.shown(reply.id))
        else:
            self._show()
        self.busy_changed.emit(True)

    def _unsaved_turn(self) -> Turn | None:
        """The turn as long as its question is not on the disk."""
        return None if self._saving.isActive() else self._turn

    def _on_saved(self, message_id: str) -> None:
        if (turn := self._unsaved_turn()) and turn.reply_id == message_id:
            self._saving.start()
            turn.start()

    def _on_lost(self, message_id: str) -> None:
        """The library has said why."""
        if (turn := self._unsaved_turn()) and turn.reply_id == message_id:
            turn.give_up()

    @property
    def has_unsaved(self) -> bool:
        """The disk has not taken the question yet: a crash would cost it."""
        return self._unsaved_turn() is not None

    def return_unsaved(self) -> None:
        """A question that the disk has not taken becomes a draft again: the app is closing."""
        if turn := self._unsaved_turn():
            turn.give_up()

    def stop(self) -> None:
        """Ends the running turn; what it has said stays."""
        if self._turn is not None:
            self._turn.stop()

    def answer_now(self) -> None:
        """Ends the thinking of the running turn and moves to its answer."""
        if self._turn is not None:
            self._turn.answer_now()

    def _on_reading(self) -> None:
        turn = self._turn
        if turn is not None and self._is_on_view:
            self._tree.put(turn.message())
            self.reading_chosen.emit(self._shown(turn.message()))

    def _on_prefill(self, done: int, total: int) -> None:
        if self._is_on_view:
            self.prefill_progress.emit(done, total)

    def _on_thinking(self, text: str) -> None:
        if self._is_on_view:
            self.thinking_added.emit(text)

    def _on_answer(self, text: str) -> None:
        if self._is_on_view:
            self.answer_added.emit(text)

    def _save_reply(self) -> None:
        if self._turn is not None and self._turn.has_news:
            self._keep(self._turn.message())
            if self._is_on_view:
                self.statistics_changed.emit(self._turn.statistics())

    def _keep(self, reply: ChatMessage) -> None:
        """Puts the running turn's reply into its chat, on view or not."""
        chat = self._turn_chat
        if chat is None:
            return
        if self._chat is not None and self._chat.id == chat.id:
            self._chat = chat = replace(self._chat, updated=now(), model=reply.model)
            if reply.id in self._tree:
                self._tree.put(reply)
        else:
            chat = replace(chat, updated=now(), model=reply.model)
        self._library.put(chat, reply)

    def _on_ended(self, reply: ChatMessage, problem: Problem | None) -> None:
        self._keep(reply)
        is_on_view = self._is_on_view
        self._forget_turn()
        if is_on_view:
            self.reply_finished.emit(self._shown(reply))
            if reply.statistics is not None:
                self.statistics_changed.emit(reply.statistics)
        self.busy_changed.emit(False)
        if problem is not None:
            self.problem.emit(problem)

    def _on_refused(
        self, problem: Problem | None, before: Chat, question: ChatMessage | None
    ) -> None:
        """What was added for the turn is taken back, and the question returns to where it was
        written."""
        turn = self._turn
        assert turn is not None
        reply_id = turn.reply_id
        self._forget_turn()
        self._library.take_back(before, question.id if question else reply_id)
        if reply_id in self._tree:
            self._tree.remove(reply_id)
            if question is not None:
                self._tree.remove(question.id)
            if before.leaf_id is None:
                self.open(None)
            else:
                self._leaf_id = before.leaf_id
                self._chat = replace(self._chat or before, leaf_id=before.leaf_id)
                self._show()
        self.busy_changed.emit(False)
        if question is not None:
            self.draft_returned.emit(question.text, question.attachments)
        if problem is not None:
            self.problem.emit(problem)

    def _forget_turn(self) -> None:
        self._saving.stop()
        self._turn = self._turn_chat = None
