"""PowerPoint presentations: each slide a page, its title first, then its text, tables and charts in
their order, then the speaker's notes. Standard library only."""

from collections.abc import Iterator
from typing import BinaryIO
from xml.etree.ElementTree import Element

from app.documents.reading.guard import Archive, local
from app.documents.reading.ooxml import attribute, main_part, related
from app.documents.reading.output import Output
from app.documents.reading.ranges import pages

_TITLES = {"title", "ctrTitle"}
_BODIES = {"body", "subTitle", "obj", None}
_LEVELS = "012345678"
_TRIFLES = {"dt", "ftr", "sldNum", "hdr", "sldImg"}  # dates and numbers that every slide repeats


def read_pptx(file: BinaryIO, out: Output) -> None:
    """Raises Refused for a file that is damaged."""
    archive = Archive(file)
    main = main_part(archive)
    slides = _slides(archive, main)
    pictures, hidden = [], []
    for number, slide in enumerate(slides, 1):
        root = archive.tree(slide)
        parts = related(archive, slide)
        shapes = list(_shapes(root))
        titles = [text for shape in shapes if _role(shape) in _TITLES for text in _texts(shape)]
        title = " ".join(" ".join(text for _, text in titles).split())
        has_picture = any(local(shape.tag) == "pic" for shape in shapes)
        before = out.characters
        rows = list(_rows(archive, parts, shapes))
        is_picture = has_picture and not title and not any(text.strip() for text, _ in rows)
        out.page(title, is_picture=is_picture)
        _write(out, title, rows)
        _write_notes(archive, parts, out)
        if has_picture:
            pictures.append(number)
        if root.get("show") == "0" and out.characters > before:
            hidden.append(number)
        out.progress(number, len(slides))
    for numbers, said in ((pictures, "Pictures on {} are not read."), (hidden, "Hidden: {}.")):
        if numbers:
            out.note(said.format(pages(numbers, "slide", "slides")))


def _slides(archive: Archive, main: str) -> list[str]:
    """The slides' parts in the order in which they are shown."""
    parts = related(archive, main)
    found = []
    for element in archive.tree(main).iter():
        if local(element.tag) == "sldId":
            # It has an `id` of its own beside that of the relationship.
            names = (key for key in element.attrib if key.endswith("}id"))
            kind, name = parts.get(element.get(next(names, ""), ""), ("", ""))
            if kind == "slide":
                found.append(name)
    return found


def _shapes(element: Element) -> Iterator[Element]:
    """What stands on a slide, through groups; of alternatives the first."""
    for child in element:
        name = local(child.tag)
        if name in ("sp", "pic", "graphicFrame"):
            yield child
        elif name != "Fallback":
            yield from _shapes(child)


def _role(shape: Element) -> str | None:
    """What a placeholder is for; "" for a shape that is none."""
    for element in shape.iter():
        if local(element.tag) == "ph":
            return element.get("type")
    return ""


def _texts(shape: Element) -> Iterator[tuple[int, str]]:
    """Each paragraph with its level."""
    for paragraph in (e for e in shape.iter() if local(e.tag) == "p"):
        level = 0
        text = ""
        for element in paragraph.iter():
            if local(element.tag) == "pPr":
                level = _LEVELS.find(element.get("lvl") or "0")
            elif local(element.tag) == "t":
                text += element.text or ""
            elif local(element.tag) == "br":
                text += "\n"
        yield level, text


def _rows(
    archive: Archive, parts: dict[str, tuple[str, str]], shapes: list[Element]
) -> Iterator[tuple[str, list[str] | None]]:
    """All but the title: a text, or a text of cells and the cells."""
    for shape in shapes:
        role = _role(shape)
        if role in _TITLES or role in _TRIFLES:
            continue
        if local(shape.tag) == "sp":
            for level, text in _texts(shape):
                bullet = "  " * max(0, level) + "- " if role in _BODIES and text.strip() else ""
                yield bullet + text, None
            yield "", None
        elif local(shape.tag) == "graphicFrame":
            for cells in _frame(archive, parts, shape):
                yield " ".join(cells), cells
            yield "", None


def _frame(
    archive: Archive, parts: dict[str, tuple[str, str]], frame: Element
) -> Iterator[list[str]]:
    for row in (e for e in frame.iter() if local(e.tag) == "tr"):
        cells = (e for e in row if local(e.tag) == "tc")
        yield [" ".join(text for _, text in _texts(cell)) for cell in cells]
    for element in frame.iter():
        if local(element.tag) == "relIds":  # a diagram: its text lies in a part of its own
            kind, name = parts.get(attribute(element, "dm") or "", ("", ""))
            for _, text in _texts(archive.tree(name)) if name else ():
                yield [text]
        elif local(element.tag) == "chart":
            kind, name = parts.get(attribute(element, "id") or "", ("", ""))
            if kind == "chart":
                yield from _chart(archive.tree(name))


def _chart(chart: Element) -> Iterator[list[str]]:
    """A chart's title, then its numbers as a table: categories down, series across."""
    for title in (e for e in chart.iter() if local(e.tag) == "title"):
        if text := " ".join(text for _, text in _texts(title)).strip():
            yield [text]
    series = [element for element in chart.iter() if local(element.tag) == "ser"]
    if not series:
        return
    names = [" ".join(_cached(one, "tx")) for one in series]
    yield ["", *names]
    numbers = [_cached(one, "val") or _cached(one, "yVal") for one in series]
    categories = _cached(series[0], "cat") or _cached(series[0], "xVal")
    for row in range(max(map(len, numbers))):
        cells = [column[row] if row < len(column) else "" for column in [categories, *numbers]]
        yield cells


def _cached(series: Element, name: str) -> list[str]:
    """The values that a chart keeps of its workbook."""
    inner = next((child for child in series if local(child.tag) == name), None)
    return [] if inner is None else [e.text or "" for e in inner.iter() if local(e.tag) == "v"]


def _write(out: Output, title: str, rows: list[tuple[str, list[str] | None]]) -> None:
    if title:
        out.prose(f"# {title}")
        out.blank()
    for text, cells in rows:
        if not text.strip():
            out.blank()
        elif cells is None:
            out.prose(text)
        else:
            out.row(cells)


def _write_notes(archive: Archive, parts: dict[str, tuple[str, str]], out: Output) -> None:
    notes = next((name for kind, name in parts.values() if kind == "notesSlide"), None)
    if notes is None:
        return
    shapes = [shape for shape in _shapes(archive.tree(notes)) if _role(shape) == "body"]
    texts = [text for shape in shapes for _, text in _texts(shape) if text.strip()]
    if texts:
        out.blank()
        out.line("Notes:")
        for text in texts:
            out.prose(text)
