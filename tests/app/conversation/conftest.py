"""A conversation without widgets: a real store, a real process with a scripted engine in it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.chats.library import ChatLibrary
from app.chats.models import Attachment, ChatMessage, ShownMessage
from app.chats.store import ChatStore
from app.conversation import Conversation
from app.engine_client import EngineClient
from app.problem import Problem
from app.settings import Settings


class View:
    """What a window would show, put together from the signals as they come."""

    def __init__(self, conversation: Conversation) -> None:
        self.path: list[ShownMessage] = []
        self.writing: ShownMessage | None = None
        self.thinking = ""
        self.answer = ""
        self.problems: list[Problem] = []
        self.busy: list[bool] = []
        self.drafts: list[tuple[str, tuple[Attachment, ...]]] = []
        self.prefill: list[tuple[int, int]] = []
        conversation.shown.connect(self._show)
        conversation.message_added.connect(lambda message: self.path.append(message))
        conversation.reply_started.connect(self._begin)
        conversation.thinking_added.connect(self._think)
        conversation.answer_added.connect(self._say)
        conversation.reply_finished.connect(self._finish)
        conversation.problem.connect(self.problems.append)
        conversation.busy_changed.connect(self.busy.append)
        conversation.draft_returned.connect(lambda *draft: self.drafts.append(draft))
        conversation.prefill_progress.connect(lambda *tokens: self.prefill.append(tokens))

    def _show(self, path: list[ShownMessage]) -> None:
        self.path, self.writing = list(path), None

    def _begin(self, reply: ShownMessage) -> None:
        assert self.writing is None
        self.writing = reply
        self.thinking, self.answer = reply.message.thinking, reply.message.text

    def _think(self, text: str) -> None:
        assert self.writing is not None
        self.thinking += text

    def _say(self, text: str) -> None:
        assert self.writing is not None
        self.answer += text

    def _finish(self, reply: ShownMessage) -> None:
        assert self.writing is not None and self.writing.message.id == reply.message.id
        assert self.answer == reply.message.text and self.thinking == reply.message.thinking
        self.writing = None
        self.path.append(reply)

    @property
    def words(self) -> list[str]:
        return [shown.message.text for shown in self.path]

    @property
    def last(self) -> ChatMessage:
        return self.path[-1].message


@pytest.fixture
def settings() -> dict[str, Any]:
    """What tests change about the settings."""
    return {}


@pytest.fixture
def conversation(
    engine: EngineClient, library: ChatLibrary, settings: dict[str, Any]
) -> Conversation:
    return Conversation(engine, library, lambda: replace(Settings(), **settings))


@pytest.fixture
def view(conversation: Conversation) -> View:
    return View(conversation)


@pytest.fixture
def ask(conversation: Conversation, qtbot: QtBot) -> Callable[[str], None]:
    """Asks and waits for the end of the turn."""

    def send(text: str) -> None:
        assert conversation.send(text)
        qtbot.waitUntil(lambda: not conversation.is_busy)

    return send


Ask = Callable[[str], None]


def saved(library: ChatLibrary, database: Path) -> list[list[ChatMessage]]:
    """What the next start would find, chat by chat."""
    library.close()
    store = ChatStore(database)
    chats = [store.messages(chat.id) for chat in store.chats()]
    store.close()
    return chats
