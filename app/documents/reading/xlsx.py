"""Excel workbooks, by openpyxl: each sheet a page, each row a line of cells with their addresses.

Values are shown as they were last calculated; a formula that never was is shown itself.
"""

import datetime
from collections.abc import Iterator
from typing import Any, BinaryIO

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from app.documents.reading.cells import Rows
from app.documents.reading.guard import Archive
from app.documents.reading.output import Output
from app.documents.reading.refused import Refused

_MIDNIGHT = datetime.time()


def read_xlsx(file: BinaryIO, out: Output) -> None:
    """Raises Refused for a workbook that is damaged."""
    archive = Archive(file)
    archive.refuse_entities()
    values, formulas = (_open(file, calculated) for calculated in (True, False))
    hidden, charts, uncalculated = [], [], 0
    names = values.sheetnames
    for number, name in enumerate(names, 1):
        sheet = values[name]
        out.page(name)
        if not hasattr(sheet, "iter_rows"):
            charts.append(name)
            continue
        if sheet.sheet_state != "visible":
            hidden.append(name)
        rows = Rows()
        for row, texts in enumerate(_texts(sheet, formulas[name]), 1):
            uncalculated += sum(text.startswith("=") for text in texts)
            if cells := rows.cells(row, texts):
                out.row(cells)
        out.progress(number, len(names))
    if hidden:
        out.note(f"Hidden in the workbook, but read: {', '.join(hidden)}.")
    if charts:
        out.note(f"Charts are not read: {', '.join(charts)}.")
    if uncalculated:
        out.note("Some formulas have no value, as the file was never calculated; they are shown.")


def _texts(sheet: Any, formulas: Any) -> Iterator[list[str]]:
    """Every row of a sheet from the first on, as text."""
    sheet.reset_dimensions()  # what the file says of its size may be wrong
    formulas.reset_dimensions()
    for values, written in zip(sheet.iter_rows(), formulas.iter_rows(), strict=False):
        texts = []
        for cell, source in zip(values, written, strict=False):
            if cell.value is not None:
                texts.append(shown(cell.value, cell.number_format))
            else:
                formula = getattr(source.value, "text", source.value)  # of an array, an object
                texts.append("" if formula is None else str(formula))
        yield texts


def _open(file: BinaryIO, calculated: bool) -> Any:
    file.seek(0)
    try:
        return openpyxl.load_workbook(file, read_only=True, data_only=calculated, keep_links=False)
    except (InvalidFileException, KeyError, ValueError, TypeError, OSError, SyntaxError):
        raise Refused(
            "is damaged: its sheets can't be found. Save it anew in the program it came from."
        ) from None


def shown(value: object, number_format: str) -> str:
    """A cell's value as people write it; dates as in ISO 8601."""
    match value:
        case None:
            return ""
        case bool():
            return "TRUE" if value else "FALSE"
        case datetime.datetime():
            return value.date().isoformat() if value.time() == _MIDNIGHT else value.isoformat(" ")
        case datetime.date() | datetime.time():
            return value.isoformat()
        case int() | float():
            if "%" in number_format:
                return f"{value * 100:.12g}%"
            return str(value) if isinstance(value, int) else f"{value:.15g}"
    return str(value)
