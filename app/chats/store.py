"""Chats in SQLite: plain calls that return when the disk has it.

Owns the one connection and every statement. Confined to the thread that opens it; knows no Qt
(`library.py` gives it a thread). Raises sqlite3.Error where the disk refuses; then nothing of the
call has happened.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from app.chats.database import is_unwritable, open_database
from app.chats.excerpt import excerpt
from app.chats.models import (
    Attachment,
    Chat,
    ChatMessage,
    Reading,
    SearchHit,
    TurnStatistics,
    now,
)
from app.well_formed import well_formed

_PUT_CHAT = """
INSERT INTO chat (id, title, created, updated, effort, model, leaf_id)
VALUES (:id, :title, :created, :updated, :effort, :model, :leaf_id)
ON CONFLICT (id) DO UPDATE SET updated = excluded.updated, effort = excluded.effort,
    model = excluded.model, leaf_id = excluded.leaf_id
"""
_PUT_MESSAGE = """
INSERT INTO message (id, chat_id, parent_id, role, text, thinking, thinking_s, status, stop,
    model, effort, created, statistics, reading)
VALUES (:id, :chat_id, :parent_id, :role, :text, :thinking, :thinking_s, :status, :stop,
    :model, :effort, :created, :statistics, :reading)
ON CONFLICT (id) DO UPDATE SET text = excluded.text, thinking = excluded.thinking,
    thinking_s = excluded.thinking_s, status = excluded.status, stop = excluded.stop,
    model = excluded.model, statistics = excluded.statistics, reading = excluded.reading
"""
_SEARCH = """
SELECT chat.*, NULL AS found
FROM title_words JOIN chat ON chat.number = title_words.rowid
WHERE title_words MATCH :words AND deleted IS NULL
UNION ALL
SELECT chat.*, min(message.number) AS found
FROM message_words JOIN message ON message.number = message_words.rowid
    JOIN chat ON chat.id = message.chat_id
WHERE message_words MATCH :words AND deleted IS NULL
GROUP BY chat.id
ORDER BY updated DESC, found
"""
MOST_HITS = 200


class ChatStore:
    """One open database. `notice` is a line for the person about how it was opened; `may_heal`
    where it is read-only now and opening it again may help."""

    def __init__(self, path: Path) -> None:
        opened = open_database(path)
        self._connection = opened.connection
        self.read_only = opened.read_only
        self.notice = opened.notice
        self.may_heal = opened.may_heal
        if not self.read_only:
            self._tidy_up()

    def _tidy_up(self) -> None:
        """What the last run left: replies cut off in the middle, chats deleted and not restored.
        On a full disk it waits for the next start."""
        try:
            with self._transaction() as connection:
                connection.execute(
                    "UPDATE message SET status = 'interrupted' WHERE status = 'streaming'"
                )
                connection.execute("DELETE FROM chat WHERE deleted IS NOT NULL")
        except sqlite3.Error as error:
            if not is_unwritable(error):
                raise

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; on return it is on the disk."""
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def chats(self) -> list[Chat]:
        """All but the deleted, latest first."""
        rows = self._connection.execute(
            "SELECT * FROM chat WHERE deleted IS NULL ORDER BY updated DESC, number DESC"
        )
        return [_chat(row) for row in rows]

    def chat(self, chat_id: str) -> Chat | None:
        row = self._connection.execute(
            "SELECT * FROM chat WHERE id = ? AND deleted IS NULL", (chat_id,)
        ).fetchone()
        return _chat(row) if row else None

    def messages(self, chat_id: str) -> list[ChatMessage]:
        """Every branch of a chat, in the order of writing: parents before children."""
        attachments: dict[str, list[Attachment]] = {}
        for row in self._connection.execute(
            "SELECT attachment.* FROM attachment JOIN message ON message.id = message_id "
            "WHERE chat_id = ? ORDER BY place",
            (chat_id,),
        ):
            attachments.setdefault(row["message_id"], []).append(_attachment(row))
        rows = self._connection.execute(
            "SELECT * FROM message WHERE chat_id = ? ORDER BY number", (chat_id,)
        )
        return [_message(row, tuple(attachments.get(row["id"], ()))) for row in rows]

    def put(self, chat: Chat, *messages: ChatMessage) -> None:
        """Adds or replaces a chat and some of its messages. A known chat keeps its title (see
        `rename`), a known message its parent and attachments."""
        with self._transaction() as connection:
            connection.execute(_PUT_CHAT, _chat_row(chat))
            for message in messages:
                connection.execute(_PUT_MESSAGE, _message_row(chat.id, message))
                connection.executemany(
                    "INSERT OR IGNORE INTO attachment VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [(message.id, *row) for row in _attachment_rows(message.attachments)],
                )

    def take_back(self, chat: Chat, message_id: str) -> None:
        """Removes a message and what follows it, leaving `chat`; without messages it goes too."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM message WHERE id = ?", (message_id,))
            connection.execute(_PUT_CHAT, _chat_row(chat))
            connection.execute(
                "DELETE FROM chat WHERE id = :id AND NOT EXISTS "
                "(SELECT 1 FROM message WHERE chat_id = :id)",
                {"id": chat.id},
            )

    def rename(self, chat_id: str, title: str) -> None:
        with self._transaction() as connection:
            connection.execute(
                "UPDATE chat SET title = ? WHERE id = ?", (well_formed(title), chat_id)
            )

    def delete(self, chat_id: str) -> None:
        """Hides a chat; the next start removes it."""
        self._set_deleted(chat_id, now().isoformat())

    def restore(self, chat_id: str) -> None:
        """Undoes `delete`."""
        self._set_deleted(chat_id, None)

    def _set_deleted(self, chat_id: str, when: str | None) -> None:
        with self._transaction() as connection:
            connection.execute("UPDATE chat SET deleted = ? WHERE id = ?", (when, chat_id))

    def put_draft_attachments(self, attachments: Sequence[Attachment]) -> None:
        """Replaces the documents of the question that is being written."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM draft_attachment")
            connection.executemany(
                "INSERT INTO draft_attachment VALUES (?, ?, ?, ?, ?, ?)",
                _attachment_rows(attachments),
            )

    def draft_attachments(self) -> list[Attachment]:
        if self.read_only:  # an older or newer schema may not have them
            return []
        rows = self._connection.execute("SELECT * FROM draft_attachment ORDER BY place")
        return [_attachment(row) for row in rows]

    def digests(self) -> set[str] | None:
        """Of all attached files; None where chats may be missing here that name others."""
        if self.read_only or self.notice:
            return None
        rows = self._connection.execute(
            "SELECT digest FROM attachment UNION SELECT digest FROM draft_attachment"
        )
        return {row["digest"] for row in rows}

    def search(self, query: str) -> list[SearchHit]:
        """Chats whose title or messages hold words that begin with all those of the query,
        whatever their case and accents; one hit a chat, latest chat first."""
        words = well_formed(query).replace('"', " ").replace("\0", " ").split()
        match = " ".join(f'"{word}"*' for word in words)
        hits: dict[str, SearchHit] = {}
        rows = self._connection.execute(_SEARCH, {"words": match}) if words else ()
        for row in rows:
            if row["id"] not in hits:
                hits[row["id"]] = self._hit(row, words)
            if len(hits) == MOST_HITS:
                break
        return list(hits.values())

    def _hit(self, row: sqlite3.Row, words: list[str]) -> SearchHit:
        if row["found"] is None:
            return SearchHit(_chat(row), None, excerpt(row["title"], words))
        message_id, text = self._connection.execute(
            "SELECT id, text FROM message WHERE number = ?", (row["found"],)
        ).fetchone()
        return SearchHit(_chat(row), message_id, excerpt(text, words))

    def close(self) -> None:
        self._connection.close()


