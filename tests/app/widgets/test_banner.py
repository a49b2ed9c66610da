from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from app.problem import Problem
from app.widgets.banner import Banner
from app.widgets.notice import Notice

LOST = Problem("The engine ended.", "Start again", "restart_engine", topic="engine")
FULL = Problem("The disk is full.", "Try again", "retry_save", topic="storage")


def test_the_latest_problem_shows_and_the_older_one_comes_back(qtbot: QtBot) -> None:
    banner = Banner()
    qtbot.addWidget(banner)
    banner.show_problem(LOST)
    banner.show_problem(FULL)
    assert banner.text == "The disk is full."
    banner.solve("storage")
    assert (banner.text, banner.action.text()) == ("The engine ended.", "Start again")
    banner.solve("storage")  # of nothing
    banner.solve("engine")
    assert not banner.isVisible()
    assert banner.text == ""


def test_a_newer_problem_of_a_topic_replaces_the_older(qtbot: QtBot) -> None:
    banner = Banner()
    qtbot.addWidget(banner)
    banner.show_problem(LOST)
    banner.show_problem(Problem("It ended again.", topic="engine"))
    assert banner.text == "It ended again."
    assert not banner.action.isVisibleTo(banner)
    banner.solve("engine")
    assert banner.text == ""


def test_the_way_out_is_told_by_its_key_and_closes_the_banner(qtbot: QtBot) -> None:
    banner = Banner()
    qtbot.addWidget(banner)
    banner.show_problem(FULL)
    with qtbot.waitSignal(banner.action_requested, timeout=1000) as asked:
        banner.action.click()
    assert asked.args == ["retry_save"]
    assert banner.text == ""


def test_a_banner_can_be_dismissed_and_shows_text_literally(qtbot: QtBot) -> None:
    banner = Banner()
    qtbot.addWidget(banner)
    banner.show_problem(Problem("No model at <b>/x</b>."))
    assert banner.text == "No model at <b>/x</b>."
    banner.close_button.click()
    assert banner.text == ""


def test_a_notice_stands_over_its_place_and_can_be_acted_on(qtbot: QtBot) -> None:
    page = QWidget()
    qtbot.addWidget(page)
    page.resize(600, 400)
    notice = Notice(page)
    notice.place_above(QPoint(300, 350))
    page.show()
    notice.say("Chat deleted", "Undo")
    assert notice.isVisible()
    assert notice.geometry().bottom() == 349
    assert abs(notice.geometry().center().x() - 300) <= 1
    with qtbot.waitSignal(notice.acted, timeout=1000):
        notice.action.click()
    assert not notice.isVisible()


def test_the_way_out_goes_below_the_words_where_it_would_take_their_room(qtbot: QtBot) -> None:
    banner = Banner()
    qtbot.addWidget(banner)
    banner.show_problem(Problem("The model needs more memory than is free.", "Choose another one"))
    words = banner.findChildren(QLabel)[1]
    for width, is_below in ((900, False), (300, True), (900, False)):
        banner.resize(width, 200)
        QApplication.processEvents()
        assert (banner.action.y() > words.geometry().bottom()) is is_below
        assert banner.action.visibleRegion().boundingRect().size() == banner.action.size()


def test_a_notice_stays_while_the_keyboard_is_on_its_button(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    notice = Notice(window)
    with qtbot.waitActive(window):
        window.show()
    notice.say("Chat deleted", "Undo")
    notice.action.setFocus()
    notice._leave.timeout.emit()
    assert notice.isVisible()
    notice.action.clearFocus()
    notice._leave.timeout.emit()
    assert not notice.isVisible()
