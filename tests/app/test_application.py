"""The process around the window: one at a time, and it leaves when it is asked to."""

import os
import subprocess
import sys
import time
from pathlib import Path


def sordino(home: Path) -> "subprocess.Popen[bytes]":
    environment = os.environ | {"SORDINO_HOME": str(home), "QT_QPA_PLATFORM": "offscreen"}
    return subprocess.Popen([sys.executable, "-m", "app"], env=environment)


def wait_for(path: Path, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until, f"{path.name} never came"
        time.sleep(0.05)


def test_a_second_start_leaves_to_the_first_which_ends_when_it_is_told(home: Path) -> None:
    first = sordino(home)
    try:
        wait_for(home / "chats.sqlite")
        second = sordino(home)
        assert second.wait(60) == 0
        assert first.poll() is None
        first.terminate()
        assert first.wait(60) == 0
    finally:
        first.kill()
        first.wait()
    assert (home / "settings.json").exists()  # where the window stood was kept
