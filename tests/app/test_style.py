import re

import pytest

from app.style import blend, selection, stylesheet
from app.theme import DARK, LIGHT, TEXT_SIZE, Theme, contrast


def test_blending_goes_from_one_colour_to_the_other() -> None:
    assert blend("#ffffff", "#000000", 0) == "#000000"
    assert blend("#ffffff", "#000000", 1) == "#ffffff"
    assert blend("#ff0000", "#0000ff", 0.5) == "#800080"


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_selected_text_stays_readable(theme: Theme) -> None:
    assert contrast(theme.text, selection(theme)) >= 4.5


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize("is_mac", [True, False])
def test_every_colour_is_written_out_and_every_brace_closed(theme: Theme, is_mac: bool) -> None:
    rules = stylesheet(theme, TEXT_SIZE, is_mac=is_mac)
    assert rules.count("{") == rules.count("}")
    assert set(re.findall(r"#[0-9a-f]{6}\b", rules))
    assert "None" not in rules


def test_a_mac_keeps_its_own_menus_and_scroll_bars() -> None:
    rules = stylesheet(LIGHT, TEXT_SIZE, is_mac=True)
    assert "QMenu" not in rules
    assert "QScrollBar" not in rules


def test_text_sizes_follow_the_reader() -> None:
    assert "font-size: 13px" in stylesheet(LIGHT, 15)
    assert "font-size: 17px" in stylesheet(LIGHT, 20)
