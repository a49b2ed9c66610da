"""What a fresh machine is asked for before anything is set up."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "packaging" / "check_machine.py"


@pytest.fixture
def check_machine(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, on a Linux without Qt's libraries, run by somebody who may not install them."""
    spec = importlib.util.spec_from_file_location("check_machine", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "_loads", lambda library: False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for name in module.DISPLAYS:
        monkeypatch.delenv(name, raising=False)
    return module


@pytest.mark.parametrize(
    ("arguments", "display", "code"),
    [([], "", 0), ([], ":0", 1), (["--tests"], "", 1)],
    ids=["the terminal", "a window", "the tests"],
)
def test_libraries_for_qt_are_asked_of_those_who_need_them(
    check_machine: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    display: str,
    code: int,
) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *arguments])
    monkeypatch.setenv("DISPLAY", display)
    assert check_machine.main() == code
    assert "libegl1" in capsys.readouterr().err


def test_tests_go_on_without_compilers_and_say_how_to_get_them(
    check_machine: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--tests"])
    monkeypatch.setattr(check_machine, "_loads", lambda library: True)
    monkeypatch.setattr(check_machine.shutil, "which", lambda name: None)
    assert check_machine.main() == 0
    assert "g++ clang-16" in capsys.readouterr().err
