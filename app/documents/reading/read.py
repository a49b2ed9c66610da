"""Reads one file: tells its kind, hands it to that kind's reader, and sees that it stayed the same.

Runs in the reading process (`child`), and imports a format's library only when such a file comes.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from app.documents.reading.kinds import kind_of, surprise
from app.documents.reading.limits import FILE_BYTES
from app.documents.reading.output import Output
from app.documents.reading.refused import Refused

_CHANGED = "was changed while it was being read. Attach it again."


def read(path: Path, name: str, out: Output) -> None:
    """The document goes to `out`. Raises Refused; any other error is a fault of ours or of a
    library, met by a damaged file."""
    with _open(path) as file:
        before = os.fstat(file.fileno())
        if before.st_size > FILE_BYTES:
            raise Refused(
                f"has {before.st_size / 1e6:,.0f} MB; {FILE_BYTES / 1e6:,.0f} MB is the most. "
                "Attach a part of it."
            )
        kind = kind_of(file, name)
        if said := surprise(kind, name):
            out.note(said)
        try:
            _reader(kind)(file, before.st_size, path, out)
        except Refused:
            _see_that_it_stayed(path, file, before)  # else that is the reason
            raise
        digest = _digest(file)
        _see_that_it_stayed(path, file, before)
    if not out.characters:
        raise Refused("has no text in it.")
    out.end(kind, digest)


def _open(path: Path) -> BinaryIO:
    try:
        if path.is_dir():
            raise Refused("is a folder. Attach the files in it.")
        if path.exists() and not path.is_file():
            raise Refused("is no file but a device or a pipe. Attach a file.")
        return path.open("rb")
    except FileNotFoundError:
        raise Refused("is not there. Check its name.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Refused(f"can't be read: {reason}.") from None


def _reader(kind: str) -> Callable[[BinaryIO, int, Path, Output], None]:
    match kind:
        case "pdf":
            from app.documents.reading.pdf import read_pdf

            return lambda file, size, path, out: read_pdf(file, path, out)
        case "docx":
            from app.documents.reading.docx import read_docx

            return lambda file, size, path, out: read_docx(file, out)
        case "xlsx":
            from app.documents.reading.xlsx import read_xlsx

            return lambda file, size, path, out: read_xlsx(file, out)
        case "pptx":
            from app.documents.reading.pptx import read_pptx

            return lambda file, size, path, out: read_pptx(file, out)
        case "epub":
            from app.documents.reading.epub import read_epub

            return lambda file, size, path, out: read_epub(file, out)
        case "html":
            from app.documents.reading.html import read_html

            return lambda file, size, path, out: read_html(file, out)
        case "csv":
            from app.documents.reading.tables import read_csv

            return lambda file, size, path, out: read_csv(file, size, out)
    from app.documents.reading.text import read_text

    return lambda file, size, path, out: read_text(file, size, out)


def _digest(file: BinaryIO) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def _see_that_it_stayed(path: Path, file: BinaryIO, before: os.stat_result) -> None:
    """The digest and every page have to be of the same bytes."""
    try:
        now = os.stat(path)
    except FileNotFoundError:
        raise Refused("was deleted while it was being read. Put it back and attach it.") from None
    except OSError:
        raise Refused(_CHANGED) from None
    for stat in (now, os.fstat(file.fileno())):
        if _marks(stat) != _marks(before):
            raise Refused(_CHANGED)


def _marks(stat: os.stat_result) -> tuple[int, ...]:
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
