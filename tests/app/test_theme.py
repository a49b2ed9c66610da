"""The palette can be read: text has enough contrast wherever it stands."""

import pytest

from app.theme import DARK, LIGHT, Theme, contrast, theme_for

SURFACES = ("page", "sidebar", "raised", "bubble", "code", "hover", "selected", "notice")


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("ink", ["text", "quiet"])
def test_text_is_readable_on_every_surface(theme: Theme, surface: str, ink: str) -> None:
    assert contrast(getattr(theme, ink), getattr(theme, surface)) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("surface", ["page", "sidebar", "raised", "bubble", "notice"])
@pytest.mark.parametrize("ink", ["accent", "danger"])
def test_coloured_text_is_readable(theme: Theme, surface: str, ink: str) -> None:
    assert contrast(getattr(theme, ink), getattr(theme, surface)) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_on_the_accent_and_on_marked_words_is_readable(theme: Theme) -> None:
    assert contrast(theme.on_accent, theme.accent) >= 4.5
    assert contrast(theme.text, theme.highlight) >= 4.5


def test_black_on_white_has_the_largest_contrast() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_a_chosen_appearance_wins_over_the_system() -> None:
    assert theme_for("light", system_is_dark=True) is LIGHT
    assert theme_for("dark", system_is_dark=False) is DARK
    assert theme_for("system", system_is_dark=True) is DARK
