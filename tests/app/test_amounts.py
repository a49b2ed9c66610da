import pytest

from app.amounts import bytes_in_words, speed_in_words, tokens_in_words


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (13_761_264_768, "13.8 GB"),
        (65_248_815_744, "65.2 GB"),
        (137_000_000_000, "137 GB"),
        (58_400_000, "58 MB"),
        (900, "1 kB"),
        (0, "0 kB"),
    ],
)
def test_bytes_are_counted_as_macos_does(count: int, words: str) -> None:
    assert bytes_in_words(count) == words


@pytest.mark.parametrize(
    ("speed", "words"), [(74.2, "74 tokens/s"), (9.96, "10 tokens/s"), (0.08, "0.1 tokens/s")]
)
def test_a_tenth_of_a_token_matters_only_when_slow(speed: float, words: str) -> None:
    assert speed_in_words(speed) == words


def test_thousands_are_set_apart() -> None:
    assert tokens_in_words(131_072) == "131,072"
