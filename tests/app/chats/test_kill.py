"""What was said to be saved survives kill -9 at any moment."""

import random
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.chats.store import ChatStore

ROOT = Path(__file__).parents[3]


def _killed_after(database: Path, acknowledgements: int) -> list[str]:
    """The ids that a child said were saved, up to a kill after about that many of them."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.app.chats.saving_child", str(database)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    saved = [child.stdout.readline().strip() for _ in range(acknowledgements)]
    # A random moment within the next write, not always right after an acknowledgement.
    threading.Event().wait(random.random() * 0.01)
    child.kill()
    rest = child.stdout.read().splitlines(keepends=True)
    child.stdout.close()
    child.wait()
    return saved + [line.strip() for line in rest if line.endswith("\n")]


def _check(database: Path, kills: int) -> None:
    acknowledged: set[str] = set()
    for _ in range(kills):
        acknowledged |= set(_killed_after(database, random.randint(1, 25)))
        connection = sqlite3.connect(database)
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        connection.close()
    store = ChatStore(database)
    assert store.notice is None
    messages = [m for chat in store.chats() for m in store.messages(chat.id)]
    assert acknowledged <= {message.id for message in messages}
    assert len(acknowledged) > kills
    statuses = {message.status for message in messages}
    assert "streaming" not in statuses and "interrupted" in statuses
    # Words of a reply are never lost by the kill either: a saved state is whole.
    assert all(len(message.text) % 5 == 0 for message in messages if message.role == "assistant")
    store.close()


def test_twenty_kills_lose_nothing_acknowledged(database: Path) -> None:
    _check(database, 20)


@pytest.mark.full
def test_two_hundred_kills_lose_nothing_acknowledged(database: Path) -> None:
    _check(database, 200)
