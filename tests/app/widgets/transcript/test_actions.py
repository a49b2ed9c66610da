"""What a reader can do with a message."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QGuiApplication, QMouseEvent
from PySide6.QtWidgets import QAbstractButton, QApplication
from pytestqt.qtbot import QtBot

from app.widgets.question import Question
from app.widgets.transcript import TranscriptView
from tests.app.widgets.transcript.stage import answer, press, shown, shown_end, streaming


def test_copy_gives_the_markdown_of_the_whole_message(view: TranscriptView, qtbot: QtBot) -> None:
    view.show_messages([shown("assistant", "**a** $x$\n\n- b")])
    press(qtbot, view.messages[0].action_row.copy)
    assert QGuiApplication.clipboard().text() == "**a** $x$\n\n- b"


def test_code_has_a_button_that_copies_it(view: TranscriptView, qtbot: QtBot) -> None:
    view.show_messages([shown("assistant", "1. do\n   ```sh\n   ls -l\n\n   pwd\n   ```")])
    (button,) = [w for w in answer(view).page.focus_chain() if isinstance(w, QAbstractButton)]
    press(qtbot, button)
    assert QGuiApplication.clipboard().text() == "ls -l\n\npwd"


def test_regenerate_names_its_message(view: TranscriptView, qtbot: QtBot) -> None:
    message = shown("assistant", "a")
    view.show_messages([message])
    with qtbot.waitSignal(view.regenerate_requested) as asked:
        press(qtbot, view.messages[0].action_row.change)
    assert asked.args == [message.message.id]


def test_editing_happens_in_place(view: TranscriptView, qtbot: QtBot) -> None:
    message = shown("user", "old words")
    view.show_messages([message])
    (question,) = view.messages
    assert isinstance(question, Question)
    press(qtbot, question.action_row.change)
    assert question.field and question.field.field.hasFocus()
    question.field.field.selectAll()
    qtbot.keyClicks(question.field.field, "new words")
    with qtbot.waitSignal(view.edit_submitted) as asked:
        qtbot.keyClick(question.field.field, Qt.Key.Key_Return)
    assert asked.args == [message.message.id, "new words"]
    assert question.field.field.toPlainText() == "new words"  # kept, should it be refused


@pytest.mark.parametrize("by_key", [True, False])
def test_editing_can_be_given_up(view: TranscriptView, qtbot: QtBot, by_key: bool) -> None:
    view.show_messages([shown("user", "old words")])
    (question,) = view.messages
    assert isinstance(question, Question)
    question.start_editing()
    assert question.field
    if by_key:
        qtbot.keyClick(question.field.field, Qt.Key.Key_Escape)
    else:
        press(qtbot, question.field.cancel)
    assert question.page.isVisible()


def test_actions_take_their_place_always_and_are_seen_on_demand(view: TranscriptView) -> None:
    view.show_messages([shown("user", "Hi", branch=(2, 3)), shown("assistant", "Hello.")])
    row = view.messages[0].action_row
    heights = [message.height() for message in view.messages]
    seen = [row.is_revealed]
    row.set_pointed_at(True)
    seen.append(row.is_revealed)
    row.set_pointed_at(False)
    seen.append(row.is_revealed)
    row.copy.setFocus()
    seen.append(row.is_revealed)
    assert seen == [False, True, False, True]
    assert row.isVisible() and row.count.text() == "2/3"
    assert heights == [message.height() for message in view.messages]


def test_versions_are_offered_only_where_there_are_some(view: TranscriptView) -> None:
    view.show_messages([shown("user", "a"), shown("assistant", "b", branch=(2, 2))])
    question, reply = view.messages
    assert not question.action_row.next.isVisible()
    assert reply.action_row.previous.isEnabled() and not reply.action_row.next.isEnabled()


def test_an_answer_that_is_being_written_has_no_actions_yet(view: TranscriptView) -> None:
    view.begin_reply(streaming("a"))
    assert not answer(view).action_row.isVisible()
    height = answer(view).height()
    view.finish_reply(shown_end(view, "a"))
    assert answer(view).action_row.isVisible()
    assert answer(view).height() == height


def test_words_are_selected_with_the_pointer_and_copied(
    view: TranscriptView, qtbot: QtBot, frames: Callable[[], None]
) -> None:
    view.show_messages([shown("assistant", "# Title\n\nsome words\n\n- last")])
    frames()
    page = answer(view).page
    end = QPoint(page.width() - 1, page.height() - 1)
    qtbot.mousePress(page, Qt.MouseButton.LeftButton, pos=QPoint(0, 1))
    drag = QMouseEvent(
        QMouseEvent.Type.MouseMove,
        QPointF(end),
        QPointF(page.mapToGlobal(end)),
        Qt.MouseButton.NoButton,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    QApplication.sendEvent(page, drag)
    qtbot.mouseRelease(page, Qt.MouseButton.LeftButton, pos=end)
    page.setFocus()
    qtbot.keyClick(page, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "Title\n\nsome words\n- last"


def test_a_double_click_takes_a_word_and_a_third_the_block(
    view: TranscriptView, qtbot: QtBot
) -> None:
    view.show_messages([shown("assistant", "some words here\n\nmore")])
    page = answer(view).page
    point = QPoint(60, 10)
    qtbot.mouseClick(page, Qt.MouseButton.LeftButton, pos=point)
    qtbot.mouseDClick(page, Qt.MouseButton.LeftButton, pos=point)
    assert page.selected_text() == "words"
    qtbot.mousePress(page, Qt.MouseButton.LeftButton, pos=point)
    assert page.selected_text() == "some words here"


def test_a_link_opens_on_a_click_and_by_keyboard(view: TranscriptView, qtbot: QtBot) -> None:
    view.show_messages([shown("assistant", "[here](https://x.org/a) and [b](mailto:a@b.org)")])
    page = answer(view).page
    with qtbot.waitSignal(view.link_activated) as opened:
        qtbot.mouseClick(page, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
    assert opened.args == [QUrl("https://x.org/a")]
    view.setFocus()
    page.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.keyClick(page, Qt.Key.Key_Tab)
    with qtbot.waitSignal(view.link_activated) as opened:
        qtbot.keyClick(page, Qt.Key.Key_Return)
    assert opened.args == [QUrl("mailto:a@b.org")]


def test_a_link_to_a_file_is_only_text(view: TranscriptView, qtbot: QtBot) -> None:
    text = "[here](file:///etc/passwd)"
    view.show_messages([shown("assistant", text)])
    page = answer(view).page
    with qtbot.assertNotEmitted(view.link_activated):
        qtbot.mouseClick(page, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
    assert page.flow.copied(0, 99) == text
