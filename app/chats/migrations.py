"""How the database grew: each step takes the schema one version further, in one transaction.

A step that has been released is never changed; a new need is a new step at the end.
"""

import sqlite3

_FIRST = """
CREATE TABLE chat (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    created TEXT NOT NULL,              -- ISO 8601, UTC
    updated TEXT NOT NULL,
    effort TEXT NOT NULL,
    model TEXT NOT NULL,
    leaf_id TEXT,                       -- end of the path on view
    deleted TEXT                        -- when; purged at the next start
);
CREATE INDEX chat_updated ON chat (updated);

CREATE TABLE message (
    number INTEGER PRIMARY KEY,         -- order of writing: siblings are shown in it
    id TEXT NOT NULL UNIQUE,
    chat_id TEXT NOT NULL REFERENCES chat (id) ON DELETE CASCADE,
    parent_id TEXT REFERENCES message (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    thinking TEXT NOT NULL,
    thinking_s REAL NOT NULL,
    status TEXT NOT NULL,
    stop TEXT NOT NULL,
    model TEXT NOT NULL,
    effort TEXT NOT NULL,
    created TEXT NOT NULL,
    statistics TEXT                     -- JSON
);
CREATE INDEX message_chat ON message (chat_id);
CREATE INDEX message_parent ON message (parent_id);
CREATE INDEX message_streaming ON message (status) WHERE status = 'streaming';

CREATE TABLE attachment (
    message_id TEXT NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (message_id, place)
);

-- Words of titles and messages, kept in step by triggers (https://sqlite.org/fts5.html, 4.4.3).
CREATE VIRTUAL TABLE title_words USING fts5 (
    title, content = 'chat', content_rowid = 'number', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TRIGGER chat_added AFTER INSERT ON chat BEGIN
    INSERT INTO title_words (rowid, title) VALUES (new.number, new.title);
END;
CREATE TRIGGER chat_renamed AFTER UPDATE OF title ON chat WHEN old.title IS NOT new.title BEGIN
    INSERT INTO title_words (title_words, rowid, title)
        VALUES ('delete', old.number, old.title);
    INSERT INTO title_words (rowid, title) VALUES (new.number, new.title);
END;
CREATE TRIGGER chat_removed AFTER DELETE ON chat BEGIN
    INSERT INTO title_words (title_words, rowid, title)
        VALUES ('delete', old.number, old.title);
END;
CREATE VIRTUAL TABLE message_words USING fts5 (
    text, content = 'message', content_rowid = 'number', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TRIGGER message_added AFTER INSERT ON message BEGIN
    INSERT INTO message_words (rowid, text) VALUES (new.number, new.text);
END;
CREATE TRIGGER message_changed AFTER UPDATE OF text ON message WHEN old.text IS NOT new.text BEGIN
    INSERT INTO message_words (message_words, rowid, text)
        VALUES ('delete', old.number, old.text);
    INSERT INTO message_words (rowid, text) VALUES (new.number, new.text);
END;
CREATE TRIGGER message_removed AFTER DELETE ON message BEGIN
    INSERT INTO message_words (message_words, rowid, text)
        VALUES ('delete', old.number, old.text);
END;
"""

_DRAFT = """
CREATE TABLE draft_attachment (         -- documents of the question that is being written
    place INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    text TEXT NOT NULL
);
"""

_DOCUMENTS = """
ALTER TABLE attachment ADD COLUMN digest TEXT NOT NULL DEFAULT '';     -- of the file that is kept
ALTER TABLE attachment ADD COLUMN outline TEXT NOT NULL DEFAULT '';    -- JSON: where pages end
ALTER TABLE draft_attachment ADD COLUMN digest TEXT NOT NULL DEFAULT '';
ALTER TABLE draft_attachment ADD COLUMN outline TEXT NOT NULL DEFAULT '';
ALTER TABLE message ADD COLUMN reading TEXT;                           -- JSON: what was given
"""

STEPS: tuple[str, ...] = (_FIRST, _DRAFT, _DOCUMENTS)
VERSION = len(STEPS)
WORD_INDEXES = ("title_words", "message_words")


def version_of(connection: sqlite3.Connection) -> int:
    """The schema version of a database; 0 is an empty one."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def migrate(connection: sqlite3.Connection) -> None:
    """Takes the schema to `VERSION`. A crash or error leaves it at the step before."""
    for version in range(version_of(connection), VERSION):
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE; {STEPS[version]} PRAGMA user_version = {version + 1}; COMMIT;"
            )
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
