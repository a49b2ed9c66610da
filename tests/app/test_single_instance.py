"""Two starts, one window."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.single_instance import SingleInstance

ROOT = Path(__file__).parents[2]

START = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from app.single_instance import SingleInstance
app = QCoreApplication([])
instance = SingleInstance(Path(sys.argv[1]))
is_first = instance.acquire()
print("first" if is_first else "second", flush=True)
if is_first:
    instance.raise_requested.connect(lambda: print("raised", flush=True))
    app.exec()
"""


def begin(lock: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", START, str(lock)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "home" / "window.lock"


@pytest.fixture
def first(lock: Path) -> Iterator[subprocess.Popen[str]]:
    process = begin(lock)
    assert heard(process) == "first"
    with process:
        yield process
        process.kill()


def test_a_second_start_raises_the_first_and_ends(first: subprocess.Popen[str], lock: Path) -> None:
    with begin(lock) as second:
        assert heard(second) == "second"
    assert second.returncode == 0 and heard(first) == "raised"


def test_a_lock_left_by_a_kill_is_taken_over(first: subprocess.Popen[str], lock: Path) -> None:
    first.kill()
    first.wait()
    assert lock.exists()
    with begin(lock) as again:
        assert heard(again) == "first"
        with begin(lock) as second:
            assert heard(second) == "second"
        assert heard(again) == "raised"
        again.kill()


def test_a_first_that_hangs_holds_nobody_up(first: subprocess.Popen[str], lock: Path) -> None:
    os.kill(first.pid, signal.SIGSTOP)
    with begin(lock) as second:
        assert heard(second) == "second"
    assert second.returncode == 0


def test_a_folder_that_can_t_be_made_does_not_keep_the_window_away(
    tmp_path: Path, qtbot: QtBot
) -> None:
    (tmp_path / "file").touch()
    assert SingleInstance(tmp_path / "file" / "window.lock").acquire()


def test_two_homes_are_two_instances(tmp_path: Path, qtbot: QtBot) -> None:
    one, two = (SingleInstance(tmp_path / name / "lock") for name in "ab")
    assert one.acquire() and two.acquire()
    one.release()
    again = SingleInstance(tmp_path / "a" / "lock")
    assert again.acquire()
    again.release()
    two.release()
