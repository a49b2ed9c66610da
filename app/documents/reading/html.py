"""Web pages, and the chapters of e-books: what a reader sees of them, as lines.

Headings and lists get Markdown's marks, tables rows; scripts, styles and what is hidden stay out.
Bad markup is read as far as it goes, as browsers do. Standard library only.
"""

import io
import re
from collections.abc import Iterable, Set
from html.parser import HTMLParser
from typing import BinaryIO

from app.documents.reading.decode import encoding_of
from app.documents.reading.output import Output

_PIECE = 1 << 16
_HIDDEN = {"script", "style", "template", "noscript", "svg", "object", "iframe"}
# Their end need not be written, so nothing tells where what they hide would end.
_OPEN_ENDED = {"p", "li", "dt", "dd", "td", "th", "tr", "thead", "tbody", "tfoot", "body", "html"}
_BLOCKS = {
    *("address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details"),
    *("div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hr"),
    *("html", "legend", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table"),
    *("tbody", "tfoot", "thead", "title", "tr", "ul"),
}
_APART = {"p", "pre", "table", "ul", "ol", "dl", "blockquote", "hr", "section", "article"}
_EMPTY = {"br", "hr", "img", "input", "meta", "link", "wbr", "area", "base", "col", "source"}
_HEADING = re.compile(r"h([1-6])$")
_SPACE = re.compile(r"[ \t\r\n\f]+")  # HTML's own; a no-break space stays


def read_html(file: BinaryIO, out: Output) -> None:
    """A page, its title first. Raises Refused for bytes that are no text."""
    encoding = encoding_of(file)
    if encoding.note:
        out.note(encoding.note)
    file.seek(encoding.skip)
    text = io.TextIOWrapper(file, encoding.name, encoding.errors)
    out.page()
    write_html(iter(lambda: text.read(_PIECE), ""), out, with_title=True)
    text.detach()


def write_html(markup: Iterable[str], out: Output, *, with_title: bool) -> None:
    """Markup, in pieces, as lines of the page at hand."""
    parser = _Lines(out, _HIDDEN if with_title else _HIDDEN | {"title"})
    for piece in markup:
        parser.feed(piece)
    parser.close()
    parser.end()


class _Lines(HTMLParser):
    def __init__(self, out: Output, hidden: Set[str]) -> None:
        super().__init__(convert_charrefs=True)
        self._out = out
        self._never_shown = hidden
        self._text: list[str] = []  # of the block at hand
        self._mark = ""  # before it: "## ", "- "
        self._hidden = 0  # elements around that are not shown
        self._hidden_by = ""
        self._kept = 0  # `pre` around
        self._lists: list[int | None] = []  # next number of each list around; None is a bullet
        self._cells: list[list[str]] = []  # rows at hand, one a table around

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if self._hidden:
            self._hidden += tag == self._hidden_by
            return
        given = dict(attributes)
        can_hide = tag not in _EMPTY and tag not in _OPEN_ENDED
        if tag in self._never_shown or (can_hide and _is_invisible(given)):
            self._hidden, self._hidden_by = 1, tag
        elif tag == "br":
            self._text.append("\n")
        elif tag == "img" and given.get("alt"):
            self._text.append(f"[{given['alt']}]")
        elif tag in ("td", "th") and self._cells:
            self._end_cell(is_one=False)
        elif tag == "tr" and self._cells:
            self._end_row()
        else:
            self._begin(tag, given)

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            self._hidden -= tag == self._hidden_by
            return
        if tag in ("td", "th") and self._cells:
            self._end_cell(is_one=True)
        elif tag == "tr" and self._cells:
            self._end_row()
        elif tag == "table" and self._cells:
            self._end_row()
            self._cells.pop()
            self._out.blank()
        elif _HEADING.match(tag) or tag in _BLOCKS:
            self._end(tag)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._text.append(data if self._kept else _SPACE.sub(" ", data))

    def end(self) -> None:
        """What was left open at the end."""
        while self._cells:
            self._end_row()
            self._cells.pop()
        self._end_block()

    def _begin(self, tag: str, given: dict[str, str | None]) -> None:
        heading = _HEADING.match(tag)
        if not heading and tag not in _BLOCKS:
            return
        if self._cells and tag != "table":
            self._text.append(" ")  # paragraphs in a cell stay on its row
            return
        self._end_block()
        if (heading or tag in _APART) and not self._lists:
            self._out.blank()
        if heading:
            self._mark = "#" * int(heading[1]) + " "
        elif tag == "li":
            self._mark = self._bullet()
        elif tag == "table":
            self._cells.append([])
        elif tag == "pre":
            self._kept += 1
        elif tag in ("ul", "ol"):
            start = given.get("start") or "1"
            number = int(start) if start.isascii() and start.isdigit() else 1
            self._lists.append(number if tag == "ol" else None)

    def _end(self, tag: str) -> None:
        if self._cells:
            self._text.append(" ")
            return
        self._end_block()
        if tag == "pre":
            self._kept = max(0, self._kept - 1)
        elif tag in ("ul", "ol") and self._lists:
            self._lists.pop()
        if (tag in _APART or _HEADING.match(tag)) and not self._lists:
            self._out.blank()

    def _bullet(self) -> str:
        indent = "  " * max(0, len(self._lists) - 1)
        number = self._lists[-1] if self._lists else None
        if number is None:
            return f"{indent}- "
        self._lists[-1] = number + 1
        return f"{indent}{number}. "

    def _end_cell(self, *, is_one: bool) -> None:
        """Text outside of cells is one only if there is any."""
        text = " ".join("".join(self._text).split())
        self._text = []
        if text or is_one:
            self._cells[-1].append(text)

    def _end_row(self) -> None:
        self._end_cell(is_one=False)
        if any(self._cells[-1]):
            self._out.row(self._cells[-1])
        self._cells[-1] = []

    def _end_block(self) -> None:
        text = "".join(self._text)
        self._text = []
        if self._kept:
            self._out.prose(text.strip("\n"))
            return
        for line in text.split("\n"):
            line = line.strip(" ")
            if line:
                self._out.prose(self._mark + line)
                self._mark = " " * len(self._mark) if self._mark.strip() else self._mark
        self._mark = ""


def _is_invisible(given: dict[str, str | None]) -> bool:
    style = (given.get("style") or "").replace(" ", "").lower()
    return "hidden" in given or "display:none" in style
