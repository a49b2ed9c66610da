"""Tables in plain text: CSV and its relatives with tabs or semicolons. Standard library only."""

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from typing import BinaryIO

from app.documents.reading.cells import Rows
from app.documents.reading.output import Output
from app.documents.reading.text import LOOK_EVERY, lines_of

_SAMPLE = 50  # lines from which the separator is told
_LONGEST_CELL = 1 << 20


def read_csv(file: BinaryIO, size: int, out: Output) -> None:
    """One page, a line a row. Raises Refused for bytes that are no text."""
    out.page()
    lines = lines_of(file, out)
    sample = list(islice(lines, _SAMPLE))
    csv.field_size_limit(_LONGEST_CELL)
    rows = Rows()
    reader = csv.reader((f"{line}\n" for line in chain(sample, lines)), delimiter=separator(sample))
    for number, values in enumerate(_whole(reader), 1):
        cells = rows.cells(number, values)
        if cells:
            out.row(cells)
        if number % LOOK_EVERY == 0:
            out.progress(min(file.tell(), size), size)


def separator(sample: list[str]) -> str:
    """The one that divides the most lines into equally many cells."""
    best, most = ",", 0
    for candidate in ",;\t|":
        widths = Counter(len(row) for row in csv.reader(sample, delimiter=candidate))
        width, lines = max(widths.items(), key=lambda item: item[1], default=(0, 0))
        if width > 1 and lines * min(width, 8) > most:
            best, most = candidate, lines * min(width, 8)
    return best


def _whole(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    """Rows; a quote that is never closed does not end the reading."""
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            continue
