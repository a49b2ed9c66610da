"""Files on their way into the composer."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.chats.models import Attachment
from app.documents import attachment
from app.documents.document import Document
from app.documents.errors import UnreadableDocument
from app.windows.attaching import Attaching
from tests.app.documents.reading.files import pdf, shown


def test_documents_are_attached_with_progress_and_notes(qtbot: QtBot, tmp_path: Path) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    attaching = Attaching(window)
    attached: list[Attachment] = []
    problems: list[str] = []
    words: list[str] = []
    attaching.attached.connect(attached.append)
    attaching.problem.connect(lambda problem: problems.append(problem.text))
    attaching.progressed.connect(words.append)
    (tmp_path / "report.pdf").write_bytes(
        pdf([shown((72, 700, "Bees hum.")), b"0 0 600 700 re f\n"])
    )
    (tmp_path / "empty.txt").write_bytes(b"")
    attaching.attach([tmp_path / "report.pdf", tmp_path / "empty.txt"])
    qtbot.waitUntil(lambda: bool(words) and words[-1] == "", timeout=60_000)
    assert [(one.name, one.text) for one in attached] == [("report.pdf", "Bees hum.\n")]
    assert sorted(problems) == [
        "empty.txt is empty: there are no bytes in it.",
        "report.pdf: Page 2 is a picture: its text can't be read.",
    ]
    assert words[0].startswith("Reading report.pdf…")


def test_a_folder_with_a_checkpoint_is_a_model(qtbot: QtBot, tmp_path: Path) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    attaching = Attaching(window)
    (tmp_path / "config.json").write_text("{}")
    with qtbot.waitSignal(attaching.model_folder_given) as given:
        attaching.attach([tmp_path])
    assert given.args == [str(tmp_path)]


def test_a_window_that_goes_away_ends_the_reading(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, ended = [], []

    def endless(path: Path, *, cancelled: object, **_: object) -> Document:
        started.append(path)
        cancelled.wait()  # type: ignore[attr-defined]
        ended.append(path)
        raise UnreadableDocument("late")

    monkeypatch.setattr(attachment, "read_document", endless)
    window = QWidget()
    attaching = Attaching(window)
    (tmp_path / "a.txt").write_text("a")
    attaching.attach([tmp_path / "a.txt"])
    qtbot.waitUntil(lambda: bool(started))
    window.deleteLater()
    qtbot.waitUntil(lambda: bool(ended), timeout=60_000)
