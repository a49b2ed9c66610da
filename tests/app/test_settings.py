"""Settings survive a restart; nonsense in the file costs that value, never the app."""

import json
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.problem import Problem
from app.settings import Settings, read_settings, settings_from_json, write_settings
from app.settings_store import SettingsStore


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "home" / "settings.json"


def test_what_is_written_is_read(file: Path) -> None:
    settings = Settings(model="/a/é", recent_folders=("/a", "/b"), context=4096, top_p=0.5)
    write_settings(settings, file)
    assert read_settings(file) == (settings, None)
    assert [path.name for path in file.parent.iterdir()] == ["settings.json"]


def test_without_a_file_the_defaults_serve(file: Path) -> None:
    assert read_settings(file) == (Settings(), None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", ""),
        ("model", 7),
        ("temperature", -1),
        ("temperature", float("nan")),
        ("temperature", float("inf")),
        ("temperature", 10**400),
        ("temperature", True),
        ("temperature", "1"),
        ("top_p", 0),
        ("top_k", 1.5),
        ("context", 3),
        ("context", 10**9),
        ("appearance", "pink"),
        ("text_size", 900),
        ("effort", "extreme"),
        ("reduce_motion", 1),
        ("keeps_documents", "no"),
        ("recent_folders", ["/a", 3]),
        ("recent_folders", "/a"),
        ("no such setting", 1),
    ],
)
def test_a_value_that_makes_no_sense_is_the_default(name: str, value: Any) -> None:
    assert settings_from_json({"sidebar_visible": False, name: value}) == Settings(
        sidebar_visible=False
    )


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\0" * 100, "[" * 100_000])
def test_a_damaged_file_is_set_aside_and_said(file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_text(text)
    settings, complaint = read_settings(file)
    assert settings == Settings() and complaint is not None and complaint.count("\n") == 0
    (aside,) = file.parent.iterdir()
    assert aside.read_text() == text and aside.name in complaint


def test_a_file_that_is_no_text_is_set_aside(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"\xff\xfe\xfd")
    assert read_settings(file)[1] is not None


def test_the_store_says_what_changed_and_saves_it(file: Path, qtbot: QtBot) -> None:
    store = SettingsStore(file)
    said: list[Settings] = []
    store.changed.connect(said.append)
    store.update(text_size=17, appearance="dark")
    store.update(text_size=17)
    assert said == [Settings(text_size=17, appearance="dark")]
    assert json.loads(file.read_text())["text_size"] == 17
    assert SettingsStore(file).value == store.value


def test_a_setting_that_can_t_be_saved_holds_all_the_same(tmp_path: Path, qtbot: QtBot) -> None:
    (tmp_path / "file").touch()
    store = SettingsStore(tmp_path / "file" / "settings.json")
    problems: list[Problem] = []
    store.problem.connect(problems.append)
    store.report()
    solved: list[str] = []
    store.problem_solved.connect(solved.append)
    store.update(text_size=17)
    store.update(text_size=18)
    assert store.value.text_size == 18 and solved == []
    assert ["can’t be saved" in problem.text for problem in problems] == [False, True]
    (tmp_path / "file").unlink()
    store.update(text_size=19)
    assert solved == ["settings"] and len(problems) == 2
