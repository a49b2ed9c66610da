"""What is shown before the first word of an answer."""

from collections.abc import Callable

from pytestqt.qtbot import QtBot

from app.widgets.transcript import TranscriptView
from tests.app.widgets.transcript.stage import answer, press, replace_status, shown, streaming


def test_reading_is_shown_until_the_first_word(view: TranscriptView) -> None:
    view.begin_reply(streaming())
    view.set_prefill(512, 900)
    reading = answer(view).reading
    assert reading.isVisible() and reading.words == "Reading… 512 of 900"
    view.add_thinking("Hm")
    assert not reading.isVisible()


def test_thinking_is_one_line_with_a_way_out_that_unfolds(
    view: TranscriptView, frames: Callable[[], None], qtbot: QtBot
) -> None:
    view.begin_reply(streaming())
    view.add_thinking("First **this**")
    frames()
    fold = answer(view).thinking
    assert fold.line.text().startswith("Thinking… ") and not fold.is_open
    with qtbot.waitSignal(view.answer_now_requested):
        press(qtbot, fold.answer_now)
    assert not fold.answer_now.isEnabled()
    height = answer(view).height()
    press(qtbot, fold.line)
    frames()
    assert answer(view).height() > height
    view.add_thinking(" then that.")
    frames()
    assert fold.page.flow.copied(0, 99) == "First this then that."
    view.add_answer("So.")
    frames()
    assert fold.line.text().startswith("Thought for ") and not fold.answer_now.isVisible()
    assert fold.page.flow.copied(0, 99) == "First this then that."


def test_a_finished_thought_tells_its_time(view: TranscriptView, qtbot: QtBot) -> None:
    view.show_messages([shown("assistant", "So.", thinking="Hm", thinking_s=72.9)])
    fold = answer(view).thinking
    assert fold.line.text() == "Thought for 1 min 12 s"
    assert fold.line.accessibleName() == "Thought for 1 min 12 s, hidden"
    press(qtbot, fold.line)
    assert fold.line.accessibleName() == "Thought for 1 min 12 s, shown"


def test_an_answer_without_thoughts_has_no_line_for_them(view: TranscriptView) -> None:
    view.show_messages([shown("assistant", "So.")])
    assert not answer(view).thinking.isVisible()


def test_a_reply_that_goes_on_is_taken_up_where_it_is(
    view: TranscriptView, frames: Callable[[], None]
) -> None:
    view.begin_reply(replace_status(shown("assistant", thinking="Half a", thinking_s=4.0)))
    view.add_thinking(" thought")
    fold = answer(view).thinking
    fold.line.click()
    frames()
    assert fold.seconds >= 4
    assert fold.page.flow.copied(0, 99) == "Half a thought"
