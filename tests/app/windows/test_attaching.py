"""Files on their way into the composer."""

import threading
from pathlib import Path

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.chats.models import Attachment
from app.documents import attachment
from app.documents.document import Document
from app.documents.errors import UnreadableDocument
from app.documents.originals import Originals
from app.documents.reading.process import ReadingCancelled
from app.windows.attaching import Attaching
from tests.app.documents.reading.files import pdf, shown


def test_documents_are_attached_with_progress_and_notes(qtbot: QtBot, tmp_path: Path) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    attaching = Attaching(window, Originals(tmp_path / "kept"))
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
    ]
    assert words[0].startswith("Reading report.pdf…")
    document = attached[0].document
    assert document.notes == ("Page 2 is a picture: its text can't be read.",)
    assert len(document.pages) == 2 and document.pages[0].lines[0].box is not None
    kept = Originals(tmp_path / "kept").find(document.digest)
    assert kept is not None and kept.read_bytes() == (tmp_path / "report.pdf").read_bytes()


def test_reading_can_be_given_up(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    def endless(path: Path, *, cancelled: threading.Event, **_: object) -> Document:
        started.append(path)
        cancelled.wait()
        raise ReadingCancelled

    monkeypatch.setattr(attachment, "read_document", endless)
    window = QWidget()
    qtbot.addWidget(window)
    attaching = Attaching(window, Originals(tmp_path / "kept"))
    problems: list[str] = []
    words: list[str] = []
    attaching.problem.connect(lambda problem: problems.append(problem.text))
    attaching.progressed.connect(words.append)
    (tmp_path / "a.txt").write_text("a")
    attaching.attach([tmp_path / "a.txt"])
    qtbot.waitUntil(lambda: bool(started))
    attaching.cancel()
    qtbot.waitUntil(lambda: words == [""])
    assert not problems


def test_the_documents_of_a_folder_are_kept_as_well(qtbot: QtBot, tmp_path: Path) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    originals = Originals(tmp_path / "kept")
    attaching = Attaching(window, originals)
    attached: list[Attachment] = []
    attaching.attached.connect(attached.append)
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "a.txt").write_text("Bees hum.")
    attaching.attach([notes])
    qtbot.waitUntil(lambda: len(attached) == 1)
    assert attached[0].path == str(notes / "a.txt")
    assert originals.find(attached[0].digest) is not None


def test_a_folder_with_a_checkpoint_is_a_model(qtbot: QtBot, tmp_path: Path) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    attaching = Attaching(window, Originals(tmp_path / "kept"))
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
    attaching = Attaching(window, Originals(tmp_path / "kept"))
    (tmp_path / "a.txt").write_text("a")
    attaching.attach([tmp_path / "a.txt"])
    qtbot.waitUntil(lambda: bool(started))
    window.deleteLater()
    qtbot.waitUntil(lambda: bool(ended), timeout=60_000)
