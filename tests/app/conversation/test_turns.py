"""A turn from question to answer, and what becomes of it when something goes wrong."""

import json
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.chats.library import ChatLibrary
from app.chats.models import Attachment, Reading
from app.conversation import Conversation
from app.settings import Settings
from tests.app.conftest import MakeEngine
from tests.app.conversation.conftest import Ask, View, saved
from tests.app.documents.sample import document


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


REPORT = Attachment.of(
    document("report.pdf", "Bees hum.\nIn summer.", "Wasps don't.", "Hornets grumble."),
    "/report.pdf",
)


def test_the_guide_shows_a_search_of_documents_and_calls_it_one(
    conversation: Conversation, view: View, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(conversation.reply_finished):
        assert conversation.send("Do wasps hum?", [REPORT])
    assert "This is a search, not an answer" in view.last.text
    assert "> Wasps don't." in view.last.text and "【0†L2-L2】" in view.last.text
    assert view.path[-1].coverage == "" and view.last.stop == "search"
    assert [part.cursor for part in view.path[-1].citable] == [0]


def _big(make_engine: MakeEngine, library: ChatLibrary) -> tuple[Conversation, View]:
    engine = make_engine()
    conversation = Conversation(engine, library, Settings)
    engine.load("big")
    return conversation, View(conversation)


def test_what_was_read_is_kept_with_the_answer_and_can_be_read_the_other_way(
    make_engine: MakeEngine, library: ChatLibrary, database: Path, qtbot: QtBot
) -> None:
    conversation, view = _big(make_engine, library)
    with qtbot.waitSignal(conversation.reply_finished):
        assert conversation.send("Do wasps?", [REPORT])
    assert view.path[-1].coverage == "Read all 3 pages."
    assert view.last.reading == Reading("all", ((0, ((0, 3),)),))
    with qtbot.waitSignal(conversation.reply_finished):
        assert conversation.regenerate(view.last.id, "search")
    assert view.path[-1].coverage == "Read 1 of 3 pages: 2."
    assert [m.reading for m in saved(library, database)[0]][1:] == [
        Reading("all", ((0, ((0, 3),)),)),
        view.last.reading,
    ]


def test_a_later_question_is_not_given_the_documents_again(
    make_engine: MakeEngine, library: ChatLibrary, qtbot: QtBot
) -> None:
    conversation, view = _big(make_engine, library)
    for words in ("Do wasps?", "show the conversation"):
        with qtbot.waitSignal(conversation.reply_finished):
            assert conversation.send(words, [REPORT] if words == "Do wasps?" else [])
    seen = json.loads(view.last.text)["messages"]
    asked = json.dumps([message for message in seen if message["role"] == "user"])
    assert asked.count("L2: Wasps don't.") == 1
    assert view.path[-1].citable[0].is_whole and view.last.reading is None


def _long(count: int) -> Attachment:
    pages = [f"Page {n} is about sort {n} of bees." + " They hum." * 30 for n in range(count)]
    return Attachment.of(document("long.pdf", *pages), "/long.pdf")


def test_what_does_not_fit_is_searched_or_read_in_passes(
    make_engine: MakeEngine, library: ChatLibrary, qtbot: QtBot
) -> None:
    conversation, view = _big(make_engine, library)  # a context of 4,096 tokens
    with qtbot.waitSignal(conversation.reply_finished):
        assert conversation.send("What is sort 41 about?", [_long(60)])
    assert "of 60 pages: " in view.path[-1].coverage
    assert view.last.reading is not None and view.last.reading.mode == "search"
    with qtbot.waitSignal(conversation.reply_finished):
        assert conversation.regenerate(view.last.id, "all")
    assert view.path[-1].coverage == "Read all 60 pages, in passes."
    assert "Part 1 of" in view.last.thinking and "sort 59 of bees" in view.last.thinking
    assert "Notes on part 2:" in view.last.text and "What is sort 41 about?" in view.last.text
    assert view.path[-1].citable[0].is_whole
    assert view.path[0].message.text == "What is sort 41 about?"


def test_what_is_too_long_for_passes_is_refused_with_what_would_fit(
    make_engine: MakeEngine, library: ChatLibrary, qtbot: QtBot
) -> None:
    conversation, view = _big(make_engine, library)
    with qtbot.waitSignal(conversation.draft_returned):
        assert conversation.send("Summarise it.", [_long(1_500)])
    assert "can be read in passes" in view.problems[0].text
    assert view.path == []


def test_documents_are_given_as_numbered_lines_and_stay_with_an_edit(
    make_engine: MakeEngine, library: ChatLibrary, qtbot: QtBot
) -> None:
    engine = make_engine()
    conversation = Conversation(engine, library, Settings)
    view = View(conversation)
    engine.load("big")
    notes = Attachment("bees.txt", "/bees.txt", "Bees hum.\nWasps don't.\n")
    with qtbot.waitSignal(conversation.reply_finished):
        assert conversation.send("Do bees hum?", [notes])
    assert "[0] bees.txt" in view.last.text and "L1: Wasps don't." in view.last.text
    with qtbot.waitSignal(conversation.reply_finished):
        assert conversation.edit(view.path[0].message.id, "Do wasps?")
    assert "L0: Bees hum." in view.last.text and view.last.text.endswith("Do wasps? ")
    assert view.path[0].message.attachments == (notes,)
