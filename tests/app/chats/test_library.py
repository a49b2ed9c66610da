"""The chats beside the window: never waiting, never losing, saying what the disk refuses."""

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pytestqt.qtbot import QtBot

from app.chats.library import ChatLibrary
from app.chats.models import Chat, ChatMessage
from app.chats.store import ChatStore
from app.problem import Problem
from tests.app.conftest import full_disk

Make = Callable[..., ChatMessage]
MakeChat = Callable[..., Chat]


def loaded(
    library: ChatLibrary, chat_id: str, qtbot: QtBot
) -> tuple[Chat | None, list[ChatMessage]]:
    answers: list[tuple[Chat | None, list[ChatMessage]]] = []
    library.load(chat_id, lambda chat, messages: answers.append((chat, messages)))
    qtbot.waitUntil(lambda: bool(answers))
    return answers[0]


def test_a_read_after_a_write_sees_it(
    library: ChatLibrary, new_chat: MakeChat, question: Make, qtbot: QtBot
) -> None:
    chat, asked = new_chat(), question("Hi")
    library.put(chat, asked)
    assert loaded(library, chat.id, qtbot) == (chat, [asked])
    assert loaded(library, "none such", qtbot) == (None, [])


def test_saved_is_said_on_the_owners_thread(
    library: ChatLibrary, new_chat: MakeChat, question: Make, qtbot: QtBot
) -> None:
    said: list[tuple[str, threading.Thread]] = []
    library.saved.connect(lambda name: said.append((name, threading.current_thread())))
    asked = question("Hi")
    library.put(new_chat(), asked)
    qtbot.waitUntil(lambda: bool(said))
    assert said == [(asked.id, threading.main_thread())]


def test_the_list_follows_every_change_but_not_every_word(
    library: ChatLibrary, new_chat: MakeChat, question: Make, answer: Make, qtbot: QtBot
) -> None:
    lists: list[list[str]] = []
    library.chats_changed.connect(lambda chats: lists.append([chat.title for chat in chats]))
    chat, asked = new_chat("Bees"), question("Hi")
    reply = answer("", asked.id, status="streaming")
    library.put(chat, asked)
    library.put(chat, reply)
    library.put(chat, replace(reply, text="He"))
    library.rename(chat.id, "Wasps")
    library.delete(chat.id)
    library.restore(chat.id)
    qtbot.waitUntil(lambda: len(lists) == 4)
    assert lists == [["Bees"], ["Wasps"], [], ["Wasps"]]


def test_search_answers_by_signal(
    library: ChatLibrary, new_chat: MakeChat, question: Make, qtbot: QtBot
) -> None:
    library.put(new_chat(), question("How do bees make honey?"))
    with qtbot.waitSignal(library.found) as blocker:
        library.search("honey")
    query, hits = blocker.args
    assert query == "honey" and hits[0].excerpt == "How do bees make honey?"


def test_what_a_full_disk_refuses_is_saved_when_there_is_room_again(
    library: ChatLibrary, new_chat: MakeChat, question: Make, answer: Make, qtbot: QtBot
) -> None:
    chat, first = new_chat(), question("saved before")
    library.put(chat, first)
    assert loaded(library, chat.id, qtbot)[1] == [first]
    second = question("said while it was full " * 1000, first.id)
    reply = answer("", second.id, status="streaming")
    problems: list[Problem] = []
    solved: list[str] = []
    library.problem.connect(problems.append)
    library.problem_solved.connect(solved.append)
    with full_disk():
        library.put(chat, second)
        for words in range(5):
            library.put(chat, replace(reply, text="word " * words))
        assert loaded(library, chat.id, qtbot)[1] == [first]  # reading goes on
        library.retry()
        qtbot.waitUntil(lambda: len(problems) == 2)
    assert problems[0].action_key == "retry_save" and not solved
    with qtbot.waitSignal(library.problem_solved):
        library.retry()
    last = replace(reply, text="word " * 4)
    assert loaded(library, chat.id, qtbot)[1] == [first, second, last]
    assert len(problems) == 2


def test_what_another_program_holds_up_is_saved_when_it_lets_go(
    library: ChatLibrary, database: Path, new_chat: MakeChat, question: Make, qtbot: QtBot
) -> None:
    chat, asked = new_chat(), question("Hi")
    library._write(lambda store: store._connection.execute("PRAGMA busy_timeout = 1"))
    other = sqlite3.connect(database, isolation_level=None)
    loaded(library, chat.id, qtbot)
    other.execute("BEGIN IMMEDIATE")
    with qtbot.waitSignal(library.problem) as blocker:
        library.put(chat, asked)
    assert blocker.args[0].action_key == "retry_save" and "holds the chats" in blocker.args[0].text
    other.execute("ROLLBACK")
    other.close()
    with qtbot.waitSignal(library.saved):
        library.retry()
    assert loaded(library, chat.id, qtbot) == (chat, [asked])


def test_chats_that_opened_for_reading_alone_take_writes_once_they_can(
    database: Path, new_chat: MakeChat, question: Make, qtbot: QtBot
) -> None:
    store = ChatStore(database)
    chat, asked = new_chat(), question("Hi")
    store.put(chat, asked)
    store.close()
    library = ChatLibrary(database)
    with full_disk():
        with qtbot.waitSignal(library.problem) as blocker:
            library.start()
        assert blocker.args[0].action_key == "retry_save"
        with qtbot.waitSignal(library.problem):
            library.retry()
    with qtbot.waitSignal(library.problem_solved):
        library.retry()
    later = question("And now?", asked.id)
    library.put(chat, later)
    assert loaded(library, chat.id, qtbot) == (chat, [asked, later])
    library.close()


