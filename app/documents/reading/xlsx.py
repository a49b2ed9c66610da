"""Excel workbooks: each sheet a page, each row a line of cells with their addresses.

Values are shown as they were last calculated; a formula that never was is shown itself. Read row by
row, so that a million rows take no more memory than one. Standard library only.
"""

from collections.abc import Iterator, Sequence
from typing import BinaryIO
from xml.etree.ElementTree import Element

from app.documents.reading.cells import Rows
from app.documents.reading.guard import Archive, local
from app.documents.reading.number_formats import Format, format_of, shown
from app.documents.reading.ooxml import attribute, main_part, related
from app.documents.reading.output import Output

_WIDEST = 16_384  # columns that a sheet can have


def read_xlsx(file: BinaryIO, out: Output) -> None:
    """Raises Refused for a workbook that is damaged."""
    archive = Archive(file)
    main = main_part(archive)
    parts = related(archive, main)
    kinds = {kind: name for kind, name in parts.values()}
    root = archive.tree(main)
    cells = _Cells(
        _strings(archive, kinds.get("sharedStrings")),
        _formats(archive, kinds.get("styles")),
        any(attribute(e, "date1904") in ("1", "true") for e in root.iter()),
    )
    sheets = [element for element in root.iter() if local(element.tag) == "sheet"]
    size = sum(archive.size(name) for kind, name in parts.values() if kind == "worksheet")
    before = archive.unpacked
    hidden, charts = [], []
    for sheet in sheets:
        name = sheet.get("name", "")
        kind, part = parts.get(attribute(sheet, "id") or "", ("", ""))
        out.page(name)
        if kind != "worksheet":
            charts.append(name)
            continue
        if sheet.get("state", "visible") != "visible":
            hidden.append(name)
        rows = Rows()
        for number, texts in cells.rows(archive.elements(part, {"row"})):
            if found := rows.cells(number, texts):
                out.row(found)
            out.progress(archive.unpacked - before, size)
    if hidden:
        out.note(f"Hidden in the workbook, but read: {', '.join(hidden)}.")
    if charts:
        out.note(f"Charts are not read: {', '.join(charts)}.")
    if cells.has_uncalculated:
        out.note("Some formulas have no value, as the file was never calculated; they are shown.")


class _Cells:
    """What a cell's XML means in this workbook."""

    def __init__(self, strings: Sequence[str], formats: Sequence[Format], from_1904: bool) -> None:
        self.has_uncalculated = False
        self._strings = strings
        self._formats = formats
        self._from_1904 = from_1904

    def rows(self, elements: Iterator[Element]) -> Iterator[tuple[int, list[str]]]:
        """The number of each row that is in the file, and its texts from column A on."""
        number = 0
        for element in elements:
            number = _whole(element.get("r")) or number + 1
            texts: list[str] = []
            for cell in element:
                index = _column(cell.get("r", ""), len(texts))
                if len(texts) <= index < _WIDEST:
                    texts += [""] * (index - len(texts)) + [self._text(cell)]
            yield number, texts

    def _text(self, cell: Element) -> str:
        parts = {local(part.tag): part for part in cell}
        value = parts["v"].text or "" if "v" in parts else ""
        match cell.get("t", "n"):
            case "s":
                index = _whole(value)
                return self._strings[index] if index < len(self._strings) else ""
            case "inlineStr":
                return _joined(parts["is"]) if "is" in parts else ""
            case "b":
                return "TRUE" if value == "1" else "FALSE"
            case "n" if value:
                style = _whole(cell.get("s"))
                form = self._formats[style] if style < len(self._formats) else Format.GENERAL
                return shown(value, form, self._from_1904)
        if not value and "f" in parts:
            self.has_uncalculated = True
            return f"={parts['f'].text or '…'}"
        return value


def _strings(archive: Archive, part: str | None) -> list[str]:
    """The texts that cells share, by number."""
    return [_joined(element) for element in archive.elements(part, {"si"})] if part else []


def _joined(element: Element) -> str:
    """A text, in runs or not, without the readings of its characters."""
    if local(element.tag) == "t":
        return element.text or ""
    return "".join(_joined(child) for child in element if local(child.tag) != "rPh")


def _formats(archive: Archive, part: str | None) -> list[Format]:
    """How each of the cells' styles shows a number."""
    if part is None:
        return []
    root = archive.tree(part)
    codes = {
        _whole(element.get("numFmtId")): element.get("formatCode", "")
        for element in root.iter()
        if local(element.tag) == "numFmt"
    }
    styles = (xf for group in root if local(group.tag) == "cellXfs" for xf in group)
    return [format_of(number, codes.get(number)) for number in map(_format_id, styles)]


def _format_id(style: Element) -> int:
    return _whole(style.get("numFmtId"))


def _column(address: str, otherwise: int) -> int:
    """The column of "AB12", counted from 0."""
    index = 0
    for letter in address.rstrip("0123456789"):
        if not "A" <= letter <= "Z":
            return otherwise
        index = 26 * index + ord(letter) - 64
    return index - 1 if index else otherwise


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else 0