def _chat(row: sqlite3.Row) -> Chat:
    return Chat(
        id=row["id"],
        title=row["title"],
        created=datetime.fromisoformat(row["created"]),
        updated=datetime.fromisoformat(row["updated"]),
        effort=row["effort"],
        model=row["model"],
        leaf_id=row["leaf_id"],
    )


def _chat_row(chat: Chat) -> dict[str, Any]:
    return {
        **asdict(chat),
        "title": well_formed(chat.title),
        "created": chat.created.isoformat(),
        "updated": chat.updated.isoformat(),
    }


def _attachment(row: sqlite3.Row) -> Attachment:
    known = set(row.keys())  # an older schema, opened for reading, lacks some
    more = [row[name] if name in known else "" for name in ("digest", "outline")]
    return Attachment(row["name"], row["path"], row["text"], *more)


def _attachment_rows(attachments: Sequence[Attachment]) -> list[tuple[Any, ...]]:
    return [
        (place, *map(well_formed, (a.name, a.path, a.text, a.digest, a.outline)))
        for place, a in enumerate(attachments)
    ]


def _message(row: sqlite3.Row, attachments: tuple[Attachment, ...]) -> ChatMessage:
    return ChatMessage(
        id=row["id"],
        parent_id=row["parent_id"],
        role=row["role"],
        text=row["text"],
        thinking=row["thinking"],
        thinking_s=row["thinking_s"],
        status=row["status"],
        stop=row["stop"],
        model=row["model"],
        effort=row["effort"],
        created=datetime.fromisoformat(row["created"]),
        attachments=attachments,
        statistics=_statistics(row["statistics"]),
        reading=_reading(row["reading"]) if "reading" in row.keys() else None,  # noqa: SIM118
    )


def _message_row(chat_id: str, message: ChatMessage) -> dict[str, Any]:
    statistics = message.statistics
    return {
        "id": message.id,
        "chat_id": chat_id,
        "parent_id": message.parent_id,
        "role": message.role,
        "text": well_formed(message.text),
        "thinking": well_formed(message.thinking),
        "thinking_s": message.thinking_s,
        "status": message.status,
        "stop": message.stop,
        "model": message.model,
        "effort": message.effort,
        "created": message.created.isoformat(),
        "statistics": json.dumps(asdict(statistics)) if statistics else None,
        "reading": json.dumps(asdict(message.reading)) if message.reading else None,
    }


def _reading(text: str | None) -> Reading | None:
    if text is None:
        return None
    told = json.loads(text)
    parts = ((cursor, tuple((a, b) for a, b in ranges)) for cursor, ranges in told["parts"])
    return Reading(told["mode"], tuple(parts))


def _statistics(text: str | None) -> TurnStatistics | None:
    """Fields that a later version may have added are left out."""
    if text is None:
        return None
    known = {field.name for field in fields(TurnStatistics)}
    return TurnStatistics(**{k: v for k, v in json.loads(text).items() if k in known})
