"""The whole app for a test: a real window offscreen, a real engine process, a real database."""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.application import Sordino
from app.chats.models import ShownMessage

SCRIPT = str(Path(__file__).parents[1] / "scripted_engine.py")
SCRIPTED = (sys.executable, SCRIPT)

MakePerson = Callable[..., "Person"]


class Person:
    """Somebody at the keyboard of one running app."""

    def __init__(self, app: Sordino, qtbot: QtBot) -> None:
        self.app = app
        self.qtbot = qtbot
        self.shown: list[ShownMessage] = []
        self.replies: list[ShownMessage] = []
        self._has_quit = False
        app.conversation.shown.connect(self._see_all)
        app.conversation.message_added.connect(lambda message: self.shown.append(message))
        app.conversation.reply_started.connect(lambda message: self.shown.append(message))
        app.conversation.reply_finished.connect(self._see_reply)

    def _see_all(self, messages: list[ShownMessage]) -> None:
        self.shown = list(messages)

    def _see_reply(self, reply: ShownMessage) -> None:
        self.shown[-1] = reply
        self.replies.append(reply)

    @property
    def texts(self) -> list[str]:
        """What stands on the page, from the top."""
        return [message.message.text.strip() for message in self.shown]

    def type(self, words: str) -> None:
        """Into whatever has the focus."""
        self.sees(lambda: QApplication.focusWidget() is not None)
        self.qtbot.keyClicks(QApplication.focusWidget(), words)

    def press(self, keys: str) -> None:
        """A key or a shortcut such as "Ctrl+N", as the window system would deliver it."""
        QTest.keySequence(self.app.window.windowHandle(), QKeySequence(keys))

    def ask(self, words: str) -> ShownMessage:
        """Types, presses Return, waits for the end of the answer."""
        count = len(self.replies)
        self.type(words)
        self.press("Return")
        self.qtbot.waitUntil(
            lambda: len(self.replies) > count and not self.app.conversation.is_busy, timeout=30_000
        )
        return self.replies[-1]

    def quit(self) -> None:
        """As the menu's Quit; once."""
        if not self._has_quit:
            self._has_quit = True
            self.app.shut_down()
            self.app.window.close()

    def sees(self, claim: Callable[[], bool], timeout: int = 15_000) -> None:
        """Waits until what is claimed holds."""
        self.qtbot.waitUntil(claim, timeout=timeout)


@pytest.fixture
def make_person(qtbot: QtBot) -> Iterator[MakePerson]:
    """Starts the app; `person.quit()` lets it be started again on the same home."""
    made: list[Person] = []

    def make(
        command: Sequence[str] | None = SCRIPTED,
        *,
        is_dark: Callable[[], bool] = lambda: False,
        waits: bool = True,
    ) -> Person:
        app = Sordino(command, is_dark)
        person = Person(app, qtbot)
        made.append(person)
        with qtbot.waitActive(app.window):
            app.show()
        if waits:
            with qtbot.waitSignals([app.engine.ready, app.conversation.shown], timeout=30_000):
                app.start()
        else:
            app.start()
        return person

    yield make
    for person in made:
        person.quit()


@pytest.fixture
def person(make_person: MakePerson) -> Person:
    """At an app whose engine follows a script."""
    return make_person()
