import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.chats.models import Attachment
from app.widgets.composer import Composer

Sent = list[tuple[str, tuple[Attachment, ...]]]
NOTES = Attachment("notes.txt", "/somewhere/notes.txt", "a\n")


@pytest.fixture
def composer(qtbot: QtBot) -> Composer:
    made = Composer()
    qtbot.addWidget(made)
    made.resize(600, 120)
    made.show()
    made.setFocus()
    return made


@pytest.fixture
def sent(composer: Composer) -> Sent:
    heard: Sent = []
    composer.submitted.connect(lambda text, attachments: heard.append((text, attachments)))
    return heard


def test_return_sends_and_shift_return_makes_a_line(
    qtbot: QtBot, composer: Composer, sent: Sent
) -> None:
    qtbot.keyClicks(composer.field, "one")
    qtbot.keyClick(composer.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClicks(composer.field, "two")
    qtbot.keyClick(composer.field, Qt.Key.Key_Return)
    assert sent == [("one\ntwo", ())]
    assert composer.text == "one\ntwo"  # kept until it was really sent


@pytest.mark.parametrize("text", ["", "   ", "\n\n"])
def test_nothing_is_sent_without_words(
    qtbot: QtBot, composer: Composer, sent: Sent, text: str
) -> None:
    composer.set_text(text)
    qtbot.keyClick(composer.field, Qt.Key.Key_Return)
    assert sent == []
    assert not composer.send.isEnabled()


def test_return_in_an_input_method_confirms_and_does_not_send(
    qtbot: QtBot, composer: Composer, sent: Sent
) -> None:
    composer.set_text("ka")
    QApplication.sendEvent(composer.field, QInputMethodEvent("ん", []))
    qtbot.keyClick(composer.field, Qt.Key.Key_Return)
    assert sent == []
    done = QInputMethodEvent("", [])
    done.setCommitString("ん")
    QApplication.sendEvent(composer.field, done)
    qtbot.keyClick(composer.field, Qt.Key.Key_Return)
    assert sent == [("kaん", ())]


def test_while_busy_send_is_stop_and_return_keeps_the_words(
    qtbot: QtBot, composer: Composer, sent: Sent
) -> None:
    composer.set_text("next question")
    composer.set_busy(True)
    qtbot.keyClick(composer.field, Qt.Key.Key_Return)
    assert composer.send.accessibleName() == "Stop"
    with qtbot.waitSignal(composer.stop_requested, timeout=1000):
        composer.send.click()
    assert sent == []
    assert composer.text == "next question"
    composer.set_busy(False)
    assert composer.send.accessibleName() == "Send"


def test_the_field_grows_with_its_text_up_to_eight_lines(qtbot: QtBot, composer: Composer) -> None:
    heights = []
    for lines in (1, 2, 3, 8, 9, 40):
        composer.set_text("\n".join("x" * lines))
        QApplication.processEvents()
        heights.append(composer.field.height())
    assert heights[0] < heights[1] < heights[2] < heights[3] == heights[4] == heights[5]


def test_documents_are_chips_that_go_with_the_question_and_can_be_taken_away(
    qtbot: QtBot, composer: Composer, sent: Sent
) -> None:
    other = Attachment("other.md", "/somewhere/other.md", "b\n")
    for attachment in (NOTES, other, NOTES):  # the same document twice is one
        composer.attachments.add(attachment)
    assert composer.attachments.attachments == (NOTES, other)
    qtbot.mouseClick(composer.attachments.chips[0].remove, Qt.MouseButton.LeftButton)
    qtbot.keyClicks(composer.field, "why")
    qtbot.keyClick(composer.field, Qt.Key.Key_Return)
    assert sent == [("why", (other,))]


def test_pasted_files_are_handed_on_and_pasted_words_are_plain(
    qtbot: QtBot, composer: Composer
) -> None:
    files = QMimeData()
    files.setUrls([QUrl.fromLocalFile("/somewhere/notes.txt")])
    with qtbot.waitSignal(composer.files_pasted, timeout=1000) as pasted:
        composer.field.insertFromMimeData(files)
    assert [url.toLocalFile() for url in pasted.args[0]] == ["/somewhere/notes.txt"]
    rich = QMimeData()
    rich.setHtml("<b>bold</b>")
    rich.setText("bold")
    composer.field.insertFromMimeData(rich)
    assert composer.text == "bold"
    assert "bold" not in composer.field.toHtml().split("<body")[0]


def test_a_draft_comes_back_with_its_documents_and_the_caret_at_its_end(
    qtbot: QtBot, composer: Composer
) -> None:
    composer.set_text("too lo", (NOTES,))
    qtbot.keyClicks(composer.field, "ng")
    assert composer.text == "too long"
    assert composer.attachments.attachments == (NOTES,)


def test_command_backspace_deletes_words_and_leaves_an_empty_field_to_the_menu(
    qtbot: QtBot, composer: Composer
) -> None:
    composer.set_text("first\nsecond words")
    qtbot.keyClick(composer.field, Qt.Key.Key_Backspace, Qt.KeyboardModifier.ControlModifier)
    assert composer.text == "first\n"
