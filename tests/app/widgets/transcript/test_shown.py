"""What a message looks like, while it is written and afterwards."""

from collections.abc import Callable
from typing import Any

import pytest

from app.theme import COLUMN_WIDTH
from app.widgets.answer import Answer, note_for
from app.widgets.message import BESIDE
from app.widgets.question import Question
from app.widgets.transcript import TranscriptView
from tests.app.widgets.transcript.stage import LONG, answer, at_end, shown, streaming


def test_a_question_stands_on_the_right_and_an_answer_free_on_the_page(
    view: TranscriptView,
) -> None:
    view.show_messages([shown("user", "Hi"), shown("assistant", "Hello.")])
    question, reply = view.messages
    assert isinstance(question, Question) and isinstance(reply, Answer)
    assert question.page.x() > COLUMN_WIDTH * 0.8
    assert (reply.page.x(), reply.page.width()) == (BESIDE, COLUMN_WIDTH)
    assert question.width() == reply.width() == COLUMN_WIDTH + 2 * BESIDE


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
            {"status": "interrupted", "stop": "engine"},
            "Interrupted: the engine ended. What was written is kept.",
        ),
        (
            {"status": "interrupted"},
            "Interrupted: Sordino ended. What was written is kept.",
        ),
        (
            {"status": "interrupted", "stop": "engine", "text": ""},
            "Interrupted: the engine ended.",
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
    message = shown("assistant", **{"text": "Half an answer", **fields})
    view.show_messages([message])
    assert note_for(message.message) == words
    assert answer(view).note.isVisible() == bool(words)
    assert answer(view).note.text() == words
