from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from app.chats.models import Chat, SearchHit, new_id
from app.widgets.chat_rows import Row, group
from app.widgets.sidebar import Sidebar

Key = Qt.Key


def chat(title: str, updated: datetime) -> Chat:
    return Chat(new_id(), title, updated, updated)


def noon(days_ago: int) -> datetime:
    return datetime.now().astimezone().replace(hour=12, minute=0) - timedelta(days=days_ago)


@pytest.fixture
def chats() -> list[Chat]:
    return [
        chat("Bees", noon(0)),
        chat("Mutes", noon(0)),
        chat("Lisbon", noon(1)),
        chat("Old", noon(9)),
    ]


@pytest.fixture
def sidebar(qtbot: QtBot, chats: list[Chat]) -> Sidebar:
    made = Sidebar()
    qtbot.addWidget(made)
    made.resize(240, 600)
    made.set_chats(chats)
    made.show()
    return made


@pytest.fixture
def place(sidebar: Sidebar) -> Callable[[str], QPoint]:
    """Where the row with a title is."""

    def find(title: str) -> QPoint:
        rows = sidebar.list.model()
        for number in range(rows.rowCount()):
            index = rows.index(number, 0)
            if index.data() == title:
                return sidebar.list.visualRect(index).center()
        raise AssertionError(f"no row {title}")

    return find


def titles(sidebar: Sidebar) -> list[str]:
    rows = sidebar.list.model()
    return [rows.index(number, 0).data() for number in range(rows.rowCount())]


def test_chats_are_grouped_by_the_day_of_the_persons_own_clock() -> None:
    today = date(2026, 3, 1)
    moments = [
        datetime(2026, 3, 1, 0, 1).astimezone(),
        datetime(2026, 2, 28, 23, 59).astimezone(),
        datetime(2026, 2, 27, 23, 59).astimezone(),
        datetime(2024, 1, 1, tzinfo=UTC),
    ]
    rows = group([chat(str(number), moment) for number, moment in enumerate(moments)], today)
    assert [row.text for row in rows] == ["Today", "0", "Yesterday", "1", "Earlier", "2", "3"]
    assert rows[0] == Row("Today")


def test_a_click_chooses_a_chat_and_headings_cannot_be_chosen(
    qtbot: QtBot, sidebar: Sidebar, chats: list[Chat], place: Callable[[str], QPoint]
) -> None:
    chosen: list[str] = []
    sidebar.list.chosen.connect(lambda chat_id, _: chosen.append(chat_id))
    for title in ("Lisbon", "Earlier", "Old"):
        qtbot.mouseClick(sidebar.list.viewport(), Qt.MouseButton.LeftButton, pos=place(title))
    assert chosen == [chats[2].id, chats[3].id]


def test_arrow_keys_step_over_headings(qtbot: QtBot, sidebar: Sidebar, chats: list[Chat]) -> None:
    chosen: list[str] = []
    sidebar.list.chosen.connect(lambda chat_id, _: chosen.append(chat_id))
    sidebar.list.set_current(chats[0].id)
    sidebar.list.setFocus()
    for _ in range(2):
        qtbot.keyClick(sidebar.list, Key.Key_Down)
    assert chosen == [chats[1].id, chats[2].id]


def test_new_rows_keep_the_choice_and_tell_nobody(sidebar: Sidebar, chats: list[Chat]) -> None:
    chosen: list[str] = []
    sidebar.list.chosen.connect(lambda chat_id, _: chosen.append(chat_id))
    sidebar.list.set_current(chats[2].id)
    sidebar.set_chats([chats[2], *chats[:2]])
    assert chosen == []
    assert sidebar.list.currentIndex().data() == "Lisbon"


def test_a_double_click_renames_in_place(
    qtbot: QtBot, sidebar: Sidebar, chats: list[Chat], place: Callable[[str], QPoint]
) -> None:
    named: list[tuple[str, str]] = []
    sidebar.list.rename_requested.connect(lambda chat_id, title: named.append((chat_id, title)))
    viewport, button = sidebar.list.viewport(), Qt.MouseButton.LeftButton
    qtbot.mouseClick(viewport, button, pos=place("Mutes"))
    qtbot.mouseDClick(viewport, button, pos=place("Mutes"))
    field = sidebar.list.findChild(QLineEdit)
    assert isinstance(field, QLineEdit)
    assert field.accessibleName()
    field.setText("  Violin   mutes ")
    qtbot.keyClick(field, Key.Key_Return)
    qtbot.waitUntil(lambda: named == [(chats[1].id, "Violin mutes")], timeout=2000)


def test_an_emptied_name_renames_nothing(qtbot: QtBot, sidebar: Sidebar, chats: list[Chat]) -> None:
    named: list[str] = []
    sidebar.list.rename_requested.connect(lambda chat_id, _: named.append(chat_id))
    sidebar.list.rename(chats[0].id)
    field = sidebar.list.findChild(QLineEdit)
    assert isinstance(field, QLineEdit)
    field.setText(" ")
    qtbot.keyClick(field, Key.Key_Return)
    qtbot.waitUntil(lambda: not sidebar.list.is_editing, timeout=2000)
    assert named == []


def test_chats_that_change_meanwhile_do_not_end_a_renaming(
    qtbot: QtBot, sidebar: Sidebar, chats: list[Chat]
) -> None:
    sidebar.list.rename(chats[0].id)
    field = sidebar.list.findChild(QLineEdit)
    assert isinstance(field, QLineEdit)
    sidebar.set_chats(chats[:2])
    assert field.isVisible()
    qtbot.keyClick(field, Key.Key_Escape)
    qtbot.waitUntil(lambda: titles(sidebar) == ["Today", "Bees", "Mutes"], timeout=2000)


def test_delete_asks_for_the_chosen_chat(qtbot: QtBot, sidebar: Sidebar, chats: list[Chat]) -> None:
    sidebar.list.set_current(chats[1].id)
    with qtbot.waitSignal(sidebar.list.delete_requested, timeout=1000) as asked:
        qtbot.keyClick(sidebar.list, Key.Key_Delete)
    assert asked.args == [chats[1].id]


def test_a_search_shows_what_was_found_and_escape_ends_it(
    qtbot: QtBot, sidebar: Sidebar, chats: list[Chat]
) -> None:
    with qtbot.waitSignal(sidebar.search_changed, timeout=2000) as asked:
        qtbot.keyClicks(sidebar.search, "honey")
    assert asked.args == ["honey"]
    sidebar.show_hits("hon", [SearchHit(chats[3], None, "")])  # an answer that comes too late
    assert "Today" in titles(sidebar)
    sidebar.show_hits("honey", [SearchHit(chats[0], "1", "… eats honey …")])
    assert titles(sidebar) == ["Bees"]
    sidebar.show_hits("honey", [])
    assert sidebar.empty.isVisible()
    with qtbot.waitSignal(sidebar.left, timeout=1000):
        qtbot.keyClick(sidebar.search, Key.Key_Escape)
    sidebar.show_hits("", [])  # what nothing found is nothing to show
    assert "Today" in titles(sidebar)
    assert not sidebar.empty.isVisible()


def test_the_list_is_painted_in_every_state(sidebar: Sidebar, chats: list[Chat]) -> None:
    sidebar.search.setText("x")
    sidebar.show_hits("x", [SearchHit(chats[0], "1", "words around x")])
    sidebar.list.set_current(chats[0].id)
    QApplication.processEvents()
    assert not sidebar.grab().isNull()
