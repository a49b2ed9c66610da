"""Chats come back from SQLite as they were put, and are found."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.chats.models import Attachment, Chat, ChatMessage, Reading, TurnStatistics, now
from app.chats.store import ChatStore
from tests.app.documents.sample import document

Make = Callable[..., ChatMessage]
MakeChat = Callable[..., Chat]


def test_a_message_comes_back_as_it_was_put(
    database: Path, new_chat: MakeChat, question: Make, answer: Make
) -> None:
    report = Attachment.of(document("a.pdf", "one\ntwo", "three"), "/tmp/a.pdf")
    asked = question("Hi", attachments=(report, Attachment("b.txt", "/tmp/b.txt", "b\n")))
    said = answer(
        "Hello",
        asked.id,
        thinking="Greet.",
        thinking_s=1.5,
        status="stopped",
        stop="cancel",
        model="Guide",
        effort="high",
        statistics=TurnStatistics(model="Guide", prompt_tokens=7),
        reading=Reading("search", ((0, ((0, 1), (2, 2))),)),
    )
    chat = new_chat(effort="high", model="Guide", leaf_id=said.id)
    store = ChatStore(database)
    store.put(chat, asked, said)
    store.close()
    again = ChatStore(database)
    assert again.chats() == [chat]
    assert again.chat(chat.id) == chat
    assert again.messages(chat.id) == [asked, said]
    kept = again.messages(chat.id)[0].attachments[0]
    assert [len(page.lines) for page in kept.document.pages] == [2, 1]
    assert again.digests() == {"a.pdf", ""}
    again.close()


def test_the_documents_of_a_draft_come_back_until_others_replace_them(
    database: Path, store: ChatStore
) -> None:
    documents = [Attachment("b.txt", "/b.txt", "b\n"), Attachment("a.txt", "/a.txt", "a\n")]
    store.put_draft_attachments(documents)
    again = ChatStore(database)
    assert again.draft_attachments() == documents
    again.put_draft_attachments(documents[1:])
    assert store.draft_attachments() == documents[1:]
    again.put_draft_attachments([])
    assert store.draft_attachments() == []
    again.close()


@pytest.mark.parametrize(
    "text",
    [
        "e\u0301 is not é",
        "\u202eright to left\u202c שלום",
        "👩\u200d👩\u200d👧\u200d👦",
        "before\0after",
        "漢字かな交じり文",
        "\ufeffwith a mark",
        "a\r\nb\rc",
        "  spaces  \n\n",
    ],
)
def test_text_of_any_script_is_kept_exactly(
    store: ChatStore, new_chat: MakeChat, question: Make, text: str
) -> None:
    chat, asked = new_chat(text), question(text)
    store.put(chat, asked)
    assert store.messages(chat.id)[0].text == text
    assert store.chats()[0].title == text


def test_half_characters_become_replacement_characters(
    store: ChatStore, new_chat: MakeChat, question: Make
) -> None:
    chat = new_chat()
    store.put(chat, question("a\ud83db \ud83d\ude00"))
    assert store.messages(chat.id)[0].text == "a\ufffdb 😀"


def test_putting_a_reply_again_replaces_what_it_said(
    store: ChatStore, new_chat: MakeChat, question: Make, answer: Make
) -> None:
    chat, asked = new_chat(), question("Hi")
    said = answer("He", asked.id, status="streaming")
    store.put(chat, asked, said)
    whole = replace(said, text="Hello", status="complete")
    store.put(chat, whole)
    assert store.messages(chat.id) == [asked, whole]


def test_the_latest_chat_comes_first(store: ChatStore, new_chat: MakeChat, question: Make) -> None:
    old, new = new_chat("old"), new_chat("new")
    store.put(old, question("a"))
    store.put(new, question("b"))
    assert [chat.title for chat in store.chats()] == ["new", "old"]
    store.put(replace(old, updated=now()))
    assert [chat.title for chat in store.chats()] == ["old", "new"]


def test_a_given_title_outlives_later_puts(
    store: ChatStore, new_chat: MakeChat, question: Make
) -> None:
    chat = new_chat("Bees")
    store.put(chat, question("a"))
    store.rename(chat.id, "Wasps")
    store.put(chat, question("b"))
    assert store.chats()[0].title == "Wasps"


def test_a_deleted_chat_can_be_restored_until_the_next_start(
    database: Path, new_chat: MakeChat, question: Make
) -> None:
    chat, asked = new_chat(), question("find me")
    store = ChatStore(database)
    store.put(chat, asked)
    store.delete(chat.id)
    assert store.chats() == [] and store.chat(chat.id) is None and store.search("find") == []
    store.restore(chat.id)
    assert store.chats() == [chat] and store.messages(chat.id) == [asked]
    store.delete(chat.id)
    store.close()
    store = ChatStore(database)
    store.restore(chat.id)
    assert store.chats() == [] and store.messages(chat.id) == []
    store.close()


def test_a_reply_cut_off_by_the_end_of_the_app_is_marked_at_the_next_start(
    database: Path, new_chat: MakeChat, question: Make, answer: Make
) -> None:
    chat, asked = new_chat(), question("Hi")
    store = ChatStore(database)
    store.put(chat, asked, answer("Half a", asked.id, status="streaming"))
    store.close()
    store = ChatStore(database)
    reply = store.messages(chat.id)[1]
    assert (reply.status, reply.text) == ("interrupted", "Half a")
    store.close()


def test_taking_back_the_only_question_takes_the_chat_too(
    store: ChatStore, new_chat: MakeChat, question: Make, answer: Make
) -> None:
    chat, asked = new_chat(), question("far too long")
    store.put(chat, asked, answer("", asked.id))
    store.take_back(chat, asked.id)
    assert store.chats() == [] and store.messages(chat.id) == []


def test_a_write_that_breaks_a_rule_changes_nothing(
    store: ChatStore, new_chat: MakeChat, answer: Make
) -> None:
    chat = new_chat()
    with pytest.raises(sqlite3.IntegrityError):
        store.put(chat, answer("of nobody", "no such parent"))
    assert store.chats() == []


class TestSearch:
    @pytest.fixture(autouse=True)
    def _chats(self, store: ChatStore, new_chat: MakeChat, question: Make) -> None:
        store.put(new_chat("Bees"), question("How do bees make honey?"))
        store.put(new_chat("Résumé"), question('a "quoted" word and C++ code'))

    @pytest.mark.parametrize(
        ("query", "titles"),
        [
            ("honey", ["Bees"]),
            ("HON make", ["Bees"]),
            ("bees", ["Bees"]),
            ("resume", ["Résumé"]),
            ('"quoted"', ["Résumé"]),
            ("honey code", []),
            ("one", []),
            ("", []),
            ("  ", []),
            ('"', []),
            ("*", []),
            ("C++", ["Résumé"]),
            ("NEAR(", []),
            ("\0", []),
            ("\ud800", []),
        ],
    )
    def test_finds_beginnings_of_words(
        self, store: ChatStore, query: str, titles: list[str]
    ) -> None:
        assert [hit.chat.title for hit in store.search(query)] == titles

    def test_follows_changes(self, store: ChatStore) -> None:
        chat = store.search("honey")[0].chat
        (asked,) = store.messages(chat.id)
        store.put(chat, replace(asked, text="How do wasps sting?"))
        store.rename(chat.id, "Wasps")
        assert store.search("honey") == [] and store.search("bees") == []
        assert store.search("sting")[0].excerpt == "How do wasps sting?"
        assert store.search("wasps")[0].message_id is None
