"""What moves when something comes, and above all what does not."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, QPointF
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.style import stylesheet
from app.theme import DARK, LIGHT, TEXT_SIZE, Theme
from app.widgets.message import BESIDE
from app.widgets.transcript import TranscriptView
from tests.app.widgets.transcript.stage import (
    LONG,
    answer,
    at_end,
    press,
    shown,
    shown_end,
    streaming,
    wheel,
)


def test_the_view_follows_the_end_if_the_reader_is_there(
    view: TranscriptView, frames: Callable[[], None]
) -> None:
    view.begin_reply(streaming(LONG))
    assert at_end(view)
    for _ in range(5):
        view.add_answer("\n\nmore")
        frames()
        assert at_end(view)


def test_the_view_stays_where_the_reader_went(
    view: TranscriptView, frames: Callable[[], None]
) -> None:
    view.begin_reply(streaming(LONG))
    frames()
    wheel(view, 120)
    frames()
    place = view.verticalScrollBar().value()
    page = answer(view).page
    words = page.flow.offset_at(QPointF(0, -page.mapTo(view.viewport(), QPoint(0, 0)).y()))
    for _ in range(5):
        view.add_answer("\n\nmore words")
        frames()
    assert view.verticalScrollBar().value() == place
    assert words == page.flow.offset_at(QPointF(0, -page.mapTo(view.viewport(), QPoint(0, 0)).y()))
    view.finish_reply(shown_end(view, page.text))
    frames()
    assert view.verticalScrollBar().value() == place


def test_going_back_to_the_end_follows_again(
    view: TranscriptView, frames: Callable[[], None]
) -> None:
    view.begin_reply(streaming(LONG))
    frames()
    wheel(view, 2000)
    frames()
    assert view.to_end.isVisible()
    view.to_end.click()
    assert at_end(view) and not view.to_end.isVisible()
    view.add_answer("\n\nmore")
    frames()
    assert at_end(view)


def test_a_message_far_away_is_brought_to_the_top(
    view: TranscriptView, frames: Callable[[], None]
) -> None:
    messages = [shown("assistant", LONG) for _ in range(10)]
    view.show_messages(messages)
    frames()
    view.reveal(messages[3].message.id)
    frames()
    place = view.verticalScrollBar().value()
    top = next(m for m in view.messages if m.isVisible() and m.geometry().bottom() > 0)
    assert top.shown is messages[3] and 0 <= top.y() < view.height() / 4
    view.add_message(shown("user", "asked"))
    assert at_end(view)
    view.reveal("none such")
    assert at_end(view) and view.verticalScrollBar().value() > place


def test_scrolling_up_through_what_was_never_laid_out_moves_evenly(
    view: TranscriptView, frames: Callable[[], None]
) -> None:
    """The words at the top go down by what was scrolled, though heights above were only guessed."""
    table = "| a | b |\n|---|---|\n" + "| words and words | more |\n" * 6
    text = f"Answer\n\n{table}\n\n```\nx\n\ny\n```"
    view.show_messages([shown("assistant", text) for _ in range(30)])
    frames()
    bar = view.verticalScrollBar()
    for _ in range(40):
        message = next(m for m in view.messages if m.isVisible() and m.geometry().bottom() > 0)
        before = message.y()
        bar.setValue(bar.value() - 60)
        frames()
        if bar.value() == 0:
            break
        assert message.y() == before + 60


def test_a_question_of_ones_own_is_seen(view: TranscriptView, frames: Callable[[], None]) -> None:
    view.show_messages([shown("assistant", LONG)])
    view.verticalScrollBar().setValue(0)
    view.add_message(shown("user", "And now?"))
    frames()
    assert at_end(view)


def test_showing_the_same_messages_again_keeps_them_in_place(
    view: TranscriptView, frames: Callable[[], None]
) -> None:
    messages = [shown("user", "Hi"), shown("assistant", LONG), shown("user", "more")]
    view.show_messages(messages)
    view.verticalScrollBar().setValue(300)
    frames()
    widgets, place = view.messages, view.verticalScrollBar().value()
    view.show_messages([*messages, shown("assistant", "new")])
    assert view.messages[: len(widgets)] == widgets
    assert view.verticalScrollBar().value() == place


def test_another_version_appears_where_the_old_one_stood(
    view: TranscriptView, frames: Callable[[], None], qtbot: QtBot
) -> None:
    before = [shown("user", "Q"), shown("assistant", LONG)]
    old = shown("user", "old", branch=(2, 2))
    view.show_messages([*before, old, shown("assistant", LONG)])
    view.verticalScrollBar().setValue(
        view.messages[-1].y() + view.verticalScrollBar().value() - 300
    )
    frames()
    place = next(m for m in view.messages if m.shown == old)
    y = place.y()
    with qtbot.waitSignal(view.branch_requested) as asked:
        press(qtbot, place.action_row.previous)
    assert asked.args == [old.message.id, -1]
    new = shown("user", "new", branch=(1, 2))
    view.show_messages([*before, new, shown("assistant", LONG)])
    frames()
    assert next(m for m in view.messages if m.shown == new).y() == y


def test_a_narrower_window_keeps_the_column_inside(view: TranscriptView) -> None:
    view.show_messages([shown("user", "Hi"), shown("assistant", LONG)])
    view.resize(480, 600)
    for message in view.messages:
        assert message.x() + BESIDE == 24 and message.width() - 2 * BESIDE == 480 - 48


def test_the_theme_changes_at_any_moment(view: TranscriptView, frames: Callable[[], None]) -> None:
    view.begin_reply(streaming("Some `words`\n\n```python\nx = 1"))
    view.set_appearance(DARK)
    view.add_answer("\ny = 2\n```\n")
    frames()
    view.set_appearance(LIGHT, 20)
    frames()
    flow = answer(view).page.flow
    assert flow.style.theme is LIGHT and flow.style.text_size == 20
    assert "y = 2" in flow.copied(0, flow.length)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_the_page_has_the_colour_of_the_theme_in_any_window(qtbot: QtBot, theme: Theme) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    view = TranscriptView(window)
    window.setStyleSheet(stylesheet(theme, TEXT_SIZE))
    view.set_appearance(theme)
    view.show_messages([shown("assistant", "")])
    window.show()
    assert view.grab().toImage().pixelColor(5, 5).name() == theme.page
