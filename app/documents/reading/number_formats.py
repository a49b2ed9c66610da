"""Numbers in a workbook as people wrote them: dates are days since 1900 to the file, and only their
format says that they are dates (ECMA-376, part 1, 18.8.30). Standard library only."""

import re
from datetime import datetime, timedelta
from enum import Enum, auto


class Format(Enum):
    GENERAL = auto()
    PERCENT = auto()
    DATE = auto()
    TIME = auto()
    MOMENT = auto()  # both


# The formats without a code of their own; some dates are those of East Asia.
_BUILT_IN = {
    **dict.fromkeys((9, 10), Format.PERCENT),
    **dict.fromkeys((*range(14, 18), *range(27, 32), 36, *range(50, 59)), Format.DATE),
    **dict.fromkeys((*range(18, 22), *range(32, 36), *range(45, 48)), Format.TIME),
    22: Format.MOMENT,
}
# What a code shows as it is, and what it says in brackets: "kr", \\x, _x, *x, [Red].
_LITERAL = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!h|m|s)[^\]]*\]', re.IGNORECASE)
_DAY_0 = datetime(1899, 12, 30)  # right from March 1900 on: Excel counts a 29 February 1900
_DAY_0_OF_1904 = datetime(1904, 1, 1)


def format_of(number: int, code: str | None) -> Format:
    """The format with a number, by its code if it has one."""
    if code is None:
        return _BUILT_IN.get(number, Format.GENERAL)
    letters = _LITERAL.sub("", code.split(";")[0]).lower()
    if "general" in letters:
        return Format.GENERAL
    has_time = "h" in letters or "s" in letters
    has_date = "y" in letters or "d" in letters or ("m" in letters and not has_time)
    if has_date or has_time:
        return Format.MOMENT if has_date and has_time else Format.DATE if has_date else Format.TIME
    return Format.PERCENT if "%" in letters else Format.GENERAL


def shown(value: str, form: Format, from_1904: bool = False) -> str:
    """A number as the file has it, in digits that mean something, or as a date of ISO 8601."""
    try:
        number = float(value)
        if form is Format.PERCENT:
            return f"{number * 100:.12g}%"
        if form is not Format.GENERAL:
            return _moment(number, form, from_1904)
    except (ValueError, OverflowError):
        return value
    # Excel keeps and shows 15 digits; the file has the 17 of the processor.
    return f"{number:.15g}"


def _moment(days: float, form: Format, from_1904: bool) -> str:
    if form is Format.TIME and days >= 1:  # a span of hours
        seconds = round(days * 86_400)
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    start = _DAY_0_OF_1904 if from_1904 else _DAY_0
    moment = start + timedelta(days=int(days), seconds=round(days % 1 * 86_400))
    if not from_1904 and 0 < days < 60:
        moment += timedelta(days=1)
    match form:
        case Format.TIME:
            return moment.time().isoformat()
        case Format.DATE:
            return moment.date().isoformat()
    is_midnight = not (moment.hour or moment.minute or moment.second)
    return moment.date().isoformat() if is_midnight else moment.isoformat(" ")
