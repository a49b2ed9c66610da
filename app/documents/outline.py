"""A document as it is kept with a conversation: its text, and an outline of where its pages end.

Owns the outline's form, JSON: kind, notes, and for each page label, is it a picture, lines, boxes;
`boxes` has four numbers a line, null where a page has none. Standard library only.
"""

import json
from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from app.documents.document import Document, Page
from app.documents.lines import BLOCK, Block, Line, PackedLines


def text_of(document: Document) -> str:
    """Every line, ended by "\\n"."""
    return "".join(f"{line}\n" for line in document.lines)


def outline_of(document: Document) -> str:
    pages = [
        [page.label, page.is_picture, len(page.lines), _boxes(page.lines)]
        for page in document.pages
    ]
    return json.dumps({"kind": document.kind, "pages": pages, "notes": list(document.notes)})


def document_from(name: str, digest: str, text: str, outline: str) -> Document:
    """What `text_of` and `outline_of` were made from; one page where there is no outline, as
    documents were kept at first."""
    lines = text.removesuffix("\n").split("\n")
    told: dict[str, Any] = json.loads(outline) if outline else {}
    pages: list[Page] = []
    start = 0
    for label, is_picture, count, boxes in told.get("pages") or [["", False, len(lines), None]]:
        packed = PackedLines(_blocks(lines[start : start + count], boxes))
        pages.append(Page(len(pages) + 1, label, packed, is_picture))
        start += count
    kind, notes = told.get("kind", "text"), tuple(told.get("notes", ()))
    return Document(name, digest, kind, tuple(pages), notes)


def _boxes(lines: Sequence[Line]) -> list[float] | None:
    """On one page all lines have boxes or none has."""
    found: list[float] = []
    for line in lines:
        if line.box is None:
            return None
        found += line.box
    return found or None


def _blocks(lines: Sequence[str], boxes: Sequence[float] | None) -> Iterator[Block]:
    for first in range(0, len(lines), BLOCK):
        last = min(first + BLOCK, len(lines))
        packed = array("d", boxes[4 * first : 4 * last]) if boxes else None
        yield Block("\n".join(lines[first:last]), packed)
