from pytestqt.qtbot import QtBot

from app.chats.models import TurnStatistics
from app.widgets.status_line import StatusLine

FULL = TurnStatistics(
    model="Guide",
    prompt_tokens=1200,
    completion_tokens=34,
    decode_tokens_per_s=74.2,
    context=131_072,
    peak_bytes=58_000_000,
)


def test_it_says_model_speed_context_and_memory(qtbot: QtBot) -> None:
    line = StatusLine()
    qtbot.addWidget(line)
    line.set_state("Guide")
    line.set_statistics(FULL)
    assert line.text == "Guide  ·  74 tokens/s  ·  1,234 of 131,072 tokens  ·  58 MB"


def test_a_narrow_window_drops_the_last_numbers_first(qtbot: QtBot) -> None:
    line = StatusLine()
    qtbot.addWidget(line)
    line.set_state("Guide")
    line.set_statistics(FULL)
    line.show()
    shown = []
    for width in (700, 300, 180, 60):
        line.resize(width, 20)
        shown.append(line.shown_numbers.count("·") + bool(line.shown_numbers))
    assert shown[0] == 3
    assert shown == sorted(shown, reverse=True)
    assert shown[-1] == 0


def test_numbers_that_are_not_known_are_left_out(qtbot: QtBot) -> None:
    line = StatusLine()
    qtbot.addWidget(line)
    line.set_state("Starting…")
    line.set_statistics(TurnStatistics())
    assert line.text == "Starting…"
    line.set_statistics(None)
    assert line.text == "Starting…"
