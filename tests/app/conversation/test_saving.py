"""When the disk has what was said, and what happens where it does not take it."""

import threading
from pathlib import Path

from pytestqt.qtbot import QtBot

from app.chats.library import ChatLibrary
from app.chats.models import ChatMessage
from app.chats.store import ChatStore
from app.conversation import Conversation
from app.engine_client import EngineClient
from app.settings import Settings
from tests.app.conftest import MakeEngine, full_disk
from tests.app.conversation.conftest import Ask, View, saved


def test_the_engine_hears_of_a_question_when_the_disk_has_it(
    conversation: Conversation,
    view: View,
    engine: EngineClient,
    library: ChatLibrary,
    qtbot: QtBot,
) -> None:
    disk = threading.Event()
    library._write(lambda store: disk.wait(60))
    try:
        assert conversation.send("Hello") and view.words == ["Hello"] and view.busy == [True]
        qtbot.wait(100)
        assert engine.state == "ready" and view.prefill == []
    finally:
        disk.set()
    qtbot.waitUntil(lambda: not conversation.is_busy)
    assert view.last.text == "You said: Hello "


def test_a_model_that_comes_before_the_disk_is_not_asked_yet(
    make_engine: MakeEngine, library: ChatLibrary, tmp_path: Path, qtbot: QtBot
) -> None:
    gate, disk = tmp_path / "gate", threading.Event()
    engine = make_engine("--gate", str(gate))
    conversation = Conversation(engine, library, Settings)
    view = View(conversation)
    engine.load("slow")
    library._write(lambda store: disk.wait(60))
    try:
        assert conversation.send("Hi")
        with qtbot.waitSignal(engine.ready):
            gate.touch()
        assert engine.state == "ready"
    finally:
        disk.set()
    qtbot.waitUntil(lambda: not conversation.is_busy)
    assert view.last.text == "You said: Hi "


def test_on_a_full_disk_a_question_waits_for_room(
    conversation: Conversation,
    view: View,
    ask: Ask,
    engine: EngineClient,
    library: ChatLibrary,
    database: Path,
    qtbot: QtBot,
) -> None:
    ask("before")
    question = "a long question " * 1000
    with full_disk():
        with qtbot.waitSignal(library.problem) as blocker:
            assert conversation.send(question)
        assert blocker.args[0].action_key == "retry_save"
        assert engine.state == "ready" and conversation.is_busy
    with qtbot.waitSignal(conversation.reply_finished):
        library.retry()
    assert view.last.text.startswith("You said: a long question")
    assert saved(library, database)[0][2].text == question


def test_a_question_that_waits_for_the_disk_can_be_stopped(
    conversation: Conversation, view: View, ask: Ask, library: ChatLibrary, qtbot: QtBot
) -> None:
    disk = threading.Event()
    library._write(lambda store: disk.wait(60))
    assert conversation.send("Hello")
    conversation.stop()
    disk.set()
    assert view.last.status == "stopped"
    ask("again")
    assert view.words == ["Hello", "", "again", "You said: again "]


def test_a_question_that_can_t_be_kept_comes_back(
    conversation: Conversation, view: View, ask: Ask, library: ChatLibrary, qtbot: QtBot
) -> None:
    ask("before")

    def fail(store: ChatStore) -> None:
        raise RuntimeError("nobody foresaw this")

    with qtbot.waitSignal(library.problem):
        library._write(fail)
    assert conversation.send("after")
    qtbot.waitUntil(lambda: not conversation.is_busy)
    assert view.words == ["before", "You said: before "] and view.drafts == [("after", ())]


def test_a_question_that_is_not_on_disk_at_the_end_becomes_a_draft_again(
    conversation: Conversation, view: View, library: ChatLibrary, database: Path
) -> None:
    disk = threading.Event()
    library._write(lambda store: disk.wait(60))
    assert conversation.send("Hello")
    conversation.return_unsaved()
    disk.set()
    assert view.drafts == [("Hello", ())] and saved(library, database) == []


def test_leaving_in_the_middle_marks_the_reply(
    conversation: Conversation,
    view: View,
    engine: EngineClient,
    library: ChatLibrary,
    database: Path,
    qtbot: QtBot,
) -> None:
    with qtbot.waitSignal(conversation.thinking_added):
        conversation.send("forever")
    engine.shut_down()
    reply = saved(library, database)[0][1]
    assert (reply.status, reply.stop) == ("interrupted", "")
    assert reply.thinking.startswith("Let me see.")


def test_a_reply_is_saved_while_it_is_written(
    conversation: Conversation, library: ChatLibrary, database: Path, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(conversation.thinking_added):
        conversation.send("forever")
    with qtbot.waitSignal(conversation.statistics_changed):
        pass  # it comes with the saving
    chat = conversation.chat
    assert chat is not None
    answers: list[list[ChatMessage]] = []
    library.load(chat.id, lambda _, messages: answers.append(messages))
    qtbot.waitUntil(lambda: bool(answers))
    assert answers[0][1].status == "streaming" and "and and" in answers[0][1].thinking
