from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from app.windows.get_model_sheet import GetModelSheet
from mlx_engine.protocol import ModelChoice

MISSING = ModelChoice("20b", "gpt-oss-20b", None, 13_761_264_768, True)


def test_it_tells_size_memory_and_a_command_that_can_be_copied(qtbot: QtBot) -> None:
    sheet = GetModelSheet(MISSING)
    qtbot.addWidget(sheet)
    sheet.show()
    words = "\n".join(label.text() for label in sheet.findChildren(QLabel))
    assert "13.8 GB" in words
    assert "24 GB or more" in words
    assert sheet.command in words
    sheet.copy.click()
    assert QApplication.clipboard().text() == sheet.command
    assert sheet.command.split() == [
        *("hf", "download", "openai/gpt-oss-20b", "\\"),
        *("--exclude", '"original/*"', "--exclude", '"metal/*"'),
    ]


def test_it_offers_a_folder_and_a_second_look_that_may_find_nothing(qtbot: QtBot) -> None:
    sheet = GetModelSheet(MISSING)
    qtbot.addWidget(sheet)
    sheet.show()
    with qtbot.waitSignal(sheet.folder_requested, timeout=1000):
        sheet.folder.click()
    height = sheet.height()
    with qtbot.waitSignal(sheet.look_again_requested, timeout=1000):
        sheet.look_again.click()
    sheet.say_not_found()
    assert "still not" in sheet.note.text()
    assert sheet.height() > height
