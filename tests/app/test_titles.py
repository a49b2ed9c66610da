"""A chat is named by its first words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.titles import LENGTH, UNTITLED, title_from


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Why is the sky blue?", "Why is the sky blue?"),
        ("\n\n  Why?  \nMore", "Why?"),
        ("# A heading", "A heading"),
        ("> - quoted", "quoted"),
        ("a\tb\0c", "a b c"),
        ("", UNTITLED),
        ("```\n", UNTITLED),
        (
            "Explain to me how the tides of the sea follow the moon and the sun",
            "Explain to me how the tides of the sea follow…",
        ),
        ("漢" * 60, "漢" * (LENGTH - 1) + "…"),
        ("x" * LENGTH, "x" * LENGTH),
        ("word, " * 20, "word, word, word, word, word, word, word, word…"),
    ],
)
def test_title(text: str, title: str) -> None:
    assert title_from(text) == title


@given(st.text(max_size=200))
def test_a_title_is_one_line_that_fits(text: str) -> None:
    title = title_from(text)
    assert 0 < len(title) <= LENGTH and title.isprintable()
