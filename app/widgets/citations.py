"""Citations in an answer's Markdown: from what the model wrote to chips that can be opened.

Owns the way through Markdown: before it is read each citation becomes a short mark, and in the
blocks that come of it the mark becomes a span that is a link to the citation's number. What stands
in code or in a formula stays as it was written.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from app.documents.citations import Citation, CitationParser, Piece
from app.documents.pages import Shown
from app.documents.places import part, place
from app.markdown.blocks import (
    FOUND,
    UNFOUNDED,
    Block,
    CodeBlock,
    Heading,
    ListItem,
    MathsBlock,
    Paragraph,
    Quote,
    Span,
    Spans,
    Table,
)

# In brackets, so that emphasis ends before it as before a citation; a private letter within.
_MARK = re.compile("【\ue000(\\d+)】")
_NAME_LENGTH = 32


class CitedText:
    """One answer's text, as it streams."""

    def __init__(self, citable: Sequence[Shown]) -> None:
        self.citations: list[Citation] = []
        self._parser = CitationParser(citable) if citable else None

    def feed(self, text: str) -> str:
        """Markdown with marks; a citation that has only begun is held back."""
        return self._marked(self._parser.feed(text)) if self._parser else text

    def finish(self) -> str:
        return self._marked(self._parser.finish()) if self._parser else ""

    def _marked(self, pieces: Sequence[Piece]) -> str:
        text = ""
        for piece in pieces:
            if isinstance(piece, Citation):
                text += f"【\ue000{len(self.citations)}】"
                self.citations.append(piece)
            else:
                text += piece
        return text

    def with_chips(self, block: Block) -> Block:
        """The block with spans in the places of marks."""
        if not self.citations:
            return block
        match block:
            case Paragraph() | Heading():
                return replace(block, spans=self._spans(block.spans))
            case Quote() | ListItem():
                return replace(block, blocks=tuple(map(self.with_chips, block.blocks)))
            case Table():
                header = tuple(map(self._spans, block.header))
                rows = tuple(tuple(map(self._spans, row)) for row in block.rows)
                return replace(block, header=header, rows=rows)
            case CodeBlock():
                return replace(block, text=self._as_written(block.text))
            case MathsBlock():
                return replace(block, source=self._as_written(block.source))
        return block

    def _as_written(self, text: str) -> str:
        return _MARK.sub(lambda match: self._of(match).written, text)

    def _of(self, match: re.Match[str]) -> Citation:
        return self.citations[int(match[1]) % len(self.citations)]

    def _spans(self, spans: Spans) -> Spans:
        return tuple(new for span in spans for new in self._chipped(span))

    def _chipped(self, span: Span) -> Iterator[Span]:
        if "\ue000" not in span.text:
            yield span
            return
        if span.code or span.maths:
            yield replace(span, text=self._as_written(span.text))
            return
        start = 0
        for match in _MARK.finditer(span.text):
            before = span.text[start : match.start()]
            if before or start == 0:
                # A chip stands apart from the word before it, and may begin a line.
                spaced = before if before.endswith((" ", "\n")) else f"{before} "
                yield replace(span, text=spaced)
            else:
                yield Span(" ")
            yield self._chip(int(match[1]) % len(self.citations))
            start = match.end()
        if rest := span.text[start:]:
            yield replace(span, text=rest)

    def _chip(self, number: int) -> Span:
        citation = self.citations[number]
        scheme = FOUND if is_founded(citation) else UNFOUNDED
        # The words of a chip stay on one line.
        return Span(label(citation).replace(" ", "\u00a0"), link=f"{scheme}{number}")


def is_founded(citation: Citation) -> bool:
    return citation.state == "found" and all(quote.is_found for quote in citation.quotes)


def label(citation: Citation) -> str:
    """On the chip: "report.pdf · p. 12", or what is wrong."""
    document = citation.document
    if document is None:
        return "no such document"
    name = document.name.rpartition("/")[2]
    if len(name) > _NAME_LENGTH:
        half = _NAME_LENGTH // 2
        name = f"{name[:half]}…{name[-half:]}"
    if citation.state == "no such lines":
        return f"{name} · no such lines"
    page, _ = document.place(citation.first)
    where = part(document, page) or place(document, citation.first, citation.last)
    if citation.state == "not shown":
        return f"{name} · {where} · not read"
    if not is_founded(citation):
        return f"{name} · {where} · quote not found"
    return f"{name} · {where}"


def explained(citation: Citation) -> str:
    """More than the chip has room for."""
    told = [citation.words()]
    told += [
        f"“{quote.words}”: {'found there' if quote.is_found else 'not found there'}"
        for quote in citation.quotes
    ]
    return "\n".join(told)
