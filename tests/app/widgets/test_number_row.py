import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.widgets.number_row import NumberRow


@pytest.fixture
def row(qtbot: QtBot) -> NumberRow:
    made = NumberRow("Min-p", 0, 1, 0.01, is_off_at_low=True)
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.mark.parametrize(
    ("typed", "value", "shown"),
    [
        ("0.25", 0.25, "0.25"),
        ("0,25", 0.25, "0.25"),
        ("7", 1.0, "1.00"),
        ("-3", 0.0, "off"),
        ("off", 0.0, "off"),
        ("many", 0.5, "0.50"),
        ("nan", 0.5, "0.50"),
        ("inf", 1.0, "1.00"),
    ],
)
def test_what_is_typed_is_brought_within_the_limits(
    qtbot: QtBot, row: NumberRow, typed: str, value: float, shown: str
) -> None:
    row.set_value(0.5)
    row.field.selectAll()
    qtbot.keyClicks(row.field, typed)
    qtbot.keyClick(row.field, Qt.Key.Key_Return)
    assert row.value == value
    assert row.field.text() == shown
    assert row.slider.value() == round(value * 100)


def test_dragging_says_the_number_once(row: NumberRow) -> None:
    said: list[float] = []
    row.changed.connect(said.append)
    row.slider.setValue(30)
    assert said == [0.3]
    assert row.field.text() == "0.30"
    row.set_value(0.6)
    assert said == [0.3]
