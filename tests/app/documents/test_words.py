"""Search takes as the same word what a reader takes as the same word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents.words import stem, telling, words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The Owner's lifts", ["the", "owner", "lifts"]),
        ("l’été à Évreux", ["l", "ete", "a", "evreux"]),
        ("1,204 and 206,115.50", ["1204", "and", "206115", "50"]),
        ("20\u202f417 kWh", ["20417", "kwh"]),
        ("6 630 1998", ["6", "630", "1998"]),
        ("Straße ﬁne", ["strasse", "fine"]),
        ("東京都", ["東京", "京都"]),
        ("e_mail a-b", ["e", "mail", "a", "b"]),
        ("", []),
    ],
)
def test_words_are_folded(text: str, found: list[str]) -> None:
    assert words(text) == found


@pytest.mark.parametrize(
    "forms",
    [
        ("lift", "lifts", "lifted", "lifting"),
        ("pay", "pays"),
        ("party", "parties"),
        ("box", "boxes"),
        ("stop", "stopped", "stopping"),
        ("locataire", "locataires"),
        ("animal", "animaux"),
    ],
)
def test_forms_of_a_word_meet(forms: tuple[str, ...]) -> None:
    assert len({stem(form) for form in forms}) == 1


@pytest.mark.parametrize("pair", [("bus", "but"), ("five", "fix"), ("see", "set")])
def test_other_words_stay_apart(pair: tuple[str, str]) -> None:
    assert stem(pair[0]) != stem(pair[1])


def test_empty_words_do_not_tell() -> None:
    assert telling(words("How much does the lift cost?")) == ["lift", "cost"]
    assert telling(words("Qu'est-ce que le bail ?")) == ["bail"]


@given(st.text())
def test_any_text_has_words_of_letters_and_digits(text: str) -> None:
    for word in words(text):
        assert word and stem(word)
        assert '"' not in stem(word) and " " not in stem(word)
