"""Which kind of document a file is, told by its content: names lie. Standard library only."""

import re
from pathlib import Path
from typing import BinaryIO

from app.documents.reading.decode import HEAD
from app.documents.reading.guard import Archive
from app.documents.reading.ooxml import content_types
from app.documents.reading.refused import Refused

# What people call a file with this ending, to say so when it is something else.
_NAMED = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".xlsx": "xlsx",
    ".pptx": "pptx",
    ".epub": "epub",
}
NAMES = {
    "pdf": "a PDF",
    "docx": "a Word document",
    "xlsx": "an Excel workbook",
    "pptx": "a PowerPoint presentation",
    "epub": "an e-book",
    "html": "a web page",
    "csv": "a table",
    "markdown": "Markdown text",
    "text": "plain text",
}
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # the container of Office files before 2007
_OLD_OFFICE = {
    ".doc": "in Word's old format. Save it as .docx",
    ".xls": "in Excel's old format. Save it as .xlsx",
    ".ppt": "in PowerPoint's old format. Save it as .pptx",
}
_PICTURE = "is a picture, and Sordino reads text. Attach the text, or a PDF with text in it."
_PACKED = "is an archive. Unpack it and attach the files in it."
_SOUND = "is sound or video, and Sordino reads text."
_PROGRAM = "is a program, not text."
_BEGINNINGS = (
    (b"\x89PNG\r\n", _PICTURE),
    (b"\xff\xd8\xff", _PICTURE),
    (b"GIF8", _PICTURE),
    (b"II*\0", _PICTURE),
    (b"MM\0*", _PICTURE),
    (b"\x1f\x8b", _PACKED),
    (b"7z\xbc\xaf\x27\x1c", _PACKED),
    (b"Rar!\x1a\x07", _PACKED),
    (b"\xfd7zXZ\0", _PACKED),
    (b"ID3", _SOUND),
    (b"OggS", _SOUND),
    (b"fLaC", _SOUND),
    (b"\x7fELF", _PROGRAM),
    (b"MZ\x90", _PROGRAM),
    (b"\xcf\xfa\xed\xfe", _PROGRAM),
    (b"\xca\xfe\xba\xbe", _PROGRAM),
    (b"SQLite format 3\0", "is a database. Export what you want to ask about as CSV."),
    (b"{\\rtf", "is rich text (RTF). Save it as .docx or PDF."),
)
_HTML = re.compile(rb"<(!doctype html|html|head|body)\b", re.IGNORECASE)
_MARKDOWN = {".md", ".markdown", ".mdown"}
_TABLES = {".csv", ".tsv", ".tab"}


def kind_of(file: BinaryIO, name: str) -> str:
    """A key of `NAMES`. Raises Refused for what no reader reads. Of text only the ending of the
    name tells a table or Markdown from other text."""
    file.seek(0)
    head = file.read(HEAD)
    ending = Path(name).suffix.lower()
    if not head:
        raise Refused("is empty: there are no bytes in it.")
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _kind_of_archive(Archive(file))
    if head.startswith(_OLE):
        raise Refused(_ole(head, file, ending))
    _refuse_known(head)
    if ending in _NAMED and b"\0" in head:
        raise Refused(f"is damaged: it is not {NAMES[_NAMED[ending]]} inside. Get it again.")
    if _HTML.search(head[:2048]) and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return "html"
    if ending in _TABLES:
        return "csv"
    return "markdown" if ending in _MARKDOWN else "text"


def surprise(kind: str, name: str) -> str:
    """What to tell a person whose file is not what its name says; "" if there is nothing."""
    said = _NAMED.get(Path(name).suffix.lower())
    is_other = said != kind and (said or kind in _NAMED.values())
    return f"It is {NAMES[kind]}, whatever its name says." if is_other else ""


def _refuse_known(head: bytes) -> None:
    for beginning, refusal in _BEGINNINGS:
        if head.startswith(beginning):
            raise Refused(refusal)
    if head[4:8] == b"ftyp":
        is_picture = head[8:12] in (b"heic", b"heix", b"mif1", b"avif", b"msf1")
        raise Refused(_PICTURE if is_picture else _SOUND)
    if head.startswith(b"RIFF") and head[8:12] in (b"WEBP", b"WAVE", b"AVI "):
        raise Refused(_PICTURE if head[8:12] == b"WEBP" else _SOUND)
    if head[257:262] == b"ustar":
        raise Refused(_PACKED)


def _ole(head: bytes, file: BinaryIO, ending: str) -> str:
    """Word and the others wrap a file with a password in the container of the old formats."""
    rest = file.read(1 << 24)
    if "EncryptedPackage".encode("utf-16-le") in head + rest:
        return "is protected with a password. Save it without one and attach that."
    old = _OLD_OFFICE.get(ending, "in an old Office format. Save it as .docx, .xlsx or .pptx")
    return f"is {old}."


def _kind_of_archive(archive: Archive) -> str:
    if "[Content_Types].xml" in archive:
        types = content_types(archive)
        for mark, kind in (
            ("wordprocessingml", "docx"),
            ("ms-word.", "docx"),
            ("presentationml", "pptx"),
            ("spreadsheetml", "xlsx"),
        ):
            if mark in types:
                return kind
        if "sheet.binary" in types:
            raise Refused("is a binary Excel workbook. Save it as .xlsx.")
    mimetype = archive.read("mimetype")[:100] if "mimetype" in archive else b""
    if mimetype.strip() == b"application/epub+zip" or "META-INF/container.xml" in archive:
        return "epub"
    if mimetype.startswith(b"application/vnd.oasis.opendocument"):
        raise Refused("is an OpenDocument file. Save it as .docx, .xlsx, .pptx or PDF.")
    if any(name.endswith(".iwa") or name == "Index.zip" for name in archive.names):
        raise Refused("was made with Pages, Numbers or Keynote. Export it as PDF.")
    raise Refused(_PACKED)
