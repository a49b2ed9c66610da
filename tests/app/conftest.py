"""Chats to test with, in a real database file."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.chats.models import Chat, ChatMessage, new_id, now
from app.chats.store import ChatStore


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "chats.sqlite"


@pytest.fixture
def store(database: Path) -> Iterator[ChatStore]:
    opened = ChatStore(database)
    yield opened
    opened.close()


@pytest.fixture
def new_chat() -> Callable[..., Chat]:
    def make(title: str = "Bees", **fields: object) -> Chat:
        moment = now()
        return Chat(id=new_id(), title=title, created=moment, updated=moment, **fields)  # type: ignore[arg-type]

    return make


@pytest.fixture
def question() -> Callable[..., ChatMessage]:
    def make(text: str, parent_id: str | None = None, **fields: object) -> ChatMessage:
        return ChatMessage(new_id(), parent_id, "user", text, **fields)  # type: ignore[arg-type]

    return make


@pytest.fixture
def answer() -> Callable[..., ChatMessage]:
    def make(text: str, parent_id: str | None, **fields: object) -> ChatMessage:
        return ChatMessage(new_id(), parent_id, "assistant", text, **fields)  # type: ignore[arg-type]

    return make
