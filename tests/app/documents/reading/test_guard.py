"""Archives that lie, grow or reach out are refused before they can."""

import io
import zipfile
from pathlib import Path

import pytest

from app.documents.reading import guard
from app.documents.reading.refused import Refused
from tests.app.documents.reading.files import archive, docx, epub, paragraph, read_here

ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


def with_entry(name: str, content: bytes = b"x") -> bytes:
    """A sound Word document and one entry more."""
    data = io.BytesIO(docx(paragraph("sound")))
    with zipfile.ZipFile(data, "a") as file:
        file.writestr(name, content)
    return data.getvalue()


def with_lie(data: bytes, name: bytes) -> bytes:
    """The list of contents says of an entry that it unpacks to ten bytes."""
    at = data.rindex(name) - 46
    assert data[at : at + 4] == b"PK\x01\x02"
    return data[: at + 24] + (10).to_bytes(4, "little") + data[at + 28 :]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (docx(paragraph("x" * (8 << 20))), "unpacks to far more than a document holds"),
        (with_entry("../evil.txt"), "points outside"),
        (with_entry("/etc/evil"), "points outside"),
        (with_entry("word/..\\..\\evil"), "points outside"),
        (with_entry("C:\\evil"), "points outside"),
        (with_entry("more.zip"), "holds another archive"),
        (docx(paragraph("&a;"), prologue=OUTSIDE), "declares entities"),
        (docx(paragraph("&b;"), prologue=ENTITIES), "declares entities"),
        (docx(paragraph("&a;"), prologue=OUTSIDE).replace(b"PK\x05\x06", b"PKxx"), "is cut off"),
        (with_lie(docx(paragraph("long " * 40)), b"word/document.xml"), "is damaged"),
        (docx("<w:p>"), "is damaged: document.xml is broken"),
        (archive({"notes.txt": "words"}), "is an archive. Unpack it"),
        (archive({"Index/Document.iwa": "x"}), "made with Pages, Numbers or Keynote"),
        (archive({"mimetype": "application/vnd.oasis.opendocument.text"}), "an OpenDocument file"),
        (epub({}), "is damaged: its list of chapters is missing"),
    ],
)
def test_each_bad_archive_has_its_own_words(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "a.docx").write_bytes(data)
    with pytest.raises(Refused) as raised:
        read_here(tmp_path / "a.docx")
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_entities_in_a_workbook_are_refused_before_its_library_sees_them(tmp_path: Path) -> None:
    import openpyxl

    openpyxl.Workbook().save(tmp_path / "a.xlsx")
    data = io.BytesIO()
    with zipfile.ZipFile(tmp_path / "a.xlsx") as old, zipfile.ZipFile(data, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            at = content.index(b"?>") + 2 if content.startswith(b"<?xml") else 0
            is_sheet = name.endswith("sheet1.xml")
            new.writestr(
                name, content[:at] + OUTSIDE.encode() + content[at:] if is_sheet else content
            )
    (tmp_path / "a.xlsx").write_bytes(data.getvalue())
    with pytest.raises(Refused, match="declares entities"):
        read_here(tmp_path / "a.xlsx")


def test_entities_hidden_in_another_encoding_are_seen(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("a.xml", ('<?xml version="1.0"?>' + OUTSIDE + "<x>&a;</x>").encode("utf-16"))
    with pytest.raises(Refused, match="declares entities"):
        guard.Archive(data).tree("a.xml")


def test_a_password_is_named(tmp_path: Path) -> None:
    data = bytearray(docx(paragraph("secret")))
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + flags] |= 1
    (tmp_path / "a.docx").write_bytes(data)
    with pytest.raises(Refused, match="protected with a password"):
        read_here(tmp_path / "a.docx")


def test_more_is_not_unpacked_than_a_document_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = guard.Archive(io.BytesIO(archive({"a": "x" * 1000, "b": "y" * 1000})))
    monkeypatch.setattr(guard, "MOST_TEXT_BYTES", 1500)
    assert len(opened.read("a")) == 1000
    with pytest.raises(Refused, match="unpacks to far more"):
        opened.read("b")


@pytest.mark.parametrize(
    ("limit", "most", "said"),
    [
        ("MOST_BYTES", 1500, "unpacks to far more"),
        ("MOST_TEXT_BYTES", 900, "unpacks to far more"),
        ("MOST_ENTRIES", 1, "holds 2 files"),
    ],
)
def test_much_in_all_is_refused_from_the_list(
    monkeypatch: pytest.MonkeyPatch, limit: str, most: int, said: str
) -> None:
    data = io.BytesIO(archive({"a.xml": "x" * 1000, "b": "y" * 1000}))
    guard.Archive(data)
    monkeypatch.setattr(guard, limit, most)
    with pytest.raises(Refused, match=said):
        guard.Archive(data)


def test_elements_come_one_by_one_and_what_was_passed_is_forgotten() -> None:
    inner = "<p>inner</p>"
    xml = f"<x><p>1</p><q><p>2{inner}</p></q><other>{'<z/>' * 50}</other><p>3</p></x>"
    opened = guard.Archive(io.BytesIO(archive({"a.xml": xml})))
    found = ["".join(element.itertext()) for element in opened.elements("a.xml", {"p"})]
    assert found == ["1", "2inner", "3"]
