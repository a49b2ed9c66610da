"""What a search shows of a message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.chats.excerpt import LENGTH, excerpt


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("How do bees make honey?", ["honey"], "How do bees make honey?"),
        ("one\n\ntwo\tthree", ["three"], "one two three"),
        (
            "word " * 20 + "Résumé " + "tail " * 30,
            ["resume"],
            "…word word word word Résumé " + "tail " * 10 + "tai…",
        ),
        ("begins at once " * 20, ["begins"], ("begins at once " * 6)[:LENGTH].strip() + "…"),
        ("C++ and more", ["c++"], "C++ and more"),
        ("nothing here", ["elsewhere"], "nothing here"),
        ("", ["x"], ""),
    ],
)
def test_excerpt(text: str, words: list[str], line: str) -> None:
    assert excerpt(text, words) == line


@given(st.text(), st.lists(st.text(min_size=1)))
def test_an_excerpt_is_one_short_line(text: str, words: list[str]) -> None:
    line = excerpt(text, words)
    assert len(line) <= LENGTH + 2 and len(line.splitlines()) <= 1
