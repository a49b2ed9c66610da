"""The transcript as a reader uses it: what is shown, what moves, what can be done."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAccessible, QGuiApplication, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.chats.models import Attachment, Branch, ChatMessage, Role, ShownMessage
from app.style import stylesheet
from app.theme import COLUMN_WIDTH, DARK, LIGHT, TEXT_SIZE, Theme
from app.widgets.answer import Answer, note_for
from app.widgets.question import Question
from app.widgets.transcript import TranscriptView

LONG = "\n\n".join(f"Paragraph {n} says a little, and then a little more." for n in range(60))
_ids = itertools.count()


def shown(
    role: Role, text: str = "", branch: tuple[int, int] = (1, 1), **fields: Any
) -> ShownMessage:
    message = ChatMessage(f"m{next(_ids)}", None, role, text)
    return ShownMessage(replace(message, **fields), Branch(*branch))


def streaming(text: str = "") -> ShownMessage:
    return shown("assistant", text, status="streaming")


class Spoken(list[str]):
    """What a screen reader is told."""

    def __call__(self, widget: QWidget, words: str) -> None:
        self.append(words)


@pytest.fixture
def spoken() -> Spoken:
    return Spoken()


@pytest.fixture
def view(qtbot: QtBot, spoken: Spoken) -> TranscriptView:
    made = TranscriptView(announce=spoken)
    qtbot.addWidget(made)
    made.resize(900, 600)
    made.show()
    made.setFocus()
    return made


@pytest.fixture
def frames(view: TranscriptView, qtbot: QtBot) -> Callable[[], None]:
    """Waits until all that has come is set, formulas and colours included."""
    return lambda: qtbot.waitUntil(lambda: view.is_settled, timeout=20_000)


def at_end(view: TranscriptView) -> bool:
    bar = view.verticalScrollBar()
    return bar.value() == bar.maximum()


def answer(view: TranscriptView) -> Answer:
    last = view.messages[-1]
    assert isinstance(last, Answer)
    return last


def wheel(view: TranscriptView, by: int) -> None:
    """As a trackpad does; positive is up."""
    centre = QPointF(view.viewport().rect().center())
    event = QWheelEvent(
        centre,
        QPointF(view.viewport().mapToGlobal(centre.toPoint())),
        QPoint(0, by),
        QPoint(0, by * 2),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view.viewport(), event)


def press(qtbot: QtBot, button: QAbstractButton) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


# What is shown -----------------------------------------------------------------------------------


def test_a_question_stands_on_the_right_and_an_answer_free_on_the_page(
    view: TranscriptView,
) -> None:
    view.show_messages([shown("user", "Hi"), shown("assistant", "Hello.")])
    question, reply = view.messages
    assert isinstance(question, Question) and isinstance(reply, Answer)
    assert question.width() == reply.width() == COLUMN_WIDTH
    assert question.page.x() > COLUMN_WIDTH * 0.8
    assert reply.page.x() == 0


def test_a_bubble_takes_no_more_than_its_share(view: TranscriptView) -> None:
    view.show_messages([shown("user", "many words " * 60)])
    (question,) = view.messages
    assert isinstance(question, Question)
    assert question.page.width() <= COLUMN_WIDTH * 0.8


def test_a_question_is_shown_as_it_was_typed(view: TranscriptView) -> None:
    text = "# no heading\n\n  **no bold** <b>\n    indented"
    view.show_messages([shown("user", text)])
    (question,) = view.messages
    assert isinstance(question, Question)
    assert question.page.flow.copied(0, question.page.flow.length) == text


def test_streamed_words_appear_with_the_next_frame(
    view: TranscriptView, frames: Callable[[], None]
) -> None:
    view.begin_reply(streaming())
    for word in ("Hello", " **wor", "ld**", "."):
        view.add_answer(word)
    frames()
    flow = answer(view).page.flow
    assert flow.copied(0, flow.length) == "Hello world."


def test_only_the_last_block_is_laid_out_again(
    view: TranscriptView, frames: Callable[[], None]
) -> None:
    view.begin_reply(streaming(LONG + "\n\n"))
    frames()
    flow = answer(view).page.flow
    before = flow.layouts
    for n in range(10):
        view.add_answer(f"word{n} ")
        frames()
    assert flow.layouts - before == 10


def test_nothing_is_laid_out_for_a_frame_in_which_nothing_came(
    view: TranscriptView, frames: Callable[[], None]
) -> None:
    view.begin_reply(streaming(LONG))
    frames()
    before = answer(view).page.flow.layouts
    view.add_answer("")
    frames()
    assert answer(view).page.flow.layouts == before


def test_opening_a_long_chat_builds_only_what_is_near(view: TranscriptView) -> None:
    view.show_messages([shown("user" if n % 2 else "assistant", LONG) for n in range(200)])
    assert len(view.messages) <= 4
    assert at_end(view)


def test_every_message_of_a_long_chat_can_be_reached(
    view: TranscriptView, frames: Callable[[], None]
) -> None:
    view.show_messages([shown("user", f"question {n}\n" * 8) for n in range(40)])
    bar = view.verticalScrollBar()
    while bar.value() > 0:
        bar.setValue(bar.value() - 200)
        frames()
    assert len(view.messages) == 40
    tops = [message.y() for message in view.messages if message.isVisible()]
    assert tops == sorted(tops) and tops[0] > 0


def test_html_and_images_are_text_and_nothing_is_fetched(
    view: TranscriptView, frames: Callable[[], None]
) -> None:
    text = 'vector<int> x and <img src="http://h/x.png">\n\n![](http://h/x?d=secret)\n\na < b'
    view.show_messages([shown("assistant", text)])
    frames()
    flow = answer(view).page.flow
    assert flow.copied(0, flow.length) == text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": "stopped", "stop": "cancel"}, "Stopped"),
        (
            {"status": "interrupted"},
            "Interrupted: the engine ended. What was written is kept.",
        ),
        ({"status": "failed", "stop": "Too little memory."}, "Too little memory."),
        ({"stop": "length"}, "The answer reached the longest that was asked for, and ends here."),
        (
            {"stop": "context"},
            "The context is full: the answer ends here. A new chat has room again.",
        ),
        ({"stop": "repetition"}, "Stopped: the model repeated itself."),
        ({"stop": "return"}, ""),
    ],
)
def test_how_an_answer_ended_is_said(
    view: TranscriptView, fields: dict[str, Any], words: str
) -> None:
    message = shown("assistant", "Half an answer", **fields)
    view.show_messages([message])
    assert note_for(message.message) == words
    assert answer(view).note.isVisible() == bool(words)
    assert answer(view).note.text() == words


# What moves --------------------------------------------------------------------------------------


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


def shown_end(view: TranscriptView, text: str) -> ShownMessage:
    """The streamed message, finished."""
    message = answer(view).shown.message
    return ShownMessage(replace(message, text=text, status="complete", stop="return"))


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
        assert message.x() == 24 and message.width() == 480 - 48


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


# Thinking and reading ----------------------------------------------------------------------------


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


def replace_status(message: ShownMessage) -> ShownMessage:
    return replace(message, message=replace(message.message, status="streaming"))


# What can be done --------------------------------------------------------------------------------


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


# For those who hear it ---------------------------------------------------------------------------


def test_messages_have_names_that_say_whose_words_they_are(view: TranscriptView) -> None:
    notes = (Attachment("notes.pdf", "/x", ""),)
    view.show_messages([shown("user", "Why?", attachments=notes), shown("assistant", "So.")])
    question, reply = view.messages
    assert question.accessibleName() == "You said: Why?, with notes.pdf"
    assert reply.accessibleName() == "Answer: So."


def test_a_finished_answer_is_said_once(
    view: TranscriptView, spoken: Spoken, frames: Callable[[], None]
) -> None:
    view.begin_reply(streaming())
    for word in ("It ", "is ", "so."):
        view.add_answer(word)
        frames()
    assert spoken == []
    view.finish_reply(shown_end(view, "It is so."))
    assert spoken == ["Answer: It is so."]


def test_everything_that_takes_the_focus_has_a_name(
    view: TranscriptView, frames: Callable[[], None]
) -> None:
    text = "[a](https://x.org)\n\n```python\nx\n```"
    view.show_messages([shown("user", "Hi", branch=(1, 2)), shown("assistant", text)])
    view.begin_reply(streaming())
    view.add_thinking("Hm")
    frames()
    first = view.messages[0]
    assert isinstance(first, Question)
    first.start_editing()
    focusable = [
        widget
        for widget in [view, *view.findChildren(QWidget)]
        if widget.focusPolicy() != Qt.FocusPolicy.NoFocus and widget.isVisible()
    ]
    assert len(focusable) > 8
    for widget in focusable:
        interface = QAccessible.queryAccessibleInterface(widget)
        assert interface is not None
        assert interface.text(QAccessible.Text.Name), widget


def test_tab_visits_the_actions_in_the_order_in_which_one_reads(
    view: TranscriptView, qtbot: QtBot, frames: Callable[[], None]
) -> None:
    view.show_messages([shown("user", "Hi"), shown("assistant", "So.", thinking="Hm")])
    frames()
    names = []
    for _ in range(5):
        qtbot.keyClick(QApplication.focusWidget() or view, Qt.Key.Key_Tab)
        focused = QApplication.focusWidget()
        names.append(focused.accessibleName() if focused else "")
    assert names == [
        "Copy question",
        "Edit question",
        "Thought for 0 s, hidden",
        "Copy answer",
        "Regenerate answer",
    ]


def test_what_tab_goes_to_is_brought_into_view(
    view: TranscriptView, qtbot: QtBot, frames: Callable[[], None]
) -> None:
    view.show_messages([shown("user", f"question {n}\n" * 9) for n in range(8)])
    view.verticalScrollBar().setValue(0)
    frames()
    for _ in range(12):
        qtbot.keyClick(QApplication.focusWidget() or view, Qt.Key.Key_Tab)
        frames()
        focused = QApplication.focusWidget()
        assert focused is not None
        top = focused.mapTo(view.viewport(), QPoint(0, 0)).y()
        assert top >= 0 and top + focused.height() <= view.viewport().height()
