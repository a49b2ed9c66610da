"""Turns, branches and what becomes of them when something goes wrong: a real store, a real process
with a scripted engine in it, no widgets."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.chats.library import ChatLibrary
from app.chats.models import Attachment, Branch, ChatMessage, ShownMessage
from app.chats.store import ChatStore
from app.conversation import Conversation
from app.engine_client import EngineClient
from app.problem import Problem
from app.settings import Settings
from tests.app.conftest import MakeEngine, full_disk


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


def test_a_question_is_answered_and_saved(
    conversation: Conversation, view: View, ask: Ask, library: ChatLibrary, database: Path
) -> None:
    ask("Hello there")
    assert view.words == ["Hello there", "You said: Hello there "]
    assert view.last.thinking == "Let me see." and view.last.status == "complete"
    assert view.last.model == "Guide" and view.last.statistics is not None
    assert view.last.statistics.context_used == 14
    assert view.busy == [True, False] and view.prefill == [(0, 8), (8, 8)]
    assert conversation.chat is not None and conversation.chat.title == "Hello there"
    assert [[m.text for m in chat] for chat in saved(library, database)] == [view.words]


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


def test_the_model_sees_earlier_answers_without_thoughts(
    view: View, ask: Ask, settings: dict[str, Any]
) -> None:
    ask("Hi")
    settings["system_prompt"] = "Be brief."
    ask("show the conversation")
    seen = json.loads(view.last.text)["messages"]
    assert [message["role"] for message in seen] == [
        "system",
        "developer",
        "user",
        "assistant",
        "user",
    ]
    assert seen[1]["content"][0]["instructions"] == "Be brief."
    assert seen[3] == {
        "role": "assistant",
        "content": [{"type": "text", "text": "You said: Hi "}],
        "channel": "final",
    }
    assert "Let me see" not in json.dumps(seen)


def test_effort_belongs_to_the_chat(
    conversation: Conversation, view: View, ask: Ask, qtbot: QtBot
) -> None:
    conversation.set_effort("high")
    ask("show the conversation")
    system = json.loads(view.last.text)["messages"][0]["content"][0]
    assert system["reasoning_effort"] == "High"
    chat = conversation.chat
    assert chat is not None
    conversation.open(None)
    assert conversation.effort == "medium"
    with qtbot.waitSignal(conversation.effort_changed) as blocker:
        conversation.open(chat.id)
    assert blocker.args == ["high"]


@pytest.mark.parametrize("text", ["", "  \n ", "\u3000"])
def test_nothing_is_not_sent(conversation: Conversation, view: View, text: str) -> None:
    assert not conversation.send(text)
    assert view.path == [] and view.problems == [] and not conversation.is_busy


@pytest.mark.parametrize("text", ["a\0b", "a\ud83db"])
def test_what_was_no_text_is_replaced_with_a_word(
    view: View, ask: Ask, conversation: Conversation, text: str
) -> None:
    ask(text)
    assert view.words == ["a\ufffdb", "You said: a\ufffdb "]
    (problem,) = view.problems
    assert problem.text.startswith("Some characters were no text")
    ask("whole \ufffd")
    assert len(view.problems) == 1


def test_a_question_during_a_turn_is_refused_with_a_reason(
    conversation: Conversation, view: View, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(conversation.thinking_added):
        assert conversation.send("forever")
    assert not conversation.send("me too") and not conversation.regenerate()
    assert [problem.text[:25] for problem in view.problems] == ["An answer is still being "] * 2
    assert view.words == ["forever"]


def test_stop_keeps_what_was_said_and_the_next_turn_works(
    conversation: Conversation, view: View, ask: Ask, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(conversation.thinking_added):
        conversation.send("forever")
    conversation.stop()
    assert view.busy == [True, False]
    assert view.last.status == "stopped" and view.last.thinking.startswith("Let me see.")
    kept = view.last
    ask("and now?")
    assert view.path[1].message == kept and view.last.text == "You said: and now? "
    assert view.problems == []


def test_answer_now_ends_the_thinking(conversation: Conversation, view: View, qtbot: QtBot) -> None:
    with qtbot.waitSignal(conversation.thinking_added):
        conversation.send("forever")
    with qtbot.waitSignal(conversation.reply_finished):
        conversation.answer_now()
    assert view.last.text == "So be it." and view.last.status == "complete"
    assert view.last.thinking_s > 0


def test_edit_regenerate_and_switch_make_and_walk_branches(
    conversation: Conversation, view: View, ask: Ask, qtbot: QtBot
) -> None:
    ask("one")
    ask("two")
    first = view.path[0].message
    with qtbot.waitSignal(conversation.reply_finished):
        assert conversation.edit(first.id, "uno")
    assert view.words == ["uno", "You said: uno "]
    assert view.path[0].branch == Branch(2, 2)
    with qtbot.waitSignal(conversation.reply_finished):
        assert conversation.regenerate()
    assert view.words == ["uno", "You said: uno "] and view.path[1].branch == Branch(2, 2)
    conversation.switch(view.path[1].message.id, -1)
    assert view.path[1].branch == Branch(1, 2)
    conversation.switch(view.path[0].message.id, -1)
    assert view.words == ["one", "You said: one ", "two", "You said: two "]
    conversation.switch(view.path[0].message.id, -1)  # there is none before the first
    assert view.words[0] == "one"
    ask("three")
    assert view.words[2:4] == ["two", "You said: two "] and view.words[-1] == "You said: three "


def test_the_statistics_are_those_of_the_branch_on_view(
    conversation: Conversation, view: View, ask: Ask, qtbot: QtBot
) -> None:
    ask("one")
    first = view.last.statistics
    with qtbot.waitSignal(conversation.reply_finished):
        conversation.edit(view.path[0].message.id, "a longer question than the first")
    told: list[object] = []
    conversation.statistics_changed.connect(told.append)
    conversation.switch(view.path[0].message.id, -1)
    assert first is not None and told == [first]


def test_a_message_that_was_found_is_shown_with_its_branch(
    conversation: Conversation, view: View, ask: Ask, qtbot: QtBot
) -> None:
    ask("one")
    with qtbot.waitSignal(conversation.reply_finished):
        conversation.edit(view.path[0].message.id, "uno")
    chat, uno = conversation.chat, view.path[0].message
    assert chat is not None
    conversation.switch(uno.id, -1)
    revealed: list[str] = []
    conversation.revealed.connect(revealed.append)
    conversation.reveal(uno.id)
    assert view.words == ["uno", "You said: uno "] and revealed == [uno.id]
    conversation.switch(uno.id, -1)
    one = view.path[0].message
    conversation.open(None)
    with qtbot.waitSignal(conversation.revealed):
        conversation.open(chat.id, uno.id)
    assert view.words == ["uno", "You said: uno "]
    conversation.reveal(one.id)
    assert view.words == ["one", "You said: one "]
    conversation.reveal("none such")
    assert revealed == [uno.id, uno.id, one.id]


def test_the_branch_on_view_is_found_again(
    conversation: Conversation, view: View, ask: Ask, qtbot: QtBot
) -> None:
    ask("one")
    with qtbot.waitSignal(conversation.reply_finished):
        conversation.edit(view.path[0].message.id, "uno")
    conversation.switch(view.path[0].message.id, -1)
    chat = conversation.chat
    assert chat is not None
    conversation.open(None)
    assert view.path == [] and conversation.chat is None
    with qtbot.waitSignal(conversation.shown):
        conversation.open(chat.id)
    assert view.words == ["one", "You said: one "] and view.path[0].branch == Branch(1, 2)


@pytest.mark.parametrize(
    ("asked", "kept"), [("die in prefill", ""), ("die in decode", "Half an answer")]
)
def test_a_crash_keeps_the_partial_answer_and_the_engine_returns(
    conversation: Conversation,
    view: View,
    ask: Ask,
    library: ChatLibrary,
    database: Path,
    asked: str,
    kept: str,
) -> None:
    ask(asked)
    assert (view.last.status, view.last.stop) == ("interrupted", "engine")
    assert view.last.text == kept
    (problem,) = view.problems
    assert problem.action_key == "regenerate"
    ask("still there?")  # waits for the engine to come back
    assert view.last.text == "You said: still there? "
    assert saved(library, database)[0][1].status == "interrupted"


def test_an_engine_that_keeps_dying_ends_the_waiting_turn(
    make_engine: MakeEngine, library: ChatLibrary, qtbot: QtBot
) -> None:
    engine = make_engine()
    conversation = Conversation(engine, library, Settings)
    view = View(conversation)
    engine.load("deadly")
    assert conversation.send("Hi")
    qtbot.waitUntil(lambda: not conversation.is_busy)
    assert engine.state == "failed"
    assert (view.last.status, view.last.stop) == ("interrupted", "engine")


def test_a_question_waits_for_the_model(
    make_engine: MakeEngine, library: ChatLibrary, tmp_path: Path, qtbot: QtBot
) -> None:
    gate = tmp_path / "gate"
    engine = make_engine("--gate", str(gate))
    conversation = Conversation(engine, library, Settings)
    view = View(conversation)
    engine.load("slow")
    assert conversation.send("Hi")
    assert view.busy == [True] and view.words == ["Hi"]
    gate.touch()
    qtbot.waitUntil(lambda: not conversation.is_busy)
    assert view.last.text == "You said: Hi " and view.last.model == "Slow"


def test_a_question_to_a_model_that_can_t_be_opened_is_kept(
    make_engine: MakeEngine, library: ChatLibrary, qtbot: QtBot
) -> None:
    engine = make_engine()
    conversation = Conversation(engine, library, Settings)
    view = View(conversation)
    engine.load("missing")
    assert conversation.send("Hi")
    qtbot.waitUntil(lambda: not conversation.is_busy)
    assert view.words == ["Hi", ""] and view.last.status == "failed"
    assert not conversation.send("again")
    assert view.problems[-1].action_key == "choose_model"


def test_a_prompt_too_long_for_the_context_returns_to_the_composer(
    conversation: Conversation, view: View, ask: Ask, library: ChatLibrary, database: Path
) -> None:
    ask("short")
    before = view.path.copy()
    ask("overflow")
    assert view.drafts == [("overflow", ())] and view.path == before
    (problem,) = view.problems
    assert problem.text.startswith("The conversation has 9,000 tokens")
    ask("short again")
    (messages,) = saved(library, database)
    assert [m.text for m in messages if m.role == "user"] == ["short", "short again"]


def test_a_first_question_too_long_leaves_no_chat(
    conversation: Conversation, view: View, ask: Ask, library: ChatLibrary, database: Path
) -> None:
    ask("overflow")
    assert view.drafts == [("overflow", ())] and view.path == []
    assert conversation.chat is None and saved(library, database) == []


def test_an_error_in_the_middle_keeps_what_was_said(view: View, ask: Ask) -> None:
    ask("fail")
    assert (view.last.status, view.last.text) == ("failed", "Half")
    assert view.problems[0].text == "The engine failed. Try again."


@pytest.mark.parametrize(
    ("stop", "said"),
    [
        ("context", "The context is full"),
        ("length", "reached the longest"),
        ("repetition", "repeated itself"),
    ],
)
def test_an_answer_cut_at_a_limit_says_so(view: View, ask: Ask, stop: str, said: str) -> None:
    ask(f"stop {stop}")
    assert view.last.text == "As far as it goes" and view.last.stop == stop
    assert said in view.problems[0].text


def test_a_turn_goes_on_while_another_chat_is_on_view(
    conversation: Conversation, view: View, ask: Ask, library: ChatLibrary, qtbot: QtBot
) -> None:
    ask("first chat")
    first = conversation.chat
    conversation.open(None)
    with qtbot.waitSignal(conversation.thinking_added):
        conversation.send("forever")
    second = conversation.chat
    assert first is not None and second is not None
    with qtbot.waitSignal(conversation.shown):
        conversation.open(first.id)
    assert view.words == ["first chat", "You said: first chat "] and view.writing is None
    assert not conversation.send("here too") and view.busy[-1]
    with qtbot.waitSignal(conversation.reply_started):
        conversation.open(second.id)
    assert view.words == ["forever"] and view.thinking.startswith("Let me see.")
    with qtbot.waitSignal(conversation.reply_finished):
        conversation.answer_now()
    assert view.words == ["forever", "So be it."]


def test_a_turn_that_ends_out_of_view_is_saved_in_its_chat(
    conversation: Conversation, view: View, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(conversation.thinking_added):
        conversation.send("forever")
    chat = conversation.chat
    assert chat is not None
    conversation.open(None)
    conversation.answer_now()
    qtbot.waitUntil(lambda: not conversation.is_busy)
    assert view.path == []
    with qtbot.waitSignal(conversation.shown):
        conversation.open(chat.id)
    assert view.words == ["forever", "So be it."]


def test_another_branch_can_be_read_while_one_is_written(
    conversation: Conversation, view: View, ask: Ask, qtbot: QtBot
) -> None:
    ask("one")
    with qtbot.waitSignal(conversation.thinking_added):
        conversation.edit(view.path[0].message.id, "forever")
    conversation.switch(view.path[0].message.id, -1)
    assert (view.words, view.writing) == (["one", "You said: one "], None)
    conversation.switch(view.path[0].message.id, 1)
    assert view.words == ["forever"] and view.thinking.startswith("Let me see.")
    conversation.stop()
    assert view.last.status == "stopped"


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


def test_deleting_the_chat_on_view_stops_its_turn_and_shows_a_new_one(
    conversation: Conversation, view: View, library: ChatLibrary, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(conversation.thinking_added):
        conversation.send("forever")
    chat = conversation.chat
    assert chat is not None
    library.delete(chat.id)
    qtbot.waitUntil(lambda: not conversation.is_busy and conversation.chat is None)
    assert view.path == []
    library.restore(chat.id)
    with qtbot.waitSignal(conversation.shown):
        conversation.open(chat.id)
    assert view.words[0] == "forever" and view.last.status == "stopped"


def test_renaming_in_the_sidebar_is_heard(
    conversation: Conversation, ask: Ask, library: ChatLibrary, qtbot: QtBot
) -> None:
    ask("Hello")
    chat = conversation.chat
    assert chat is not None
    with qtbot.waitSignal(conversation.title_changed) as blocker:
        library.rename(chat.id, "Greetings")
    assert blocker.args == [chat.id, "Greetings"]
    ask("more")
    assert conversation.chat is not None and conversation.chat.title == "Greetings"


def test_the_guide_is_not_given_documents_and_says_so(
    conversation: Conversation, view: View
) -> None:
    assert not conversation.send("What is in it?", [Attachment("a.txt", "/a.txt", "x\n")])
    assert "can’t read documents" in view.problems[0].text and view.path == []


def test_documents_are_given_as_numbered_lines_and_stay_with_an_edit(
    make_engine: MakeEngine, library: ChatLibrary, qtbot: QtBot
) -> None:
    engine = make_engine()
    conversation = Conversation(engine, library, Settings)
    view = View(conversation)
    engine.load("big")
    document = Attachment("bees.txt", "/bees.txt", "Bees hum.\nWasps don't.\n")
    with qtbot.waitSignal(conversation.reply_finished):
        assert conversation.send("Do bees hum?", [document])
    assert "[0] bees.txt" in view.last.text and "L1: Wasps don't." in view.last.text
    with qtbot.waitSignal(conversation.reply_finished):
        assert conversation.edit(view.path[0].message.id, "Do wasps?")
    assert "L0: Bees hum." in view.last.text and view.last.text.endswith("Do wasps? ")
    assert view.path[0].message.attachments == (document,)


def test_a_late_answer_to_an_earlier_open_is_ignored(
    conversation: Conversation, view: View, ask: Ask, qtbot: QtBot
) -> None:
    ask("one")
    chat = conversation.chat
    assert chat is not None
    conversation.open(chat.id)
    conversation.open(None)
    ask("two")
    assert view.words == ["two", "You said: two "]


def test_a_chat_that_is_gone_opens_as_a_new_one(
    conversation: Conversation, view: View, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(conversation.opened) as blocker:
        conversation.open("no such chat")
    assert blocker.args == [None] and view.path == []
