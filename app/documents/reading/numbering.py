"""The numbers that Word puts before paragraphs: clause 3.2, item (b). The file does not hold them,
only the rules to count by (ECMA-376, part 1, 17.9). Standard library only."""

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from app.documents.reading.guard import local
from app.documents.reading.ooxml import attribute

_LEVELS = 9
_ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l")),
    *((40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)


@dataclass(frozen=True, slots=True)
class _Level:
    start: int = 1
    form: str = "decimal"
    text: str = ""  # "%1.%2"
    is_legal: bool = False  # whether all its numbers are decimal


class Numbering:
    """Counts through one document."""

    def __init__(self, root: Element | None) -> None:
        """`root`: the numbering part; without one, nothing is numbered."""
        self._levels: dict[str, dict[int, _Level]] = {}  # by scheme ("abstract numbering")
        self._schemes: dict[str, str] = {}  # list → scheme
        self._restarts: dict[str, dict[int, int]] = {}  # list → level → number it begins anew with
        self._counts: dict[str, list[int | None]] = {}  # by scheme
        for element in [] if root is None else root:
            if local(element.tag) == "abstractNum":
                scheme = attribute(element, "abstractNumId") or ""
                self._levels[scheme] = _levels(element)
            elif local(element.tag) == "num":
                self._add_list(element)

    def label(self, list_id: str, level: int) -> str | None:
        """What stands before the next paragraph of a list; "-" for a bullet, None for nothing."""
        scheme = self._schemes.get(list_id)
        levels = self._levels.get(scheme or "", {})
        if scheme is None or level not in levels:
            return None
        counts = self._counts.setdefault(scheme, [None] * _LEVELS)
        for restarted, number in self._restarts.pop(list_id, {}).items():
            counts[restarted] = number - 1
        before = counts[level]
        counts[level] = levels[level].start if before is None else before + 1
        counts[level + 1 :] = [None] * (_LEVELS - level - 1)
        if levels[level].form == "bullet":
            return "-"
        return _filled(levels, level, counts) or None

    def _add_list(self, element: Element) -> None:
        list_id = attribute(element, "numId") or ""
        for child in element:
            if local(child.tag) == "abstractNumId":
                self._schemes[list_id] = attribute(child, "val") or ""
            elif local(child.tag) == "lvlOverride":
                start = next((e for e in child if local(e.tag) == "startOverride"), None)
                if start is not None:
                    level = min(_whole(attribute(child, "ilvl")), _LEVELS - 1)
                    self._restarts.setdefault(list_id, {})[level] = _whole(attribute(start, "val"))


def _levels(scheme: Element) -> dict[int, _Level]:
    found = {}
    for element in scheme:
        if local(element.tag) == "lvl":
            given = {local(child.tag): attribute(child, "val") or "" for child in element}
            found[_whole(attribute(element, "ilvl"))] = _Level(
                _whole(given.get("start", "1")),
                given.get("numFmt", "decimal"),
                given.get("lvlText", ""),
                "isLgl" in given,
            )
    return found


def _filled(levels: dict[int, _Level], level: int, counts: list[int | None]) -> str:
    def number(match: re.Match[str]) -> str:
        of = int(match[1]) - 1
        rule = levels.get(of, _Level())
        count = counts[of]
        form = "decimal" if levels[level].is_legal else rule.form
        return in_form(rule.start if count is None else count, form)

    return re.sub(r"%([1-9])", number, levels[level].text).strip()


def in_form(number: int, form: str) -> str:
    """A number as letters, Roman or decimal; decimal also where the form is another."""
    match form:
        case "none":
            return ""
        case "lowerLetter" | "upperLetter" if number > 0:
            letter = chr(97 + (number - 1) % 26) * ((number - 1) // 26 + 1)  # … z, aa, bb
            return letter.upper() if form == "upperLetter" else letter
        case "lowerRoman" | "upperRoman" if 0 < number < 4000:
            letters = ""
            for value, sign in _ROMAN:
                times, number = divmod(number, value)
                letters += sign * times
            return letters.upper() if form == "upperRoman" else letters
        case "decimalZero":
            return f"{number:02}"
    return str(number)


def _whole(text: str | None) -> int:
    """A number as files write it; 0 for what is none."""
    return min(int(text), 1 << 30) if text and text.isascii() and text.isdigit() else 0
