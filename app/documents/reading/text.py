"""Plain text, Markdown and source code: read as they are, in one page or where form feeds end
pages."""

import io
from collections.abc import Iterator
from typing import BinaryIO

from app.documents.reading.decode import encoding_of
from app.documents.reading.output import Output

_PIECE = 1 << 16  # characters of one line that are held at a time
LOOK_EVERY = 500  # lines, how far the file is read
_NO_TEXT = "\ufffd"


def read_text(file: BinaryIO, size: int, out: Output) -> None:
    """Raises Refused for bytes that are no text. A file of any size passes through in pieces."""
    out.page()
    for count, line in enumerate(lines_of(file, out)):
        if count % LOOK_EVERY == 0:
            out.progress(min(file.tell(), size), size)
        pages = line.split("\f")
        for number, part in enumerate(pages):
            if number:
                out.page()
            if part or number == len(pages) - 1:
                out.prose(part)


def lines_of(file: BinaryIO, out: Output) -> Iterator[str]:
    """A file's lines without their ends; what is very long comes in several. Says in a note what
    is not as it stands in the file."""
    encoding = encoding_of(file)
    if encoding.note:
        out.note(encoding.note)
    file.seek(encoding.skip)
    text = io.TextIOWrapper(file, encoding.name, encoding.errors, newline=None)
    has_nul = False
    while line := text.readline(_PIECE):
        if "\0" in line:
            line, has_nul = line.replace("\0", _NO_TEXT), True
        yield line.removesuffix("\n")
    text.detach()
    if has_nul:
        out.note(f"Some of its characters are no text (NUL); they are shown as {_NO_TEXT}.")
