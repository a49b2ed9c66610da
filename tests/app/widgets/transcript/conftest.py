"""A transcript on the screen, and what a screen reader hears of it."""

from collections.abc import Callable

import pytest
from pytestqt.qtbot import QtBot

from app.widgets.transcript import TranscriptView
from tests.app.widgets.transcript.stage import Spoken


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
