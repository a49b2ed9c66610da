"""Opens the chat database so that nothing in it can be lost.

WAL with `synchronous=FULL` and, on a Mac, `fullfsync`: a commit that returned survives a crash and
a power cut (https://sqlite.org/pragma.html). A damaged file is set aside under another name and a
new one begun; one from a newer Sordino is opened read-only, its bytes untouched; where the disk is
full or may not be written, what is there can still be read.
"""

import sqlite3
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from app.chats.migrations import VERSION, WORD_INDEXES, migrate, version_of

APPLICATION_ID = 0x536F7264  # "Sord": tells file(1) and us whose database it is

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_UNWRITABLE = _BUSY | {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
}


class Damaged(Exception):
    """The file is no database of ours, or one that SQLite can't trust."""


@dataclass(frozen=True, slots=True)
class OpenedDatabase:
    connection: sqlite3.Connection
    read_only: bool = False
    notice: str | None = None  # one line for the person
    may_heal: bool = False  # opened again, it may take writes


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's result code without the extension in its higher bits; 0 if there is none."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF


def is_damage(error: sqlite3.Error) -> bool:
    return primary_code(error) in _DAMAGED


def is_unwritable(error: sqlite3.Error) -> bool:
    """The disk is full, failing or closed to us, or another program holds the file; the same write
    may succeed later."""
    return primary_code(error) in _UNWRITABLE


def is_busy(error: sqlite3.Error) -> bool:
    """Another program holds the file."""
    return primary_code(error) in _BUSY


def open_database(path: Path) -> OpenedDatabase:
    """The database at `path`, made if there is none; at worst one in memory. Never raises."""
    try:
        return _open_or_set_aside(path)
    except OSError as error:
        return _in_memory(f"Chats can’t be kept in {path.parent}: {error.strerror}.")
    except sqlite3.Error as error:
        opened = _for_reading(
            path,
            f"Chats can’t be saved: {error}. See that the disk has room, that {path.parent} may be "
            "written and that no other program holds it.",
        )
        return replace(opened, may_heal=opened.read_only)


def _open_or_set_aside(path: Path) -> OpenedDatabase:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _open(path)
    except Damaged:
        aside = _set_aside(path)
        notice = f"The chats were damaged. They are kept as {aside.name}; a new list was begun."
        return OpenedDatabase(_open(path).connection, notice=notice)


def _open(path: Path) -> OpenedDatabase:
    connection = _connect(path, "rwc")
    try:
        version = version_of(connection)
        if version > VERSION:
            connection.close()
            return _for_reading(
                path, "These chats are from a newer Sordino: they can be read, not continued."
            )
        _check(connection, version)
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "fullfsync = ON",  # does nothing but on a Mac
            "checkpoint_fullfsync = ON",
            "foreign_keys = ON",
            f"application_id = {APPLICATION_ID}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        migrate(connection)
        _check_words(connection)
    except sqlite3.Error as error:
        connection.close()
        if is_damage(error):
            raise Damaged(str(error)) from error
        raise
    except Damaged:
        connection.close()
        raise
    return OpenedDatabase(connection)


def _check(connection: sqlite3.Connection, version: int) -> None:
    """Raises Damaged or sqlite3.DatabaseError. Reads the whole file, 0.15 s of work for 100 MB."""
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if version == 0 and tables:
        raise Damaged("a database of another program")
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise Damaged(verdict)


def _check_words(connection: sqlite3.Connection) -> None:
    """`quick_check` passes over what an index of words holds. It is made from the messages, so one
    that is damaged is made anew; raises Damaged where it can't be opened for that."""
    for index in WORD_INDEXES:
        try:
            connection.execute(f"INSERT INTO {index} ({index}) VALUES ('integrity-check')")
        except sqlite3.DatabaseError as error:
            if is_unwritable(error):
                raise
            try:
                connection.execute(f"INSERT INTO {index} ({index}) VALUES ('rebuild')")
            except sqlite3.DatabaseError:
                raise Damaged(str(error)) from error


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=5)
    connection.row_factory = sqlite3.Row
    return connection


def _for_reading(path: Path, notice: str) -> OpenedDatabase:
    """Without writing a byte. A folder that may not be written has no room for WAL's index file;
    `immutable` does without it."""
    for mode in ("ro", "ro&immutable=1"):
        connection = _connect(path, mode) if path.exists() else None
        if connection is None:
            break
        try:
            connection.execute("SELECT count(*) FROM chat").fetchone()
            return OpenedDatabase(connection, read_only=True, notice=notice)
        except sqlite3.Error:
            connection.close()
    return _in_memory(notice)


def _in_memory(notice: str) -> OpenedDatabase:
    """So that one can still talk; nothing is kept."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    migrate(connection)
    return OpenedDatabase(connection, notice=f"{notice} What you say now is not kept.")


def _set_aside(path: Path) -> Path:
    """Renames the database and the files that belong to it; nothing is deleted."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside
