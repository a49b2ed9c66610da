"""Where lines stand, in words for people: "p. 12, lines 3–5", "sheet Costs, line 9".

Standard library only.
"""

from app.documents.document import Document, Page

_UNITS = {"xlsx": "sheet", "pptx": "slide", "epub": "chapter"}  # all else has pages


def unit(document: Document) -> str:
    """What the parts of a document are called, in the singular."""
    return _UNITS.get(document.kind, "page")


def part(document: Document, page: Page) -> str:
    """The name of a page among the others; "" where there is but one that nobody named."""
    kind = unit(document)
    if len(document.pages) == 1 and not page.label:
        return ""
    if kind == "page":
        is_plain = page.label in ("", str(page.number))
        return f"p. {page.number}" if is_plain else f"p. {page.label} ({page.number})"
    return f"{kind} {page.label or page.number}"


def place(document: Document, first: int, last: int) -> str:
    """Where lines `first` to `last` of a document stand, counted from 1 on their page. Raises
    IndexError where there are no such lines."""
    page, start = document.place(first)
    last_page, end = document.place(last)
    if page is last_page:
        lines = f"line {start + 1}" if first == last else f"lines {start + 1}–{end + 1}"
        return _joined(part(document, page), lines)
    begins = _joined(part(document, page), f"line {start + 1}")
    return f"{begins} – {_joined(part(document, last_page), f'line {end + 1}')}"


def ranges(numbers: list[int], most: int) -> str:
    """Numbers in ascending order as people list them, the first `most` runs: "3–9, 41…"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    told = ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in runs[:most])
    return f"{told}…" if len(runs) > most else told


def _joined(page: str, lines: str) -> str:
    return f"{page}, {lines}" if page else lines
