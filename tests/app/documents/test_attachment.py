"""What goes with a question: the text of a file, or of each file in a folder."""

import threading
from pathlib import Path

import pytest

from app.chats.models import Attachment
from app.documents import attachment
from app.documents.attachment import read_attachments
from app.documents.errors import UnreadableDocument
from app.documents.reading import folder
from app.documents.reading.folder import files_in
from app.documents.reading.process import ReadingCancelled
from tests.app.documents.reading.files import docx, paragraph, pdf, shown


def test_a_pdf_goes_with_a_question_as_text(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(pdf([shown((72, 700, "Bees hum.")), b"0 0 600 700 re f\n"]))
    told: list[str] = []
    found, note = read_attachments(path, told.append)
    assert found == Attachment("report.pdf", str(path), "Bees hum.\n")
    assert note == "report.pdf: Page 2 is a picture: its text can't be read."
    assert told[-1].startswith("Reading report.pdf… ")


def test_a_folder_gives_its_documents_and_names_the_rest(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    (notes / "old").mkdir(parents=True)
    (notes / ".hidden").mkdir()
    (notes / ".hidden" / "a.txt").write_text("not shown")
    (notes / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (notes / "b.md").write_text("# Bees")
    (notes / "old" / "a.docx").write_bytes(docx(paragraph("Wasps")))
    (notes / "link.txt").symlink_to("/etc/hostname")
    for name in "cdefg":
        (notes / f"{name}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    found = list(read_attachments(notes))
    documents = [one for one in found if isinstance(one, Attachment)]
    assert [(one.name, one.text) for one in documents] == [
        ("notes/b.md", "# Bees\n"),
        ("notes/old/a.docx", "Wasps\n"),
    ]
    said = [one for one in found if isinstance(one, str)]
    assert said[0].startswith("notes/c.png is a picture") and len(said) == 4
    assert said[3] == "2 more of its 7 files can't be read."


def test_a_folder_without_documents_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnreadableDocument, match="is a folder without files"):
        list(read_attachments(tmp_path))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(UnreadableDocument, match="Nothing in the folder can be read"):
        list(read_attachments(tmp_path))
    monkeypatch.setattr(folder, "MOST_FILES", 1)
    (tmp_path / "b.txt").write_text("b")
    with pytest.raises(UnreadableDocument, match="more than 1 files"):
        files_in(tmp_path)


def test_more_text_than_a_model_takes_in_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachment, "MOST_CHARACTERS", 100)
    (tmp_path / "a.txt").write_text("x" * 99)
    (tmp_path / "b.txt").write_text("x\n" * 51)
    assert len(list(read_attachments(tmp_path / "a.txt"))) == 1
    with pytest.raises(UnreadableDocument, match="more than a model can take in"):
        list(read_attachments(tmp_path / "b.txt"))


def test_a_reading_that_nobody_wants_ends(tmp_path: Path) -> None:
    cancelled = threading.Event()
    cancelled.set()
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(ReadingCancelled):
        list(read_attachments(tmp_path, cancelled=cancelled))
