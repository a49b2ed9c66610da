"""PDF files, by PDFium: the text of each page with where it stands, in the order of reading.

PDFium finds the characters and joins them to lines; which words stand apart on a line is measured
here, and `layout` says what is read after what.
"""

import ctypes
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pypdfium2
import pypdfium2.raw as pdfium

from app.documents.lines import Box, Line
from app.documents.reading.layout import Piece, lines_in_order
from app.documents.reading.output import Output
from app.documents.reading.ranges import pages
from app.documents.reading.refused import Refused
from app.well_formed import well_formed

_TAIL = 4096  # bytes in which a whole file says that it ends
_LINE_ENDS = re.compile(r"[\r\n\x02\ufffe]+")  # after a hyphen PDFium puts no line end
_SPACES = re.compile(r"\s+")
_HYPHENS = str.maketrans({"\x02": "-", "\ufffe": "-"})  # at a line's end, as PDFium marks them
_MEANINGLESS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd\uffff\ue000-\uf8ff]")
_APART = 1.3  # of a line's height between two words, more than justified lines are stretched
_JUMP = 0.7  # of a character's height, from which on the next is not on its line
_PROBES = 6  # lines of a page that are looked at for words that stand apart
_FILLED_IN = {
    pdfium.FPDF_FORMFIELD_TEXTFIELD,
    pdfium.FPDF_FORMFIELD_COMBOBOX,
    pdfium.FPDF_FORMFIELD_LISTBOX,
}
_TICKED = {pdfium.FPDF_FORMFIELD_CHECKBOX, pdfium.FPDF_FORMFIELD_RADIOBUTTON}
_FEW = 40  # characters on a page that is a picture all the same: a scanner's mark


def read_pdf(file: BinaryIO, path: Path, out: Output) -> None:
    """Raises Refused for a file with a password, that is cut off, damaged, or nothing but
    pictures."""
    is_whole = _says_that_it_ends(file)
    document = _open(file, path, is_whole)
    if document.get_formtype() != pdfium.FORMTYPE_NONE:
        document.init_forms()
    count = len(document)
    pictures, damaged, meaningless = [], [], []
    for number in range(1, count + 1):
        label = document.get_page_label(number - 1)
        try:
            page = _Page(document, number - 1)
        except pypdfium2.PdfiumError:
            damaged.append(number)
            out.page(label)
            continue
        with page:
            lines = page.lines()
            letters = sum(len(line.text) for line in lines)
            is_picture = letters < _FEW and page.shows_something(least=0.5 if letters else 0.0)
            if is_picture:
                pictures.append(number)
            elif letters and sum(len(_MEANINGLESS.findall(x.text)) for x in lines) > 0.3 * letters:
                meaningless.append(number)
            out.page("" if label == str(number) else label, is_picture=is_picture)
            for line in lines:
                out.line(_MEANINGLESS.sub("\ufffd", line.text), line.box)
        out.progress(number, count)
    if pictures and not out.characters:
        what = f"its {count} pages are pictures" if count > 1 else "its one page is a picture"
        raise Refused(
            f"is a scan: {what}, with no text to read. Make it searchable (OCR) and attach that."
        )
    _note(out, pictures, "is a picture: its text", "are pictures: their text", "can't be read.")
    _note(out, meaningless, "is", "are", "in a font without letters: the text can't be read.")
    _note(out, damaged, "is", "are", "damaged and can't be read.")
    if not is_whole:
        out.note("The end of the file is missing; there may have been more pages.")


def _note(out: Output, numbers: list[int], one: str, several: str, rest: str) -> None:
    if numbers:
        out.note(f"{pages(numbers)} {one if len(numbers) == 1 else several} {rest}")


def _says_that_it_ends(file: BinaryIO) -> bool:
    size = file.seek(0, 2)
    file.seek(max(0, size - _TAIL))
    return b"%%EOF" in file.read()


def _open(file: BinaryIO, path: Path, is_whole: bool) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if error.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
            raise Refused(
                "is protected with a password. Save it without one and attach that."
            ) from None
    file.seek(0)
    if not re.search(rb"\d+\s+\d+\s+obj\b", file.read(1 << 20)):
        raise Refused("is damaged: it begins as a PDF, but the rest is none. Get it again.")
    if not is_whole:
        raise Refused("is cut off: its end is missing. Get it again.")
    raise Refused("is damaged: its pages can't be found. Get it again.")


