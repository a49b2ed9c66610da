from collections import Counter

import pytest
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QLineEdit, QMainWindow, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from app.windows.menus import Menus

Role = QAction.MenuRole


@pytest.fixture
def window(qtbot: QtBot) -> QMainWindow:
    made = QMainWindow()
    qtbot.addWidget(made)
    return made


@pytest.fixture
def menus(window: QMainWindow) -> Menus:
    return Menus(window)


def test_no_two_actions_share_a_shortcut(menus: Menus) -> None:
    keys = [keys.toString() for action in menus.all for keys in action.shortcuts()]
    twice = [key for key, count in Counter(keys).items() if count > 1]
    assert keys
    assert twice == []


def test_about_settings_and_quit_have_the_roles_that_a_mac_moves(menus: Menus) -> None:
    roles = {action.menuRole(): action for action in menus.all}
    assert roles[Role.AboutRole] is menus.about
    assert roles[Role.PreferencesRole] is menus.settings
    assert roles[Role.QuitRole] is menus.quit
    others = [a for a in menus.all if a not in (menus.about, menus.settings, menus.quit)]
    assert {action.menuRole() for action in others} == {Role.NoRole}


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("new_chat", ["Ctrl+N"]),
        ("close", ["Ctrl+W"]),
        ("search", ["Ctrl+F"]),
        ("settings", ["Ctrl+,"]),
        ("stop", ["Ctrl+.", "Esc"]),
        ("delete_chat", ["Ctrl+Backspace"]),
        ("sidebar", ["Meta+Ctrl+S"]),
        ("larger", ["Ctrl++", "Ctrl+="]),
        ("smaller", ["Ctrl+-"]),
        ("quit", ["Ctrl+Q"]),
    ],
)
def test_shortcuts_are_those_that_the_guide_tells(menus: Menus, name: str, keys: list[str]) -> None:
    action: QAction = getattr(menus, name)
    assert action.shortcuts() == [QKeySequence(key) for key in keys]


def test_the_bar_has_a_macs_menus_in_a_macs_order(window: QMainWindow, menus: Menus) -> None:
    titles = [action.text().replace("&", "") for action in window.menuBar().actions()]
    assert titles == ["File", "Edit", "View", "Window", "Help"]


def test_what_needs_a_chat_or_a_running_turn_waits_for_one(menus: Menus) -> None:
    menus.set_has_chat(False)
    assert not menus.export.isEnabled()
    assert not menus.stop.isEnabled()
    menus.set_has_chat(True)
    menus.set_busy(True)
    assert menus.export.isEnabled()
    assert menus.delete_chat.isEnabled()
    assert menus.stop.isEnabled()


def test_editing_actions_act_where_the_focus_is(
    qtbot: QtBot, window: QMainWindow, menus: Menus
) -> None:
    page = QWidget()
    layout = QVBoxLayout(page)
    first, second = QLineEdit("one"), QLineEdit("two")
    layout.addWidget(first)
    layout.addWidget(second)
    window.setCentralWidget(page)
    with qtbot.waitActive(window):
        window.show()
    first.setFocus()
    menus.select_all.trigger()
    menus.copy.trigger()
    second.setFocus()
    menus.select_all.trigger()
    menus.paste.trigger()
    assert second.text() == "one"
    menus.undo.trigger()
    assert second.text() == "two"
