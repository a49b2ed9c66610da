"""Messages, and what a person does with them: shared by the tests of the transcript."""

import itertools
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.chats.models import Branch, ChatMessage, Role, ShownMessage
from app.widgets.answer import Answer
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


def shown_end(view: TranscriptView, text: str) -> ShownMessage:
    """The streamed message, finished."""
    message = answer(view).shown.message
    return ShownMessage(replace(message, text=text, status="complete", stop="return"))


def replace_status(message: ShownMessage) -> ShownMessage:
    return replace(message, message=replace(message.message, status="streaming"))
