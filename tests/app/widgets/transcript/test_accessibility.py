"""The transcript for those who hear it and for those without a pointer."""

from collections.abc import Callable

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.chats.models import Attachment
from app.widgets.question import Question
from app.widgets.transcript import TranscriptView
from tests.app.widgets.transcript.stage import Spoken, shown, shown_end, streaming


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
        "Thought for a moment, hidden",
        "Copy answer",
        "Regenerate answer",
    ]


def test_the_ring_around_what_has_the_focus_is_seen_whole(
    view: TranscriptView, frames: Callable[[], None]
) -> None:
    view.resize(480, 600)
    text = "```sh\nls\n```"
    view.show_messages([shown("user", "Hi"), shown("assistant", text, thinking="Hm")])
    view.begin_reply(streaming())
    view.add_thinking("Hm")
    frames()
    buttons = [b for b in view.viewport().findChildren(QAbstractButton) if b.isVisible()]
    assert len(buttons) == 8
    for button in buttons:
        assert button.visibleRegion().boundingRect().size() == button.size(), button.text()


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
