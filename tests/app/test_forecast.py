"""What documents will cost, in words."""

from app.chats.models import Attachment, TurnStatistics
from app.forecast import Speed, duration, forecast, rounded
from tests.app.documents.sample import document

REPORT = Attachment.of(document("report.pdf", *["Bees hum in the lime trees all day."] * 40), "/r")


def test_what_was_measured_tells_time_and_memory() -> None:
    turn = TurnStatistics(
        model="m", prompt_tokens=1000, prefill_tokens_per_s=100.0, cache_bytes=24_000_000
    )
    speed = Speed().with_turn(turn)
    assert forecast([REPORT], 131_072, 0, speed) == (
        "About 600 tokens · 6 s to read, at 100 tokens/s · 14 MB of memory. The model will read "
        "all 40 pages."
    )


def test_a_short_prompt_measures_nothing() -> None:
    turn = TurnStatistics(model="m", prompt_tokens=20, prefill_tokens_per_s=9.0, cache_bytes=10**6)
    assert Speed().with_turn(turn) == Speed("m")
    assert forecast([REPORT], 131_072, 0, Speed("m")) == (
        "About 600 tokens. The model will read all 40 pages."
    )


def test_another_model_has_another_speed() -> None:
    assert Speed("m", 100.0, 5.0).with_turn(TurnStatistics(model="n")) == Speed("n")


def test_what_does_not_fit_is_said_with_what_would() -> None:
    words = forecast([REPORT], 1_000, 0, Speed())
    assert words == (
        "About 600 tokens are more than the 350 that fit. For each question the model gets what a "
        "search finds, about 11 of 40 pages. Asked for a summary, it reads all in passes."
    )
    assert "Begin a new chat" in forecast([REPORT], 1_000, 900, Speed())


def test_numbers_are_no_more_exact_than_a_forecast() -> None:
    assert [rounded(n) for n in (0, 7, 640, 12_345)] == ["no", "7", "640", "12,000"]
    assert [duration(s) for s in (0.2, 40, 150)] == ["1 s", "40 s", "2 min"]
