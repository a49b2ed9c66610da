"""Chats as a person keeps them: found, renamed, deleted and taken back, exported, remembered."""

import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit
from pytestqt.qtbot import QtBot

from app.theme import GRID
from app.widgets.chat_rows import ChatRows
from app.windows.chat_actions import file_name
from tests.app.windows.conftest import MakePerson, Person


def titles(person: Person) -> list[str]:
    rows = person.app.window.sidebar.list.model()
    all_rows = [rows.index(number, 0).data() for number in range(rows.rowCount())]
    return [row for row in all_rows if row not in ("Today", "Yesterday", "Earlier")]


@pytest.fixture
def two_chats(person: Person) -> Person:
    person.ask("bees make honey")
    person.press("Ctrl+N")
    person.ask("mutes make quiet")
    person.sees(lambda: titles(person) == ["mutes make quiet", "bees make honey"])
    return person


def test_a_deleted_chat_leaves_at_once_and_undo_brings_it_back(two_chats: Person) -> None:
    person, window = two_chats, two_chats.app.window
    person.press("Ctrl+Backspace")
    person.sees(lambda: titles(person) == ["bees make honey"])
    assert window.empty_state.isVisible()
    assert window.notice.isVisible()
    person.qtbot.mouseClick(window.notice.action, Qt.MouseButton.LeftButton)
    person.sees(lambda: len(titles(person)) == 2)
    person.sees(lambda: person.texts == ["mutes make quiet", "You said: mutes make quiet"])
    assert not window.notice.isVisible()
    assert QApplication.focusWidget() is window.composer.field


def test_undo_brings_back_every_chat_that_its_notice_names(two_chats: Person) -> None:
    person, window = two_chats, two_chats.app.window
    rows = window.sidebar.list.model()
    assert isinstance(rows, ChatRows)
    chats = [rows.row(rows.index(number)).chat for number in (1, 2)]  # below their heading
    for chat in chats:
        assert chat is not None
        window.sidebar.list.delete_requested.emit(chat.id)
    person.sees(lambda: titles(person) == [])
    assert window.notice.text == "2 chats deleted"
    person.qtbot.mouseClick(window.notice.action, Qt.MouseButton.LeftButton)
    person.sees(lambda: titles(person) == ["mutes make quiet", "bees make honey"])
    person.press("Ctrl+Backspace")
    assert window.notice.text == "Chat deleted"
    window.notice.hide()
    person.sees(lambda: len(titles(person)) == 1)


def test_deleting_a_chat_leaves_the_answer_in_another_alone(two_chats: Person) -> None:
    person, window = two_chats, two_chats.app.window
    rows = window.sidebar.list.model()
    assert isinstance(rows, ChatRows)
    bees = rows.row(rows.index(2)).chat
    assert bees is not None
    person.type("forever")
    person.press("Return")
    person.sees(lambda: person.app.conversation.is_busy)
    window.sidebar.list.chosen.emit(bees.id, "")
    person.sees(lambda: person.texts[:1] == ["bees make honey"])
    person.press("Ctrl+Backspace")
    person.sees(lambda: titles(person) == ["mutes make quiet"])
    assert person.app.conversation.is_busy
    person.press("Ctrl+.")
    person.sees(lambda: not person.app.conversation.is_busy)


def test_what_was_deleted_stays_deleted_after_a_restart(
    two_chats: Person, make_person: MakePerson, qtbot: QtBot
) -> None:
    two_chats.press("Ctrl+Backspace")
    two_chats.sees(lambda: titles(two_chats) == ["bees make honey"])
    two_chats.quit()
    again = make_person()
    again.sees(lambda: titles(again) == ["bees make honey"])


def test_a_chat_is_renamed_from_the_menu_and_the_title_follows(two_chats: Person) -> None:
    person, window = two_chats, two_chats.app.window
    window.menus.rename_chat.trigger()
    field = window.sidebar.list.findChild(QLineEdit)
    assert isinstance(field, QLineEdit)
    field.setText("Silence")
    person.qtbot.keyClick(field, Qt.Key.Key_Return)
    person.sees(lambda: window.windowTitle() == "Silence")
    person.sees(lambda: titles(person) == ["Silence", "bees make honey"])


