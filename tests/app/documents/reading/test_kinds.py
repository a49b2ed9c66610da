"""A file is what its content says, whatever its name; what no reader reads is named."""

from pathlib import Path

import pytest

from app.documents.reading.refused import Refused
from tests.app.documents.reading.files import docx, paragraph, pdf, read_here, shown, texts

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


@pytest.mark.parametrize(
    ("name", "data", "kind", "note"),
    [
        ("report.txt", pdf([shown((72, 700, "words"))]), "pdf", "It is a PDF"),
        ("report", docx(paragraph("words")), "docx", "It is a Word document"),
        ("report.pdf", b"words", "text", "It is plain text"),
        ("report.pdf", b"<!DOCTYPE html><p>words", "html", "It is a web page"),
        ("report.txt", b"<p>words", "text", ""),
        ("report.htm", b"<html><p>words", "html", ""),
        ("report.py", b"x = '<html>'\n", "text", ""),
    ],
)
def test_content_decides(tmp_path: Path, name: str, data: bytes, kind: str, note: str) -> None:
    (tmp_path / name).write_bytes(data)
    read = read_here(tmp_path / name)
    assert read.kind == kind and len(texts(read)) > 0
    assert (note in read.notes[0]) if note else read.notes == ()


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.txt", b"", "is empty"),
        ("a.txt", b" \n\n", "has no text in it"),
        ("a.jpg", b"\xff\xd8\xff\0\x10JFIF", "is a picture"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "is a picture"),
        ("a.heic", b"\0\0\0\x18ftypheic", "is a picture"),
        ("a.webp", b"RIFF\0\0\0\0WEBP", "is a picture"),
        ("a.mp4", b"\0\0\0\x18ftypisom", "is sound or video"),
        ("a.mp3", b"ID3\x04", "is sound or video"),
        ("a.gz", b"\x1f\x8b\x08", "is an archive"),
        ("a.tar", b"\0" * 257 + b"ustar\0", "is an archive"),
        ("a", b"\x7fELF\x02", "is a program"),
        ("a.txt", b"\x7fELF\x02", "is a program"),
        ("a.rtf", b"{\\rtf1 words}", "is rich text"),
        ("a.sqlite", b"SQLite format 3\0", "is a database"),
        ("a.doc", OLE, "is in Word's old format. Save it as .docx"),
        ("a.xls", OLE, "is in Excel's old format. Save it as .xlsx"),
        ("a.docx", OLE + "EncryptedPackage".encode("utf-16-le"), "is protected with a password"),
        ("a.docx", b"\0\1\2\3" * 99, "it is not a Word document inside"),
    ],
)
def test_what_no_reader_reads_is_named(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(Refused) as raised:
        read_here(tmp_path / name)
    assert said in str(raised.value) and "\n" not in str(raised.value)