def test_what_the_database_never_takes_is_said_and_holds_up_nothing(
    library: ChatLibrary, new_chat: MakeChat, question: Make, qtbot: QtBot
) -> None:
    chat, asked = new_chat(), question("Hi")
    orphan = question("Hi", "no such parent")
    problems: list[Problem] = []
    lost: list[str] = []
    library.problem.connect(problems.append)
    library.lost.connect(lost.append)
    library.put(chat, orphan)
    library.put(chat, asked)
    assert loaded(library, chat.id, qtbot) == (chat, [asked])
    assert lost == [orphan.id]
    assert [problem.action_key for problem in problems] == [None]
    assert "FOREIGN KEY" in problems[0].text


def test_what_waits_for_room_is_tried_once_more_at_the_end(
    library: ChatLibrary, database: Path, new_chat: MakeChat, question: Make, qtbot: QtBot
) -> None:
    chat, asked = new_chat(), question("said while it was full " * 1000)
    with full_disk(), qtbot.waitSignal(library.problem):
        library.put(chat, asked)
    library.close()
    again = ChatLibrary(database)
    again.start()
    assert loaded(again, chat.id, qtbot) == (chat, [asked])
    again.close()


def test_closing_finishes_what_is_queued(
    database: Path, new_chat: MakeChat, question: Make, qtbot: QtBot
) -> None:
    library = ChatLibrary(database)
    library.start()
    chat = new_chat()
    parent: str | None = None
    for number in range(20):
        asked = question(str(number), parent)
        library.put(chat, asked)
        parent = asked.id
    library.close()
    again = ChatLibrary(database)
    again.start()
    assert len(loaded(again, chat.id, qtbot)[1]) == 20
    again.close()


def test_a_newer_database_takes_no_writes_and_says_so(
    database: Path, new_chat: MakeChat, question: Make, qtbot: QtBot
) -> None:
    store = ChatStore(database)
    chat = new_chat()
    store.put(chat, question("Hi"))
    store.close()
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    library = ChatLibrary(database)
    with qtbot.waitSignal(library.problem) as blocker:
        library.start()
    assert "newer" in blocker.args[0].text and blocker.args[0].action_key == "show_data"
    library.rename(chat.id, "Other")
    asked = question("And now?")
    with qtbot.waitSignal(library.lost) as blocker:
        library.put(chat, asked)
    assert blocker.args == [asked.id]
    assert library.read_only and loaded(library, chat.id, qtbot)[0] == chat
    library.close()


def test_export_writes_the_path_on_view(
    library: ChatLibrary,
    tmp_path: Path,
    new_chat: MakeChat,
    question: Make,
    answer: Make,
    qtbot: QtBot,
) -> None:
    asked = question("How?")
    said = answer("So.", asked.id, model="Guide", thinking="secret", status="stopped")
    other = answer("Otherwise.", asked.id)
    chat = new_chat("Bees", leaf_id=said.id)
    library.put(chat, asked, said, other)
    target = tmp_path / "bees.md"
    done: list[bool] = []
    library.export_markdown(chat.id, target, lambda: done.append(True))
    qtbot.waitUntil(lambda: bool(done))
    text = target.read_text(encoding="utf-8")
    assert text.startswith("# Bees\n") and "## You\n\nHow?" in text
    assert "## Guide\n\nSo.\n\n*Stopped here.*" in text
    assert "Otherwise" not in text and "secret" not in text
    with qtbot.waitSignal(library.problem) as blocker:
        library.export_markdown(chat.id, tmp_path / "no" / "folder.md", lambda: None)
    assert "can’t be written" in blocker.args[0].text


def test_an_export_that_fails_leaves_the_older_one(
    library: ChatLibrary, new_chat: MakeChat, question: Make, qtbot: QtBot, tmp_path: Path
) -> None:
    asked = question("long " * 2000)
    chat = new_chat("Bees", leaf_id=asked.id)
    library.put(chat, asked)
    loaded(library, chat.id, qtbot)
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "bees.md").write_text("older")
    with full_disk(), qtbot.waitSignal(library.problem):
        library.export_markdown(chat.id, folder / "bees.md", lambda: None)
    (left,) = folder.iterdir()
    assert left.read_text() == "older"


def test_a_slow_disk_holds_up_no_caller(
    library: ChatLibrary, new_chat: MakeChat, question: Make, qtbot: QtBot
) -> None:
    """The store's thread is held, the caller's thread goes on at once."""
    gate = threading.Event()
    was_opened: list[bool] = []
    library._write(lambda store: was_opened.append(gate.wait(30)))
    chat, asked = new_chat(), question("Hi")
    library.put(chat, asked)
    library.search("Hi")
    library.rename(chat.id, "Other")
    gate.set()
    answered = loaded(library, chat.id, qtbot)[0]
    assert answered is not None and answered.title == "Other" and was_opened == [True]


def test_a_chat_that_makes_no_sense_is_said(
    database: Path, new_chat: MakeChat, question: Make, qtbot: QtBot
) -> None:
    store = ChatStore(database)
    store.put(new_chat(), question("Hi"))
    store.close()
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE chat SET created = 'yesterday'")
    connection.close()
    library = ChatLibrary(database)
    with qtbot.waitSignal(library.problem) as blocker:
        library.start()
    assert "yesterday" in blocker.args[0].text and database.name in blocker.args[0].text
    library.close()
