"""Reads a plain text file so that a model can be asked about it.

Owns which files are text and in which encoding. Other formats get a line that says so; nothing is
guessed and no text is left out silently. Standard library only; may take a while on a slow disk.
"""

import codecs
import os
import textwrap
from pathlib import Path

from app.chats.models import Attachment

MOST_BYTES = 4 << 20  # four times the text that the largest context holds
WIDTH = 80  # characters a line, as pages looked when gpt-oss learned to cite them

_NOT_YET = {
    ".pdf": "a PDF",
    ".docx": "a Word document",
    ".doc": "a Word document",
    ".xlsx": "a spreadsheet",
    ".pptx": "a presentation",
    ".epub": "an e-book",
    ".pages": "a Pages document",
}
_MARKS = (  # UTF-32 first: its mark begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class UnreadableDocument(Exception):
    """One line that names the file and says what to do."""


def read_text_file(path: Path) -> Attachment:
    """The text of a file, lines wrapped at `WIDTH`. Raises UnreadableDocument."""
    name = path.name or str(path)
    if path.suffix.lower() in _NOT_YET:
        kind = _NOT_YET[path.suffix.lower()]
        raise UnreadableDocument(f"{name} is {kind}, which can't be read yet. Save it as text.")
    text = _decode(name, _read(name, path))
    if not text.strip():
        raise UnreadableDocument(f"{name} has no text.")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
    wrapped = "\n".join(piece for line in lines for piece in _wrap(line)) + "\n"
    return Attachment(name=name, path=str(path.absolute()), text=wrapped)


def _read(name: str, path: Path) -> bytes:
    try:
        if path.is_dir():
            raise UnreadableDocument(f"{name} is a folder. Choose the files in it.")
        if path.exists() and not path.is_file():
            raise UnreadableDocument(f"{name} is no file. Choose a text file.")
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise UnreadableDocument(f"There is no file {path}. Check its name.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnreadableDocument(f"{name} can't be read: {reason}.") from None
    if len(data) > MOST_BYTES:
        raise UnreadableDocument(
            f"{name} has {size / 1e6:,.0f} MB, more than a model can take in; "
            f"{MOST_BYTES >> 20} MB is the most. Choose a part of it."
        )
    return data


def _decode(name: str, data: bytes) -> str:
    mark, encoding = next((m for m in _MARKS if data.startswith(m[0])), (b"", "utf-8"))
    if not mark and b"\0" in data[:8192]:
        raise UnreadableDocument(f"{name} is not a text file.")
    try:
        return data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableDocument(
            f"{name} is not text in {encoding.upper()} (byte {error.start + len(mark):,}). "
            "Save it as UTF-8."
        ) from None


def _wrap(line: str) -> list[str]:
    """Cut between words where there are any; every character is kept."""
    if len(line) <= WIDTH:
        return [line]
    return textwrap.wrap(
        line, WIDTH, expand_tabs=False, replace_whitespace=False, drop_whitespace=False
    )
