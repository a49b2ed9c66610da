"""Files and folders to what goes with a question: the text of each document.

Blocks the thread that calls. Knows no Qt and no terminal.
"""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from app.chats.models import Attachment
from app.documents.document import Document
from app.documents.errors import UnreadableDocument
from app.documents.reading.folder import files_in
from app.documents.reading.process import isolated, read_document
from app.well_formed import well_formed

MOST_CHARACTERS = 4 << 20  # four times the text that the largest context holds
_NAMED = 3  # files of a folder that are named one by one when they can't be read

OnProgress = Callable[[str], None]  # words: "Reading report.pdf… 40%"
_Made = TypeVar("_Made", Attachment, Document)


def read_attachments(
    path: Path,
    on_progress: OnProgress = lambda words: None,
    cancelled: threading.Event | None = None,
) -> Iterator[Attachment | str]:
    """A file's document, or those of a folder, each followed by what the person should know about
    it. Raises UnreadableDocument, for a folder only if nothing in it can be read; and
    ReadingCancelled."""
    return _read_all(path, _attachment, on_progress, cancelled)


def read_documents(
    path: Path,
    on_progress: OnProgress = lambda words: None,
    cancelled: threading.Event | None = None,
) -> Iterator[Document | str]:
    """As `read_attachments`, with pages, and however long they are."""
    return _read_all(path, lambda path, document: document, on_progress, cancelled)


def _read_all(
    path: Path,
    made: Callable[[Path, Document], _Made],
    on_progress: OnProgress,
    cancelled: threading.Event | None,
) -> Iterator[_Made | str]:
    if not path.is_dir():
        yield from _read(path, path.name, made, on_progress, cancelled)
        return
    refused: list[str] = []
    files = files_in(path)
    for file in files:
        name = (Path(path.absolute().name) / file.relative_to(path)).as_posix()
        try:
            yield from _read(file, name, made, on_progress, cancelled)
        except UnreadableDocument as error:
            refused.append(str(error))
    if len(refused) == len(files):
        raise UnreadableDocument(f"Nothing in the folder can be read. {refused[0]}")
    yield from refused[:_NAMED]
    if len(refused) > _NAMED:
        yield f"{len(refused) - _NAMED} more of its {len(files)} files can't be read."


def _read(
    path: Path,
    name: str,
    made: Callable[[Path, Document], _Made],
    on_progress: OnProgress,
    cancelled: threading.Event | None,
) -> Iterator[_Made | str]:
    def tell(done: int, total: int) -> None:
        on_progress(f"Reading {name}… {done / max(1, total):.0%}")

    document = read_document(path, name=name, on_progress=tell, cancelled=cancelled)
    yield made(path, document)
    yield from (f"{isolated(document.name)}: {note}" for note in document.notes)


def _attachment(path: Path, document: Document) -> Attachment:
    return Attachment(document.name, well_formed(str(path.absolute())), _text(document))


def _text(document: Document) -> str:
    characters = sum(len(line) + 1 for line in document.lines)
    if characters > MOST_CHARACTERS:
        raise UnreadableDocument(
            f"{isolated(document.name)} has {characters / 1e6:,.1f} million characters of text, "
            "more than a model can take in. Attach a part of it."
        )
    return "\n".join(document.lines) + "\n"
