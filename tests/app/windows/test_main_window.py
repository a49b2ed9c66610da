"""The window as a Mac user and a screen reader meet it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import (
    QAccessible,
    QDragEnterEvent,
    QDropEvent,
    QFileOpenEvent,
    QKeySequence,
)
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QWidget
from pytestqt.qtbot import QtBot

from app import paths
from app.desktop import Application, Desktop
from app.problem import Problem
from app.theme import DARK, LIGHT
from app.widgets.model_menu import UNKNOWN
from app.widgets.segments import Segments
from app.windows.get_model_sheet import GetModelSheet
from app.windows.main_window import MainWindow
from app.windows.settings_window import SettingsWindow
from tests.app.windows.conftest import MakePerson, Person


def focusable(window: QWidget) -> list[QWidget]:
    return [
        widget
        for widget in window.findChildren(QWidget)
        if widget.isVisible()
        and widget.isEnabled()
        and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.focusProxy() is None
    ]


def page_colour(window: MainWindow) -> str:
    """What is really painted between the header and the conversation's words."""
    QApplication.processEvents()
    image = window.grab().toImage()
    return image.pixelColor(image.width() - 4, image.height() // 2).name()


def test_everything_that_takes_the_focus_has_a_name(person: Person) -> None:
    person.ask("a question")
    person.app.window.banner.show_problem(Problem("A problem.", "A way out", "choose_model"))
    for widget in focusable(person.app.window):
        spoken = QAccessible.queryAccessibleInterface(widget)
        assert spoken is not None
        name = spoken.text(QAccessible.Text.Name)
        assert name, f"{type(widget).__name__} {widget.objectName()} has no name"


def test_tab_reaches_every_control(person: Person) -> None:
    window = person.app.window
    person.ask("a question")
    window.composer.set_text("so that Send can be pressed")
    wanted = set(focusable(window))
    reached: set[QWidget] = set()
    window.composer.field.setFocus()
    for _ in range(3 * len(wanted)):
        QApplication.sendPostedEvents()
        focused = QApplication.focusWidget()
        assert focused is not None
        if focused in reached and focused is window.composer.field:
            break
        reached.add(focused)
        person.qtbot.keyClick(focused, Qt.Key.Key_Tab)
    missed = [f"{type(w).__name__} {w.accessibleName()}" for w in wanted - reached]
    assert missed == []


def test_light_and_dark_follow_the_setting_and_the_system_at_once(make_person: MakePerson) -> None:
    system = {"dark": False}
    app = make_person(is_dark=lambda: system["dark"]).app

    def page() -> str:
        return page_colour(app.window)

    assert page() == LIGHT.page
    app.settings.update(appearance="dark")
    assert page() == DARK.page
    app.settings.update(appearance="system")
    assert page() == LIGHT.page
    system["dark"] = True
    app.appearance.refresh()
    assert page() == DARK.page


def test_a_narrow_window_folds_the_sidebar_and_a_wide_one_brings_it_back(
    person: Person,
) -> None:
    window = person.app.window
    person.app.settings.update(reduce_motion=True)

    def sidebar_is(is_open: bool) -> Callable[[], bool]:
        return lambda: window.sidebar_is_open is is_open

    for width, is_open in ((1000, True), (500, False), (1000, True)):
        window.resize(width, 700)
        person.sees(sidebar_is(is_open))
        assert window.header.new_chat.isVisible() is not is_open
    for is_open in (False, True):
        person.press("Meta+Ctrl+S")
        person.sees(sidebar_is(is_open))


def test_a_sidebar_opened_in_a_narrow_window_stays_while_one_writes(person: Person) -> None:
    window = person.app.window
    person.app.settings.update(reduce_motion=True)
    window.resize(500, 700)
    person.sees(lambda: not window.sidebar_is_open)
    person.press("Meta+Ctrl+S")
    person.sees(lambda: window.sidebar_is_open)
    person.app.settings.update(draft="half a thought")
    assert window.sidebar_is_open


def drop(window: QWidget, *paths: Path) -> None:
    files = QMimeData()
    files.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    action, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(
        window, QDragEnterEvent(QPointF(50, 50).toPoint(), action, files, button, none)
    )
    assert window.drop_target.isVisible()  # type: ignore[attr-defined]
    QApplication.sendEvent(window, QDropEvent(QPointF(50, 50), action, files, button, none))
    assert not window.drop_target.isVisible()  # type: ignore[attr-defined]


def test_a_dropped_text_is_attached_and_what_cannot_be_read_is_said(
    person: Person, tmp_path: Path
) -> None:
    window = person.app.window
    notes, picture = tmp_path / "notes.txt", tmp_path / "picture.png"
    notes.write_text("a line\n", encoding="utf-8")
    picture.write_bytes(b"\x89PNG\0\0")
    drop(window, notes)
    person.sees(lambda: len(window.composer.attachments.attachments) == 1)
    assert window.composer.attachments.attachments[0].text == "a line\n"
    assert "guide can’t read" in window.composer.forecast.text()
    drop(window, picture)
    person.sees(lambda: "picture.png" in window.banner.text)
    assert len(window.composer.attachments.attachments) == 1


def test_a_drag_without_files_is_not_taken(person: Person) -> None:
    words = QMimeData()
    words.setText("words")
    event = QDragEnterEvent(
        QPointF(50, 50).toPoint(),
        Qt.DropAction.CopyAction,
        words,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    event.ignore()
    QApplication.sendEvent(person.app.window, event)
    assert not event.isAccepted()
    assert not person.app.window.drop_target.isVisible()


def test_files_from_the_dock_wait_until_the_window_is_ready(
    qapp: Application, tmp_path: Path
) -> None:
    desktop = Desktop(qapp, is_mac=True)
    opened: list[list[Path]] = []
    desktop.files_opened.connect(opened.append)
    for name in ("a.txt", "b.txt"):
        QApplication.sendEvent(qapp, QFileOpenEvent(QUrl.fromLocalFile(str(tmp_path / name))))
    assert opened == []
    desktop.deliver_files()
    assert opened == [[tmp_path / "a.txt", tmp_path / "b.txt"]]
    QApplication.sendEvent(qapp, QFileOpenEvent(QUrl.fromLocalFile(str(tmp_path / "c.txt"))))
    assert opened[-1] == [tmp_path / "c.txt"]


@pytest.mark.parametrize("is_mac", [True, False])
def test_closing_the_window_quits_everywhere_but_on_a_mac(qapp: Application, is_mac: bool) -> None:
    Desktop(qapp, is_mac=is_mac)
    try:
        assert qapp.quitOnLastWindowClosed() is not is_mac
    finally:
        qapp.setQuitOnLastWindowClosed(False)


def test_a_closed_window_comes_back_with_everything_in_it(person: Person) -> None:
    person.ask("a question")
    person.press("Ctrl+W")
    assert not person.app.window.isVisible()
    person.app.raise_window()
    assert person.app.window.isVisible()
    assert person.texts == ["a question", "You said: a question"]
    assert person.ask("another").message.text


def test_a_model_that_is_missing_is_explained_in_a_sheet(person: Person) -> None:
    person.app.window.menus.get_model.trigger()
    sheet = person.app.window.findChild(GetModelSheet)
    assert isinstance(sheet, GetModelSheet)
    assert sheet.isVisible()
    assert sheet.isModal()
    sheet.accept()
    person.sees(lambda: person.app.picker.sheet is None)


def test_settings_hold_at_once(person: Person, qtbot: QtBot) -> None:
    person.press("Ctrl+,")
    window = person.app.settings_window
    assert window is not None
    assert window.isVisible()
    window.numbers["temperature"].slider.setValue(0)
    window.appearance.chosen.emit("dark")
    assert person.app.settings.value.temperature == 0.0
    assert page_colour(person.app.window) == DARK.page
    window.activateWindow()
    person.sees(lambda: QApplication.activeWindow() is window)
    QTest.keySequence(window.windowHandle(), QKeySequence("Ctrl+W"))
    assert not window.isVisible()
    assert person.app.window.isVisible()


def test_what_was_read_of_documents_goes_when_it_is_no_longer_to_be_kept(person: Person) -> None:
    person.sees(lambda: person.app.engine.model is not None)
    folder = paths.states_directory()
    folder.mkdir(parents=True)
    person.app.settings.update(keeps_documents=True, text_size=16)
    assert folder.exists()
    person.app.settings.update(keeps_documents=False)
    assert not folder.exists()
    person.sees(lambda: person.app.engine.model is not None)


def test_no_heavy_package_is_imported_before_the_first_paint() -> None:
    heavy = ("mlx", "numpy", "ziamath", "pygments", "tiktoken", "safetensors", "asyncio")
    code = f"import sys, app.application; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_typing_goes_to_the_composer_from_wherever_no_text_is_written(person: Person) -> None:
    person.ask("a question")
    window = person.app.window
    window.banner.show_problem(Problem("A problem.", "A way out", "choose_model"))
    window.notice.say("Chat deleted", "Undo")
    fields = (window.sidebar.search, window.composer.field)
    places = [
        widget
        for widget in window.findChildren(QWidget)
        if widget.isVisible()
        and widget.isEnabled()
        and widget.focusPolicy() != Qt.FocusPolicy.NoFocus
        and widget not in fields
    ]
    assert len(places) > 12
    for widget in places:
        window.composer.clear()
        widget.setFocus()
        person.sees(widget.hasFocus)
        person.type("Now")
        assert window.composer.text == "Now", widget
        assert window.composer.field.hasFocus()


def test_a_click_on_a_control_leaves_the_keyboard_in_the_composer(person: Person) -> None:
    window = person.app.window
    person.type("my ")
    for control in (window.composer.effort, window.header.toggle_sidebar, window.composer.send):
        person.qtbot.mouseClick(control, Qt.MouseButton.LeftButton)
        assert window.composer.field.hasFocus()


def test_words_are_pasted_into_the_composer_from_wherever_no_text_is_written(
    person: Person,
) -> None:
    person.ask("a question")
    QApplication.clipboard().setText("words")
    person.app.window.transcript.setFocus()
    person.press("Ctrl+V")
    assert person.app.window.composer.text == "words"


def test_escape_leaves_the_search_and_does_not_stop_the_answer(person: Person) -> None:
    window = person.app.window
    stopped: list[bool] = []
    window.menus.stop.triggered.connect(lambda: stopped.append(True))
    window.menus.set_busy(True)
    person.press("Ctrl+F")
    person.type("mute")
    person.press("Esc")
    assert window.sidebar.search.text() == ""
    assert window.composer.field.hasFocus()
    assert stopped == []
    person.press("Esc")
    assert stopped == [True]


def test_the_conversation_begins_right_under_the_header(person: Person) -> None:
    person.ask("a question")
    window = person.app.window
    foot = window.header.mapTo(window, window.header.rect().bottomLeft())

    def top() -> int:
        return window.transcript.mapTo(window, QPoint(0, 0)).y()

    assert top() == foot.y() + 1
    window.banner.show_problem(Problem("A problem."))
    person.sees(lambda: top() > foot.y() + 1)


def test_nothing_moves_by_itself_where_motion_is_reduced(person: Person) -> None:
    window = person.app.window
    person.app.settings.update(reduce_motion=True)
    person.press("Meta+Ctrl+S")
    assert window.fold.maximumWidth() == 0
    person.press("Meta+Ctrl+S")
    assert window.fold.maximumWidth() == window.sidebar.width()
    effort = window.composer.effort
    effort.choose(2)
    chosen = effort.grab().toImage()
    person.qtbot.wait(200)
    assert effort.grab().toImage() == chosen
    person.app.settings.update(reduce_motion=False)
    effort.choose(0)
    begun = effort.grab().toImage()
    person.sees(lambda: effort.grab().toImage() != begun)


def test_page_keys_turn_the_conversation_while_the_composer_has_the_focus(person: Person) -> None:
    for _ in range(3):
        person.ask("a question")
    window = person.app.window
    window.resize(700, 420)
    bar = window.transcript.verticalScrollBar()
    person.app.settings.update(text_size=24)
    person.sees(lambda: bar.maximum() > 0 and bar.value() == bar.maximum())
    person.press("PgUp")
    assert bar.value() < bar.maximum()
    up = bar.value()
    person.press("PgDown")
    assert bar.value() > up
    assert window.composer.field.hasFocus()
    window.transcript.setFocus()
    person.press("Home")
    assert bar.value() == 0
    person.press("Space")
    assert bar.value() > 0
    person.press("Shift+Space")
    assert bar.value() == 0
    person.press("End")
    assert bar.value() == bar.maximum()


@pytest.mark.parametrize(
    "make",
    [SettingsWindow, lambda window: GetModelSheet(UNKNOWN[1], window)],
    ids=["settings", "get"],
)
def test_everything_in_a_dialog_has_a_name_and_is_reached_with_tab(
    person: Person, make: Callable[[QWidget], QDialog]
) -> None:
    dialog = make(person.app.window)
    with person.qtbot.waitActive(dialog):
        dialog.show()
    person.sees(lambda: dialog.focusWidget() is QApplication.focusWidget())
    wanted, reached = set(focusable(dialog)), set[QWidget]()
    assert len(wanted) > 3
    for _ in range(2 * len(wanted)):
        focused = QApplication.focusWidget()
        assert focused is not None
        reached.add(focused)
        person.qtbot.keyClick(focused, Qt.Key.Key_Tab)
    missed = [w for w in wanted - reached if not isinstance(w.parent(), Segments)]  # arrow keys
    assert missed == []
    for widget in wanted:
        spoken = QAccessible.queryAccessibleInterface(widget)
        assert spoken is not None
        assert spoken.text(QAccessible.Text.Name), widget
    dialog.close()
