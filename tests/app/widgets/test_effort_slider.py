import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QAccessible, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.widgets.effort_slider import EffortSlider, install_accessible_effort

Key = Qt.Key


@pytest.fixture
def slider(qtbot: QtBot) -> EffortSlider:
    made = EffortSlider()
    made.set_reduced_motion(True)
    qtbot.addWidget(made)
    made.resize(made.sizeHint())
    made.show()
    return made


@pytest.mark.parametrize(
    ("keys", "effort"),
    [
        ([Key.Key_Left], "low"),
        ([Key.Key_Right], "high"),
        ([Key.Key_Right, Key.Key_Right], "high"),
        ([Key.Key_Home, Key.Key_Up], "medium"),
        ([Key.Key_End], "high"),
        ([Key.Key_L], "low"),
        ([Key.Key_H, Key.Key_M], "medium"),
    ],
)
def test_keys_move_between_the_named_stops(
    qtbot: QtBot, slider: EffortSlider, keys: list[Key], effort: str
) -> None:
    for key in keys:
        qtbot.keyClick(slider, key)
    assert slider.effort == effort


def test_a_click_chooses_the_nearest_stop_and_says_so(qtbot: QtBot, slider: EffortSlider) -> None:
    said: list[str] = []
    slider.effort_changed.connect(said.append)
    for share in (0.9, 0.1, 0.1):
        place = QPoint(int(share * slider.width()), 10)
        qtbot.mouseClick(slider, Qt.MouseButton.LeftButton, pos=place)
    assert said == ["high", "low"]


def test_showing_a_chats_effort_tells_nobody(slider: EffortSlider) -> None:
    said: list[str] = []
    slider.effort_changed.connect(said.append)
    slider.set_effort("high")
    assert slider.effort == "high"
    assert said == []


def test_a_screen_reader_hears_the_name_of_the_stop_and_can_choose_one(
    slider: EffortSlider,
) -> None:
    install_accessible_effort()
    heard = EffortSlider(slider.parentWidget())
    spoken = QAccessible.queryAccessibleInterface(heard)
    assert spoken is not None
    assert spoken.role() == QAccessible.Role.Slider
    assert spoken.text(QAccessible.Text.Name) == "Effort"
    value = spoken.valueInterface()
    words = []
    for stop in range(3):
        heard.setValue(stop)
        words.append((spoken.text(QAccessible.Text.Value), value.currentValue()))
    assert words == [("Low", "Low"), ("Medium", "Medium"), ("High", "High")]
    value.setCurrentValue("Low")
    assert heard.effort == "low"


def test_scrolling_past_does_not_change_the_effort(slider: EffortSlider) -> None:
    centre = QPointF(slider.rect().center())
    wheel = QWheelEvent(
        centre,
        QPointF(slider.mapToGlobal(centre.toPoint())),
        QPoint(0, 120),
        QPoint(0, 240),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(slider, wheel)
    assert slider.effort == "medium"
    assert not wheel.isAccepted()
