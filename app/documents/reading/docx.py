"""Word documents: headings, paragraphs with their numbers, lists, tables, notes and comments.

Read straight from the file's XML, a paragraph at a time: that takes little memory, and keeps what
simpler readings drop: text in content controls and text boxes, insertions that nobody accepted yet.
What was deleted stays out. Pages are those that Word last laid out, if it said so. Headers and
footers are not read. Standard library only.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from xml.etree.ElementTree import Element

from app.documents.reading.guard import Archive, local
from app.documents.reading.numbering import Numbering
from app.documents.reading.ooxml import attribute, main_part, related
from app.documents.reading.output import Output

_MOST_COLUMNS = 63  # of a table, as in Word
_DEEPEST = 20  # styles based on each other
_PAGE_BREAK = "\f"
_LEFT_OUT = {"del", "moveFrom", "Fallback", "pPr", "rPr", "instrText", "delText"}
_SIGNS = {"tab": "\t", "ptab": "\t", "cr": "\n", "noBreakHyphen": "-"}
_RENDERED = b"lastRenderedPageBreak"


def read_docx(file: BinaryIO, out: Output) -> None:
    """Raises Refused for a file that is damaged."""
    archive = Archive(file)
    _Reader(archive, main_part(archive), out).read()


@dataclass(slots=True)
class _Style:
    parent: str
    level: int | None  # of the outline, from 0
    list_id: str | None
    list_level: int | None


@dataclass(slots=True)
class _Found:
    """What a paragraph holds besides its text."""

    notes: list[tuple[str, str]] = field(default_factory=list)  # kind and id, in order
    boxes: list[Element] = field(default_factory=list)  # text boxes that hang on it


class _Reader:
    def __init__(self, archive: Archive, main: str, out: Output) -> None:
        self._archive, self._main, self._out = archive, main, out
        self._parts = related(archive, main)
        parts = {kind: name for kind, name in self._parts.values()}
        self._styles = _styles(archive, parts.get("styles"))
        numbering = parts.get("numbering")
        self._numbering = Numbering(archive.tree(numbering) if numbering else None)
        self._notes = {
            kind: _notes(archive, parts.get(f"{kind}s"), kind)
            for kind in ("footnote", "endnote", "comment")
        }
        self._break = "lastRenderedPageBreak" if _is_rendered(archive, main) else "br"
        self._count = 0  # notes so far
        self._pictures = 0
        self._was_item = False  # whether the last paragraph was one of a list

    def read(self) -> None:
        self._out.page()
        size, before = self._archive.size(self._main), self._archive.unpacked
        for element in self._archive.elements(self._main, {"p", "tbl"}):
            if local(element.tag) == "tbl":
                self._table(element)
            else:
                self._paragraph(element)
            self._out.progress(self._archive.unpacked - before, size)
        if self._pictures:
            several = f"{self._pictures:,} pictures, which are"
            what = "a picture, which is" if self._pictures == 1 else several
            self._out.note(f"It has {what} not read.")

    def _paragraph(self, element: Element) -> None:
        found = _Found()
        text = "".join(self._text(element, found))
        mark = self._mark(element)
        is_heading, is_item = mark.startswith("#"), bool(mark)
        if text.strip():
            if self._was_item and not is_item:
                self._out.blank()
            self._was_item = is_item
        if self._break == "br" and _property(element, "pageBreakBefore") is not None:
            text = _PAGE_BREAK + text
        for number, part in enumerate(text.split(_PAGE_BREAK)):
            if number and (part.strip() or not self._out.ends_blank):
                self._out.page()
            if part.strip():
                if is_heading:
                    self._out.blank()
                self._out.prose(mark + part.strip("\n"))
                mark = ""
        if text.strip() and (is_heading or not is_item):
            self._out.blank()
        self._attached(found)

    def _attached(self, found: _Found) -> None:
        """The notes and boxes of a paragraph or table, below it."""
        for kind, note_id in found.notes:
            self._count += 1
            text = self._notes[kind].get(note_id, "")
            if text:
                name = "comment" if kind == "comment" else "note"
                self._out.prose(f"[{name} {self._count}] {text}")
                self._out.blank()
        for box in found.boxes:
            for element in box:
                if local(element.tag) == "p":
                    self._paragraph(element)
                elif local(element.tag) == "tbl":
                    self._table(element)

    def _table(self, table: Element) -> None:
        self._out.blank()
        found = _Found()
        for row in _inner(table, "tr"):
            cells: list[str] = []
            for cell in _inner(row, "tc"):
                cells += [self._cell(cell, found), *[""] * (_columns(cell) - 1)]
            if any(_PAGE_BREAK in cell for cell in cells):
                self._out.page()
            texts = [cell.replace(_PAGE_BREAK, " ") for cell in cells]
            if any(text.strip() for text in texts):
                self._out.row(texts)
        self._out.blank()
        self._attached(found)

    def _cell(self, cell: Element, found: _Found) -> str:
        """The paragraphs of a cell, those of tables in it too, in one line."""
        paragraphs = (p for p in cell.iter() if local(p.tag) == "p")
        return " ".join("".join(self._text(p, found)) for p in paragraphs)

    def _text(self, element: Element, found: _Found) -> Iterator[str]:
        for child in element:
            name = local(child.tag)
            if name == "t":
                yield child.text or ""
            elif name in _SIGNS:
                yield _SIGNS[name]
            elif name in ("br", "lastRenderedPageBreak"):
                yield self._line_end(child, name)
            elif name in ("footnoteReference", "endnoteReference", "commentReference"):
                found.notes.append((name.removesuffix("Reference"), attribute(child, "id") or ""))
                kind = "comment" if name == "commentReference" else "note"
                yield f"[{kind} {self._count + len(found.notes)}]"
            elif name == "sym":
                yield "•"  # a sign of a font of its own
            elif name == "relIds":
                yield self._diagram(child)
            elif name == "txbxContent":
                found.boxes.append(child)
            elif name not in _LEFT_OUT:
                self._pictures += name in ("pic", "imagedata", "chart")
                yield from self._text(child, found)

    def _diagram(self, element: Element) -> str:
        """The words of a diagram, which lie in a part of their own."""
        _, part = self._parts.get(attribute(element, "dm") or "", ("", ""))
        points = self._archive.elements(part, {"p"}) if part else ()
        words = ("".join(t.text or "" for t in p.iter() if local(t.tag) == "t") for p in points)
        return f"[diagram: {'; '.join(word for word in words if word.strip())}]"

    def _line_end(self, element: Element, name: str) -> str:
        is_page = name == "lastRenderedPageBreak" or attribute(element, "type") == "page"
        if is_page:
            return _PAGE_BREAK if name == self._break else ""
        return "\n"

    def _mark(self, paragraph: Element) -> str:
        """What stands before a paragraph: "## ", "3.2 ", "  - "."""
        style = self._style_of(paragraph)
        level = _number(_property(paragraph, "outlineLvl"))
        level = self._inherited(style, "level") if level is None else level
        heading = "#" * min(level + 1, 6) + " " if level is not None and level < 9 else ""
        list_id, depth = self._list_of(paragraph, style)
        label = self._numbering.label(list_id, depth) if list_id not in (None, "0") else None
        if label is None:
            return heading
        return f"{heading}{label} " if heading else f"{'  ' * depth}{label} "

    def _list_of(self, paragraph: Element, style: str) -> tuple[str | None, int]:
        of = _property(paragraph, "numPr")
        list_id = depth = None
        for child in [] if of is None else of:
            if local(child.tag) == "numId":
                list_id = attribute(child, "val")
            elif local(child.tag) == "ilvl":
                depth = _number(child)
        list_id = self._inherited(style, "list_id") if list_id is None else list_id
        depth = self._inherited(style, "list_level") if depth is None else depth
        return list_id, min(depth or 0, 8)

    def _style_of(self, paragraph: Element) -> str:
        element = _property(paragraph, "pStyle")
        return "" if element is None else attribute(element, "val") or ""

    def _inherited(self, style: str, what: str) -> Any:
        """A trait of a style or of those it is based on."""
        for _ in range(_DEEPEST):
            if style not in self._styles:
                return None
            trait = getattr(self._styles[style], what)
            if trait is not None:
                return trait
            style = self._styles[style].parent
        return None


def _styles(archive: Archive, part: str | None) -> dict[str, _Style]:
    found = {}
    for element in archive.elements(part, {"style"}) if part else ():
        given = {local(child.tag): child for child in element}
        name = (attribute(given["name"], "val") or "").lower() if "name" in given else ""
        level = _number(_property(element, "outlineLvl"))
        if name == "title":
            level = 0
        elif level is None and name.startswith("heading ") and name[8:].isdigit():
            level = int(name[8:]) - 1
        numbering = {local(child.tag): child for child in _property(element, "numPr") or ()}
        found[attribute(element, "styleId") or ""] = _Style(
            (attribute(given["basedOn"], "val") or "") if "basedOn" in given else "",
            level,
            attribute(numbering["numId"], "val") if "numId" in numbering else None,
            _number(numbering.get("ilvl")),
        )
    return found


def _notes(archive: Archive, part: str | None, kind: str) -> dict[str, str]:
    """The text of each footnote, endnote or comment, by its id; a comment's with its author."""
    found = {}
    for element in archive.elements(part, {kind}) if part else ():
        words = ("".join(t.text or "" for t in p.iter() if local(t.tag) == "t") for p in element)
        text = " ".join(word for word in words if word).strip()
        author = attribute(element, "author")
        found[attribute(element, "id") or ""] = f"{author}: {text}" if author and text else text
    return found


def _is_rendered(archive: Archive, part: str) -> bool:
    """Whether Word noted where its pages ended."""
    before = b""
    for chunk in archive.chunks(part):
        if _RENDERED in before + chunk:
            return True
        before = chunk[-len(_RENDERED) :]
    return False


def _inner(element: Element, name: str) -> Iterator[Element]:
    """The nearest elements of a name, through what only wraps them; for rows and cells not those of
    tables in cells."""
    for child in element:
        if local(child.tag) == name:
            yield child
        elif local(child.tag) != "tc" or name == "p":
            yield from _inner(child, name)


def _columns(cell: Element) -> int:
    """How many columns of its table a cell takes."""
    properties = (e for child in cell if local(child.tag) == "tcPr" for e in child)
    spans = (_number(e) for e in properties if local(e.tag) == "gridSpan")
    return min(next(spans, None) or 1, _MOST_COLUMNS)


def _property(element: Element, name: str) -> Element | None:
    """One of a paragraph's or style's properties."""
    for child in element:
        if local(child.tag) == "pPr":
            return next((e for e in child if local(e.tag) == name), None)
    return None


def _number(element: Element | None) -> int | None:
    value = None if element is None else attribute(element, "val")
    return int(value) if value and value.isascii() and value.isdigit() else None
