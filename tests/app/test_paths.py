"""Everything lies under one folder that can be chosen."""

from pathlib import Path

import pytest

from app import paths


def test_all_files_lie_under_the_home_that_is_set(home: Path) -> None:
    for path in (
        paths.database_path(),
        paths.settings_path(),
        paths.log_path(),
        paths.lock_path(),
    ):
        assert path.parent == home
    assert not home.exists()


def test_without_it_the_system_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SORDINO_HOME")
    assert paths.data_directory().is_absolute() and paths.data_directory().name == "Sordino"
