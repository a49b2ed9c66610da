"""The documents and questions by which search is judged, as read from this folder.

`documents/*.txt` were written for this; `--- page 3 ---` opens a page, `--- sheet NAME ---` one of
a workbook. In the files of questions, under a document's name in brackets, stand `KIND: QUESTION`,
what was asked before it after `<`, and after each `>` the words that an answer needs: those of all
`>` lines, of one with `||` those of any part.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from app.documents.document import Document, Line, Page

_HERE = Path(__file__).parent
_OPENS_PAGE = re.compile(r"--- (page|sheet) (.+) ---")


@dataclass(frozen=True, slots=True)
class Question:
    document: str  # its file's name without the ending
    kind: str  # direct, paraphrase, table, multi or follow
    text: str
    earlier: tuple[str, ...]  # what was asked before
    answers: tuple[tuple[str, ...], ...]  # of each, one


@cache
def documents() -> dict[str, Document]:
    """All documents by name, in a fixed order."""
    files = sorted((_HERE / "documents").glob("*.txt"))
    return {file.stem: _document(file) for file in files}


def questions(file: str = "questions.txt") -> Iterator[Question]:
    document = ""
    for block in (_HERE / file).read_text("utf-8").split("\n\n"):
        lines = block.strip().splitlines()
        if lines and lines[0].startswith("["):
            document = lines.pop(0).strip("[]")
        if not lines:
            continue
        kind, _, text = lines[0].partition(": ")
        earlier = tuple(line[2:] for line in lines[1:] if line.startswith("< "))
        answers = tuple(tuple(line[2:].split("||")) for line in lines[1:] if line.startswith("> "))
        yield Question(document, kind, text, earlier, answers)


def lines_that_say(document: Document, words: str) -> set[int]:
    """The lines of the document that hold these words, which must stand there once."""
    joined, starts = "", []
    for line in document.lines:
        starts.append(len(joined))
        joined += line.strip() + " "
    places = [match.start() for match in re.finditer(re.escape(words), joined)]
    assert len(places) == 1, f"{document.name} says {words!r} {len(places)} times"
    place = places[0]
    return {
        number
        for number, start in enumerate(starts)
        if start < place + len(words) and place < start + len(document.lines[number]) + 1
    }


def _document(file: Path) -> Document:
    data = file.read_bytes()
    pages: list[Page] = []
    kind, label, lines = "pdf", "", list[Line]()
    for text in data.decode().splitlines():
        opens = _OPENS_PAGE.fullmatch(text)
        if not opens:
            lines.append(Line(text))
            continue
        if lines:
            pages.append(Page(len(pages) + 1, label, tuple(lines)))
        if opens[1] == "sheet":
            kind, label = "xlsx", opens[2]
        lines = []
    pages.append(Page(len(pages) + 1, label, tuple(lines)))
    return Document(f"{file.stem}.{kind}", sha256(data).hexdigest(), kind, tuple(pages))
