import pytest
from PySide6.QtGui import QAction
from pytestqt.qtbot import QtBot

from app.theme import LIGHT
from app.widgets.model_menu import ModelMenu
from mlx_engine.protocol import ModelChoice

CHOICES = (
    ModelChoice("guide", "Guide", "/guide", 4_200_000, True),
    ModelChoice("20b", "gpt-oss-20b", None, 13_761_264_768, True),
    ModelChoice("120b", "gpt-oss-120b", "/cache/120b", 65_248_815_744, False),
)


@pytest.fixture
def menu(qtbot: QtBot) -> ModelMenu:
    made = ModelMenu()
    qtbot.addWidget(made)
    made.set_theme(LIGHT)
    made.set_models(CHOICES)
    made.set_recent_folders(["/models/mine & yours"])
    return made


def entry(menu: ModelMenu, words: str) -> QAction:
    menu.menu().aboutToShow.emit()
    return next(action for action in menu.menu().actions() if words in action.text())


def test_it_lists_what_is_here_what_can_be_got_and_recent_folders(menu: ModelMenu) -> None:
    entry(menu, "Guide")
    words = [action.text() for action in menu.menu().actions() if action.text()]
    assert words == [
        "Guide\t4 MB",
        "gpt-oss-20b\tGet…",
        "gpt-oss-120b\tneeds more memory",
        "mine && yours",
        "Choose folder…",
    ]


@pytest.mark.parametrize(
    ("words", "key"), [("Guide", "guide"), ("120b", "120b"), ("mine", "/models/mine & yours")]
)
def test_a_model_that_is_here_is_chosen(
    qtbot: QtBot, menu: ModelMenu, words: str, key: str
) -> None:
    with qtbot.waitSignal(menu.model_chosen, timeout=1000) as chosen:
        entry(menu, words).trigger()
    assert chosen.args == [key]


def test_a_model_that_is_missing_is_wanted(qtbot: QtBot, menu: ModelMenu) -> None:
    with qtbot.waitSignal(menu.model_wanted, timeout=1000) as wanted:
        entry(menu, "20b").trigger()
    assert wanted.args == [CHOICES[1]]


@pytest.mark.parametrize(
    ("key", "name"), [("20b", "gpt-oss-20b"), ("/models/mine", "mine"), ("guide", "Guide")]
)
def test_the_button_names_the_model_for_eyes_and_ears(menu: ModelMenu, key: str, name: str) -> None:
    menu.set_current(key)
    assert menu.text() == name
    assert menu.accessibleName() == f"Model: {name}"
