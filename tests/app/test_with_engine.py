"""The window's side with the real engine and a tiny model: turns, and kills at any moment."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.chats.library import ChatLibrary
from app.chats.models import ChatMessage
from app.conversation import Conversation
from app.engine_client import EngineClient
from app.settings import Settings
from tests.endless import write_endless_checkpoint


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_endless_checkpoint(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def real_engine(tmp_path: Path, tiny: Path, qtbot: QtBot) -> Iterator[EngineClient]:
    client = EngineClient(tmp_path / "engine.log")
    with qtbot.waitSignal(client.ready):
        client.load(str(tiny), context=4096)
    yield client
    client.shut_down()


@pytest.fixture
def conversation(real_engine: EngineClient, library: ChatLibrary) -> Conversation:
    return Conversation(real_engine, library, Settings)


def ask(conversation: Conversation, text: str) -> None:
    """Sends, and has the model answer at once: the endless one would think for ever."""
    assert conversation.send(text)
    conversation.answer_now()


def finished(conversation: Conversation, qtbot: QtBot) -> ChatMessage:
    """The reply of the turn that runs, stopped once it has said something."""
    replies: list[ChatMessage] = []
    conversation.reply_finished.connect(lambda shown: replies.append(shown.message))
    pieces: list[str] = []
    conversation.answer_added.connect(pieces.append)
    qtbot.waitUntil(lambda: len(pieces) > 5)
    conversation.stop()
    return replies[0]


def test_a_second_turn_is_asked_in_the_same_process(
    conversation: Conversation, real_engine: EngineClient, qtbot: QtBot
) -> None:
    before = real_engine.pid
    ask(conversation, "Hello")
    first = finished(conversation, qtbot)
    ask(conversation, "And now?")
    second = finished(conversation, qtbot)
    for reply in (first, second):
        assert reply.text and (reply.status, reply.model) == ("stopped", "tiny")
    assert real_engine.pid == before


def test_a_prompt_too_long_comes_back_in_the_engines_words(
    conversation: Conversation, qtbot: QtBot
) -> None:
    text = "far too long " * 4096
    with qtbot.waitSignal(conversation.draft_returned) as blocker:
        assert conversation.send(text)
    assert blocker.args == [text, ()] and conversation.chat is None


@pytest.mark.parametrize("moment", ["load", "prefill", "decode"])
def test_a_kill_costs_the_turn_and_the_next_one_works(
    conversation: Conversation,
    real_engine: EngineClient,
    tiny: Path,
    qtbot: QtBot,
    moment: str,
) -> None:
    replies: list[ChatMessage] = []
    conversation.reply_finished.connect(lambda shown: replies.append(shown.message))
    if moment == "load":
        with qtbot.waitSignal(real_engine.ready):
            real_engine.load(str(tiny), context=2048)
            os.kill(real_engine.pid, signal.SIGKILL)
    else:
        told = real_engine.prefill if moment == "prefill" else real_engine.delta
        with qtbot.waitSignal(told):
            ask(conversation, "word " * 200)
        os.kill(real_engine.pid, signal.SIGKILL)
        with qtbot.waitSignal(real_engine.ready):
            pass
        assert replies[0].status == "interrupted"
    ask(conversation, "Still there?")
    assert finished(conversation, qtbot).status == "stopped"
