"""A person at the window: asking, stopping, branches; what is kept when things go wrong."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.problem import Problem
from app.settings import Settings, write_settings
from tests.app.windows.conftest import MakePerson, Person
from tests.checkpoints import write_tiny_checkpoint


def test_typing_and_return_sends_and_the_answer_is_there_after_a_restart(
    make_person: MakePerson, qtbot: QtBot
) -> None:
    first = make_person(command=None)  # the real engine, with the guide
    assert QApplication.focusWidget() is first.app.window.composer.field
    assert first.app.window.status.text == "Guide"
    answer = first.ask("What can you do?").message
    assert answer.status == "complete"
    assert answer.text
    assert first.app.window.composer.text == ""
    assert QApplication.focusWidget() is first.app.window.composer.field
    assert "tokens/s" in first.app.window.status.text
    first.ask("And what not?")
    texts = first.texts
    first.quit()

    second = make_person(command=None)
    second.sees(lambda: second.texts == texts)
    assert second.app.window.windowTitle() == "What can you do?"
    assert second.app.window.sidebar.list.currentIndex().data() == "What can you do?"


def test_a_folder_with_a_checkpoint_can_be_talked_to(
    make_person: MakePerson, qtbot: QtBot, tmp_path: Path
) -> None:
    folder = write_tiny_checkpoint(tmp_path / "mine")
    person = make_person(command=None)
    with qtbot.waitSignal(person.app.engine.ready, timeout=30_000):
        person.app.picker.choose(str(folder))
    assert person.app.window.header.models.text() == "mine"
    person.type("hello")
    person.press("Return")
    person.sees(lambda: person.app.conversation.is_busy)
    person.press("Esc")
    person.sees(lambda: len(person.replies) == 1, timeout=30_000)
    assert str(folder) in person.app.settings.value.recent_folders


def test_words_that_are_written_while_an_answer_comes_wait(person: Person) -> None:
    person.type("forever")
    person.press("Return")
    person.sees(lambda: person.app.conversation.is_busy)
    person.type("next")
    person.press("Return")
    assert person.app.window.composer.text == "next"
    person.press("Esc")
    person.sees(lambda: not person.app.conversation.is_busy)
    assert person.replies[-1].message.status == "stopped"
    assert person.app.window.composer.text == "next"


@pytest.mark.parametrize("keys", ["Esc", "Ctrl+."])
def test_an_answer_can_be_stopped_and_what_was_said_stays(person: Person, keys: str) -> None:
    person.type("forever")
    person.press("Return")
    person.sees(lambda: person.app.window.composer.send.accessibleName() == "Stop")
    person.qtbot.wait(100)
    person.press(keys)
    person.sees(lambda: bool(person.replies))
    assert person.replies[-1].message.status == "stopped"
    assert person.replies[-1].message.thinking
    assert person.app.window.composer.send.accessibleName() == "Send"


def test_edit_and_regenerate_make_branches_and_nothing_is_overwritten(person: Person) -> None:
    transcript = person.app.window.transcript
    person.ask("one")
    question, answer = person.shown
    transcript.edit_submitted.emit(question.message.id, "two")
    person.sees(lambda: len(person.replies) == 2)
    assert person.texts == ["two", "You said: two"]
    assert (person.shown[0].branch.index, person.shown[0].branch.count) == (2, 2)
    transcript.regenerate_requested.emit(person.shown[1].message.id)
    person.sees(lambda: len(person.replies) == 3 and not person.app.conversation.is_busy)
    assert person.shown[1].branch.count == 2
    transcript.branch_requested.emit(person.shown[0].message.id, -1)
    assert person.texts == ["one", "You said: one"]
    assert person.shown[1].message.id == answer.message.id


def test_answer_now_ends_the_thinking(person: Person) -> None:
    person.type("forever")
    person.press("Return")
    person.sees(lambda: person.app.conversation.is_busy)
    person.qtbot.wait(100)
    person.app.window.transcript.answer_now_requested.emit()
    person.sees(lambda: bool(person.replies))
    assert person.replies[-1].message.status == "complete"
    assert person.replies[-1].message.text


def test_a_killed_engine_costs_only_the_running_turn(person: Person) -> None:
    window = person.app.window
    person.type("die in decode")
    person.press("Return")
    person.sees(lambda: window.banner.text != "")
    reply = person.replies[-1].message
    assert reply.status == "interrupted"
    assert reply.text or reply.thinking
    assert window.banner.isVisible()
    person.sees(lambda: person.app.engine.model is not None)
    assert person.ask("still there").message.text


def test_a_prompt_that_is_too_long_is_said_and_comes_back_into_the_field(person: Person) -> None:
    window = person.app.window
    person.type("overflow")
    person.press("Return")
    person.sees(lambda: window.banner.text != "")
    person.sees(lambda: window.composer.text == "overflow")
    assert person.shown == []
    window.composer.set_text("")
    person.ask("shorter")
    assert window.banner.text == ""


def test_a_missing_model_folder_is_said_with_a_way_out(
    make_person: MakePerson, qtbot: QtBot, home: Path
) -> None:
    gone = str(home / "gone")
    write_settings(Settings(model=gone, draft="kept"), home / "settings.json")
    app = make_person(command=None, waits=False).app
    qtbot.waitUntil(lambda: app.window.banner.text != "", timeout=15_000)
    assert "gone" in app.window.banner.text
    assert app.window.banner.action.text() == "Choose model…"
    assert app.window.composer.text == "kept"
    assert app.window.status.text == "No model is open"
    with qtbot.waitSignal(app.engine.ready, timeout=15_000):
        app.picker.choose("guide")
    assert app.window.banner.text == ""


def test_a_folder_without_a_model_is_said_and_the_model_before_returns(person: Person) -> None:
    window, engine = person.app.window, person.app.engine
    with person.qtbot.waitSignals([engine.load_failed, engine.ready]):
        person.app.picker.choose("missing")
    assert window.banner.isVisible() and "missing" in window.banner.text
    assert engine.model_key == "guide" and window.status.text == "Guide"
    person.ask("a question")
    assert window.banner.text == ""


def test_who_asks_during_an_answer_is_offered_its_end(person: Person) -> None:
    window = person.app.window
    person.ask("one")
    person.type("forever")
    person.press("Return")
    person.sees(lambda: person.app.conversation.is_busy)
    window.transcript.regenerate_requested.emit(person.shown[1].message.id)
    assert window.banner.action.text() == "Stop it"
    person.qtbot.mouseClick(window.banner.action, Qt.MouseButton.LeftButton)
    assert not person.app.conversation.is_busy and window.banner.text == ""


def test_who_dismisses_a_problem_can_write_on(person: Person) -> None:
    window = person.app.window
    window.banner.show_problem(Problem("A problem."))
    person.qtbot.mouseClick(window.banner.close_button, Qt.MouseButton.LeftButton)
    assert window.banner.text == ""
    assert QApplication.focusWidget() is window.composer.field


def test_effort_belongs_to_the_conversation(person: Person) -> None:
    slider = person.app.window.composer.effort
    person.ask("first chat")
    first = person.app.conversation.chat
    assert first is not None
    person.qtbot.keyClick(slider, Qt.Key.Key_H)
    person.press("Ctrl+N")
    assert slider.effort == "medium"
    person.ask("second chat")
    person.app.window.sidebar.list.chosen.emit(first.id, "")
    person.sees(lambda: slider.effort == "high")


def test_an_example_is_asked_by_a_click(person: Person) -> None:
    example = person.app.window.empty_state.examples[0]
    words = example.toolTip()
    assert person.app.window.empty_state.isVisible()
    person.qtbot.mouseClick(example, Qt.MouseButton.LeftButton)
    person.sees(lambda: bool(person.replies))
    assert person.texts[0] == words
    assert person.app.window.transcript.isVisible()
    person.press("Ctrl+N")
    assert person.app.window.empty_state.isVisible()
