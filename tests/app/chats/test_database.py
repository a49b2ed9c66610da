"""A damaged, newer, foreign or closed database is said in one line, and nothing is deleted."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from app.chats.migrations import VERSION
from app.chats.models import Chat, ChatMessage
from app.chats.store import ChatStore

Make = Callable[..., ChatMessage]
MakeChat = Callable[..., Chat]


@pytest.fixture
def filled(database: Path, new_chat: MakeChat, question: Make) -> Path:
    """A database with 50 chats, closed."""
    store = ChatStore(database)
    for number in range(50):
        store.put(new_chat(f"Chat {number}"), question("word " * 200))
    store.close()
    return database


def set_aside(database: Path) -> list[Path]:
    return sorted(database.parent.glob(f"{database.name}.damaged-*"))


def test_commits_are_made_to_last(store: ChatStore) -> None:
    value = {
        name: store._connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "fullfsync", "checkpoint_fullfsync")
    }
    assert value == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "fullfsync": 1,
        "checkpoint_fullfsync": 1,
    }


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: b"not a database " * 400, id="other bytes"),
        pytest.param(lambda data: b"\0" * 512 + data[512:], id="header"),
        pytest.param(lambda data: data[: len(data) // 2], id="truncated"),
        pytest.param(lambda data: data[:5000] + os.urandom(9000) + data[14000:], id="middle"),
    ],
)
def test_a_damaged_database_is_set_aside_and_a_new_one_begun(
    filled: Path, damage: Callable[[bytes], bytes], new_chat: MakeChat, question: Make
) -> None:
    bad = damage(filled.read_bytes())
    filled.write_bytes(bad)
    store = ChatStore(filled)
    (aside,) = set_aside(filled)
    assert aside.read_bytes() == bad
    assert store.notice is not None and aside.name in store.notice
    assert store.chats() == []
    store.put(new_chat(), question("goes on"))
    store.close()
    store = ChatStore(filled)
    assert store.notice is None and len(store.chats()) == 1
    store.close()


def test_a_damaged_index_of_words_is_made_anew(filled: Path) -> None:
    with sqlite3.connect(filled) as connection:
        connection.execute("UPDATE message_words_data SET block = x'FF' WHERE id > 10")
    connection.close()
    store = ChatStore(filled)
    assert store.notice is None and set_aside(filled) == []
    assert len(store.search("word")) == 50
    store.close()


def test_a_database_whose_index_can_t_be_opened_is_set_aside(filled: Path) -> None:
    with sqlite3.connect(filled) as connection:
        connection.execute("DELETE FROM message_words_data WHERE id = 10")
    connection.close()
    store = ChatStore(filled)
    assert store.notice is not None and len(set_aside(filled)) == 1 and store.chats() == []
    store.close()


def test_two_damaged_databases_within_a_second_are_both_kept(database: Path) -> None:
    for text in (b"first " * 200, b"second " * 200):
        database.write_bytes(text)
        ChatStore(database).close()
    assert len(set_aside(database)) == 2


def test_an_empty_file_is_a_new_database(database: Path) -> None:
    database.touch()
    store = ChatStore(database)
    assert store.notice is None and store.chats() == []
    store.close()


def test_another_programs_database_is_set_aside(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    ChatStore(database).close()
    assert len(set_aside(database)) == 1


def test_a_newer_database_is_read_and_not_touched(filled: Path) -> None:
    connection = sqlite3.connect(filled)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.execute("ALTER TABLE chat ADD COLUMN colour TEXT")
    connection.execute("DROP TABLE draft_attachment")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    before = filled.read_bytes()
    store = ChatStore(filled)
    assert store.read_only and store.notice is not None and "newer" in store.notice
    assert len(store.chats()) == 50 and store.draft_attachments() == []
    assert store.messages(store.chats()[0].id)[0].text.startswith("word")
    with pytest.raises(sqlite3.OperationalError):
        store.delete(store.chats()[0].id)
    store.close()
    assert filled.read_bytes() == before and set_aside(filled) == []


def test_a_step_that_fails_leaves_the_schema_as_it_was(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.chats import migrations

    connection = sqlite3.connect(filled, isolation_level=None)
    steps = (*migrations.STEPS, "CREATE TABLE extra (x); CREATE TABLE chat (x);")
    monkeypatch.setattr(migrations, "STEPS", steps)
    monkeypatch.setattr(migrations, "VERSION", VERSION + 1)
    with pytest.raises(sqlite3.OperationalError):
        migrations.migrate(connection)
    assert migrations.version_of(connection) == VERSION
    assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'extra'").fetchall()
    connection.close()


def test_where_no_folder_can_be_made_one_can_still_talk(
    tmp_path: Path, new_chat: MakeChat, question: Make
) -> None:
    (tmp_path / "file").touch()
    store = ChatStore(tmp_path / "file" / "chats.sqlite")
    assert store.notice is not None and "not kept" in store.notice
    store.put(new_chat(), question("Hi"))
    assert len(store.chats()) == 1
    store.close()
