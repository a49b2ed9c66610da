"""A number in a workbook is what its format says."""

import datetime
from pathlib import Path

import openpyxl
import pytest

from app.documents.reading.number_formats import Format, format_of, shown
from tests.app.documents.reading.files import read_here, texts


@pytest.mark.parametrize(
    ("number", "code", "form"),
    [
        (0, None, Format.GENERAL),
        (9, None, Format.PERCENT),
        (14, None, Format.DATE),
        (21, None, Format.TIME),
        (22, None, Format.MOMENT),
        (164, "yyyy-mm-dd", Format.DATE),
        (164, "mmm", Format.DATE),
        (164, "h:mm AM/PM", Format.TIME),
        (164, "[h]:mm", Format.TIME),
        (164, "d. mmm yyyy h:mm", Format.MOMENT),
        (164, "0.0%", Format.PERCENT),
        (164, "General", Format.GENERAL),
        (164, '#,##0.00 "days"', Format.GENERAL),
        (164, "[Red]#,##0;[Blue]-#,##0", Format.GENERAL),
        (164, r"_-* #,##0 \d_d", Format.GENERAL),
    ],
)
def test_a_format_says_what_a_number_is(number: int, code: str | None, form: Format) -> None:
    assert format_of(number, code) is form


@pytest.mark.parametrize(
    ("value", "form", "written"),
    [
        ("42", Format.GENERAL, "42"),
        ("3.5000000000000004E-2", Format.GENERAL, "0.035"),
        ("0.125", Format.PERCENT, "12.5%"),
        ("45413", Format.DATE, "2024-05-01"),
        ("1", Format.DATE, "1900-01-01"),
        ("45413.5", Format.MOMENT, "2024-05-01 12:00:00"),
        ("45413", Format.MOMENT, "2024-05-01"),
        ("0.75", Format.TIME, "18:00:00"),
        ("1.5", Format.TIME, "36:00:00"),
        ("1e99", Format.DATE, "1e99"),
        ("inf", Format.DATE, "inf"),
        ("words", Format.PERCENT, "words"),
    ],
)
def test_a_number_is_written_so(value: str, form: Format, written: str) -> None:
    assert shown(value, form) == written


def test_a_workbook_may_count_from_1904() -> None:
    assert shown("0", Format.DATE, from_1904=True) == "1904-01-01"


def test_dates_are_those_that_another_program_wrote(tmp_path: Path) -> None:
    moments = [
        datetime.datetime(1900, 3, 1) + datetime.timedelta(hours=7919 * i) for i in range(99)
    ]
    workbook = openpyxl.Workbook()
    for moment in moments:
        workbook.active.append([moment])
    workbook.save(tmp_path / "a.xlsx")
    read = [line.partition(": ")[2] for line in texts(read_here(tmp_path / "a.xlsx"))]
    midnight = datetime.time()
    assert read == [
        moment.date().isoformat() if moment.time() == midnight else moment.isoformat(" ")
        for moment in moments
    ]
