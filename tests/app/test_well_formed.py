"""Half characters never travel; everything else does."""

from hypothesis import given
from hypothesis import strategies as st

from app.well_formed import is_text, readable, well_formed


def test_pairs_are_joined_and_halves_replaced() -> None:
    assert well_formed("\ud83d\ude00 a\ud83d b\ude00") == "😀 a\ufffd b\ufffd"


def test_what_can_be_read_is_text() -> None:
    assert readable("a\0b\ud83d") == "a\ufffdb\ufffd" and is_text(readable("a\0b\ud83d"))


def test_nul_and_halves_are_no_text() -> None:
    assert is_text("") and is_text("naïve \ud83d\ude00 \ufffd\n")
    assert not any(map(is_text, ("a\0", "a\ud83d", "\udcff")))


@given(st.text())
def test_whole_text_is_left_alone(text: str) -> None:
    assert well_formed(text) == text


@given(st.text(st.characters(exclude_categories=())))
def test_the_result_can_always_be_encoded(text: str) -> None:
    well_formed(text).encode("utf-8")
