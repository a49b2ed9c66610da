from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.settings import Settings, settings_from_json
from app.theme import DARK, LIGHT
from app.windows.settings_window import SettingsWindow
from tests.app.windows.conftest import Person


@pytest.fixture
def window(qtbot: QtBot) -> SettingsWindow:
    made = SettingsWindow()
    qtbot.addWidget(made)
    made.set_theme(LIGHT)
    made.set_settings(Settings())
    made.show()
    return made


@pytest.fixture
def said(window: SettingsWindow) -> list[dict[str, Any]]:
    heard: list[dict[str, Any]] = []
    window.changed.connect(heard.append)
    return heard


def test_it_shows_what_holds_and_tells_nobody(
    window: SettingsWindow, said: list[dict[str, Any]]
) -> None:
    window.set_settings(
        Settings(
            system_prompt="Be brief.",
            temperature=0.3,
            top_k=40,
            context=8192,
            appearance="dark",
            text_size=18,
            reduce_motion=True,
        )
    )
    assert window.system_prompt.toPlainText() == "Be brief."
    assert window.numbers["temperature"].field.text() == "0.30"
    assert window.numbers["top_k"].field.text() == "40"
    assert window.context.text() == "8,192 tokens"
    assert window.appearance.key == "dark"
    assert window.text_size.value == 18
    assert window.reduce_motion.isChecked()
    assert said == []


def test_every_change_holds_at_once(
    qtbot: QtBot, window: SettingsWindow, said: list[dict[str, Any]]
) -> None:
    window.numbers["top_k"].slider.setValue(20)
    window.numbers["temperature"].slider.setValue(0)
    window.text_size.slider.setValue(17)
    window.reduce_motion.click()
    window.keeps_documents.click()
    window.context.menu().actions()[1].trigger()
    window.context.menu().actions()[0].trigger()
    assert said == [
        {"top_k": 20},
        {"temperature": 0.0},
        {"text_size": 17},
        {"reduce_motion": True},
        {"keeps_documents": False},
        {"context": 4096},
        {"context": None},
    ]
    for change in said:  # each is a value that the settings accept
        assert settings_from_json(change) != Settings() or change == {"context": None}


def test_the_system_prompt_is_taken_when_the_typing_pauses_or_the_window_closes(
    qtbot: QtBot, window: SettingsWindow, said: list[dict[str, Any]]
) -> None:
    with qtbot.waitSignal(window.changed, timeout=3000):
        qtbot.keyClicks(window.system_prompt, "Be kind.")
    qtbot.keyClicks(window.system_prompt, " Always.")
    window.close()
    assert said[-1] == {"system_prompt": "Be kind. Always."}


def test_typing_is_not_overwritten_by_another_change(qtbot: QtBot, window: SettingsWindow) -> None:
    qtbot.keyClicks(window.system_prompt, "half a sent")
    window.set_settings(Settings(text_size=20))
    assert window.system_prompt.toPlainText() == "half a sent"


def test_reset_brings_back_openais_sampling(
    window: SettingsWindow, said: list[dict[str, Any]]
) -> None:
    window.set_settings(Settings(temperature=0.2, top_p=0.5, top_k=9, min_p=0.1))
    window.reset.click()
    assert said == [{"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0}]


def test_the_appearance_is_chosen_by_click_and_by_arrow_key(
    qtbot: QtBot, window: SettingsWindow, said: list[dict[str, Any]]
) -> None:
    window.set_theme(DARK)
    qtbot.keyClick(window.appearance, Qt.Key.Key_Right)
    qtbot.keyClick(window.appearance, Qt.Key.Key_Right)
    assert said == [{"appearance": "light"}, {"appearance": "dark"}]
    assert window.appearance.key == "dark"


def test_no_words_are_cut_off_while_the_text_grows_and_the_width_stays(
    person: Person,
) -> None:
    person.press("Ctrl+,")
    window = person.app.settings_window
    assert window
    before = window.size()
    person.app.settings.update(text_size=24)
    person.sees(lambda: window.height() > before.height())
    assert window.width() == before.width()
    for words in window.findChildren(QLabel):
        wanted = words.heightForWidth(words.width()) if words.wordWrap() else 0
        assert words.height() >= wanted, words.text()
    window.close()
    window.show()
    assert window.width() > before.width()