class _Page:
    """One page, open until the `with` ends. Raises PdfiumError if it is damaged."""

    def __init__(self, document: pypdfium2.PdfDocument, index: int) -> None:
        self._page = document[index]
        self._text = self._page.get_textpage()
        self._rect = pdfium.FS_RECTF()
        self._turn = 0  # degrees

    def __enter__(self) -> "_Page":
        return self

    def __exit__(self, *_: object) -> None:
        self._text.close()
        self._page.close()

    def lines(self) -> list[Line]:
        """In the order of reading."""
        return [
            Line(line.text, turned(line.box, -self._turn) if line.box else None)
            for line in lines_in_order([*self._pieces(), *self._fields()])
        ]

    def shows_something(self, least: float) -> bool:
        """Whether anything but text covers that share of the page."""
        area = self._page.get_width() * self._page.get_height()
        corners = [ctypes.c_float() for _ in range(4)]
        for index in range(pdfium.FPDFPage_CountObjects(self._page)):
            thing = pdfium.FPDFPage_GetObject(self._page, index)
            if pdfium.FPDFPageObj_GetType(thing) == pdfium.FPDF_PAGEOBJ_TEXT:
                continue
            pdfium.FPDFPageObj_GetBounds(thing, *map(ctypes.byref, corners))
            left, bottom, right, top = (corner.value for corner in corners)
            if (right - left) * (top - bottom) >= least * area:
                return True
        return False

    def _pieces(self) -> Iterator[Piece]:
        """With their places as they are when the page is turned so that most text is upright."""
        lines = list(self._lines_of_characters())
        probes = lines[:: max(1, len(lines) // _PROBES)]
        self._turn = _most([self._turn_of(start) for start, _ in probes])
        has_gaps = any(len(self._parts(*line)) > 1 for line in probes)
        for start, line in lines:
            for level_start, level in self._levels(start, line):
                parts = self._parts(level_start, level) if has_gaps else [(level_start, level)]
                for first, part in parts:
                    text = well_formed(part.translate(_HYPHENS))
                    yield Piece(text, self._box(first, first + len(part) - 1))

    def _fields(self) -> Iterator[Piece]:
        """What was filled into the form: it is no text of the page."""
        forms = self._page.formenv
        for index in range(pdfium.FPDFPage_GetAnnotCount(self._page) if forms else 0):
            field = pdfium.FPDFPage_GetAnnot(self._page, index)
            value = _value(forms, field)
            if value and pdfium.FPDFAnnot_GetRect(field, self._rect):
                rect = self._rect
                box = turned((rect.left, rect.bottom, rect.right, rect.top), self._turn)
                for line in value.splitlines():
                    yield Piece(line, box)
            pdfium.FPDFPage_CloseAnnot(field)

    def _lines_of_characters(self) -> Iterator[tuple[int, str]]:
        """What PDFium takes for a line, with the index of its first character."""
        text = self._characters()
        start = 0
        for end in [*_LINE_ENDS.finditer(text), None]:
            until = len(text) if end is None else end.start() + (end[0][0] not in "\r\n")
            line = text[start:until]
            if line.strip():
                yield start + len(line) - len(line.lstrip()), line.strip()
            start = end.end() if end else start

    def _characters(self) -> str:
        """The text of the page; its indices are those of PDFium's characters."""
        count = pdfium.FPDFText_CountChars(self._text)
        text: str = self._text.get_text_range() if count > 0 else ""
        if len(text) != count:  # maths and emoji are two of PDFium's characters each
            codes = (pdfium.FPDFText_GetUnicode(self._text, index) for index in range(count))
            text = "".join(chr(code) if 0 < code < 0x110000 else "\ufffd" for code in codes)
        return text

    def _levels(self, start: int, line: str) -> list[tuple[int, str]]:
        """A line cut where it jumps to another height: PDFium may join the foot of a column to the
        top of the next."""
        boxes = [self._box_of(start), self._box_of(start + len(line) - 1)]
        if _is_level(*boxes):
            return [(start, line)]
        levels, first = [], 0
        before = boxes[0]
        for index, character in enumerate(line):
            if character.isspace():
                continue
            box = self._box_of(start + index)
            if not _is_level(before, box):
                levels.append((start + first, line[first:index].rstrip()))
                first = index
            before = box
        return [*levels, (start + first, line[first:])]

    def _parts(self, start: int, line: str) -> list[tuple[int, str]]:
        """A line cut where its words stand apart, each part with the index of its first
        character."""
        parts, first = [], 0
        height: float | None = None
        for space in _SPACES.finditer(line):
            before, after = (
                self._box(start + index, start + index)
                for index in (space.start() - 1, space.end())
            )
            height = height or before[3] - before[1]
            if after[0] - before[2] > _APART * height:
                parts.append((start + first, line[first : space.start()]))
                first = space.end()
        return [*parts, (start + first, line[first:])]

    def _box(self, first: int, last: int) -> Box:
        """Around two characters, as high as their line."""
        left, bottom, right, top = self._box_of(first)
        if first == last:
            return left, bottom, right, top
        a, b, c, d = self._box_of(last)
        return min(left, a), min(bottom, b), max(right, c), max(top, d)

    def _box_of(self, index: int) -> Box:
        rect = self._rect
        pdfium.FPDFText_GetLooseCharBox(self._text, index, rect)
        return turned((rect.left, rect.bottom, rect.right, rect.top), self._turn)

    def _turn_of(self, index: int) -> int:
        """By how many degrees the page has to be turned clockwise for a character to be upright."""
        angle: float = pdfium.FPDFText_GetCharAngle(self._text, index)
        quarters = round(angle / (math.pi / 2))
        return -90 * quarters % 360


def _value(forms: Any, field: Any) -> str:
    """Of a field that holds text, or a sign for one that is ticked or not; "" for others."""
    kind = pdfium.FPDFAnnot_GetFormFieldType(forms, field)
    if kind not in _FILLED_IN | _TICKED:
        return ""
    length = pdfium.FPDFAnnot_GetFormFieldValue(forms, field, None, 0)
    value = (ctypes.c_ushort * (length // 2))()
    pdfium.FPDFAnnot_GetFormFieldValue(forms, field, value, length)
    text = bytes(value).decode("utf-16-le", "replace").rstrip("\0").strip()
    if kind in _TICKED:
        return "☐" if text in ("", "Off") else "☒"
    return text


def _is_level(one: Box, other: Box) -> bool:
    height = max(one[3] - one[1], other[3] - other[1])
    return abs(one[1] + one[3] - other[1] - other[3]) < 2 * _JUMP * height


def _most(turns: list[int]) -> int:
    return max(turns, key=turns.count, default=0)


def turned(box: Box, degrees: int) -> Box:
    """A box as it stands when its page is turned clockwise around the origin."""
    if not degrees:
        return box
    left, bottom, right, top = box
    match degrees % 360:
        case 90:
            return bottom, -right, top, -left
        case 180:
            return -right, -top, -left, -bottom
    return -top, left, -bottom, right
