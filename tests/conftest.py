"""What every test stands on: no display, a home of its own, no network."""

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ.setdefault("PYTEST_QT_API", "pyside6")

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sordino's files of this test alone."""
    folder = tmp_path / "home"
    monkeypatch.setenv("SORDINO_HOME", str(folder))
    return folder