def test_a_search_finds_words_in_chats_and_opens_the_one_that_is_chosen(
    two_chats: Person,
) -> None:
    person, window = two_chats, two_chats.app.window
    person.press("Ctrl+F")
    assert QApplication.focusWidget() is window.sidebar.search
    person.type("honey")
    person.sees(lambda: titles(person) == ["bees make honey"])
    person.press("Down")
    person.press("Down")
    person.sees(lambda: person.texts[:1] == ["bees make honey"])
    person.press("Return")
    assert QApplication.focusWidget() is window.composer.field
    person.press("Ctrl+F")
    person.press("Esc")
    person.sees(lambda: len(titles(person)) == 2)
    assert QApplication.focusWidget() is window.composer.field


def test_a_search_leads_to_the_branch_that_has_the_words(two_chats: Person) -> None:
    person, window = two_chats, two_chats.app.window
    question = person.shown[0].message.id
    window.transcript.edit_submitted.emit(question, "violins sing")
    person.sees(lambda: person.texts == ["violins sing", "You said: violins sing"])
    person.sees(lambda: not person.app.conversation.is_busy)
    window.transcript.branch_requested.emit(person.shown[0].message.id, -1)
    assert person.texts[0] == "mutes make quiet"
    person.press("Ctrl+F")
    person.type("violins")
    person.sees(lambda: titles(person) == ["mutes make quiet"])
    person.press("Down")
    person.press("Return")  # the chat itself is on view already
    person.sees(lambda: person.texts == ["violins sing", "You said: violins sing"])


def test_a_chat_is_exported_as_markdown(two_chats: Person, tmp_path: Path) -> None:
    person, window = two_chats, two_chats.app.window
    window.menus.export.trigger()
    dialog = window.findChild(QFileDialog)
    assert isinstance(dialog, QFileDialog)
    target = tmp_path / "kept.md"
    dialog.fileSelected.emit(str(target))
    dialog.close()
    person.sees(lambda: window.notice.text == "Saved as kept.md")
    assert "mutes make quiet" in target.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("title", "name"),
    [("Why? a/b: c", "Why a b c"), ("../../etc", "etc"), ("…", "Chat"), ("Été 1", "Été 1")],
)
def test_a_title_becomes_a_file_name_that_any_disk_takes(title: str, name: str) -> None:
    assert file_name(title) == name


def test_draft_sidebar_text_size_and_place_are_found_again(
    make_person: MakePerson, qtbot: QtBot, tmp_path: Path
) -> None:
    first = make_person()
    first.app.window.resize(700, 600)
    (tmp_path / "notes.txt").write_text("a line\n")
    first.app.open_files([tmp_path / "notes.txt"])
    first.sees(lambda: bool(first.app.window.composer.attachments.attachments))
    first.type("half a thought")
    first.app.window.menus.sidebar.trigger()
    first.app.window.menus.larger.trigger()
    first.quit()
    second = make_person().app
    assert second.window.composer.text == "half a thought"
    documents = second.window.composer.attachments
    qtbot.waitUntil(lambda: bool(documents.attachments))
    assert [document.text for document in documents.attachments] == ["a line\n"]
    assert second.window.size().width() == 700
    assert not second.window.sidebar_is_open
    assert second.settings.value.text_size == 16
    second.window.menus.actual_size.trigger()
    assert second.settings.value.text_size == 15


def test_a_draft_stays_on_the_disk_until_that_has_the_question(person: Person) -> None:
    app, disk = person.app, threading.Event()
    person.type("a question")
    app.draft.keep()
    app.library._write(lambda store: disk.wait(60))
    person.press("Return")
    assert app.window.composer.text == "" and app.conversation.is_busy
    app.draft.keep()
    assert app.settings.value.draft == "a question"
    disk.set()
    person.sees(lambda: len(person.replies) == 1)
    app.draft.keep()
    assert app.settings.value.draft == ""


def test_a_window_that_was_on_a_screen_that_is_gone_comes_back_onto_one(
    make_person: MakePerson,
) -> None:
    first = make_person()
    first.app.window.move(9000, 9000)
    first.app.window.resize(5000, 4000)
    first.quit()
    window = make_person().app.window
    room = window.screen().availableGeometry().adjusted(-GRID, -GRID, GRID, GRID)
    assert room.contains(window.geometry())
