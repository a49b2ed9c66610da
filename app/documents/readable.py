"""An answer's text for people and other programs: its citations in words. Standard library only."""

from collections.abc import Sequence

from app.documents.citations import Citation, CitationParser
from app.documents.pages import Shown


def readable_text(text: str, citable: Sequence[Shown]) -> str:
    """With "[report.pdf, p. 12, lines 3–5]" for a citation."""
    if not citable:
        return text
    parser = CitationParser(citable)
    pieces = [*parser.feed(text), *parser.finish()]
    return "".join(f" [{p.words()}]" if isinstance(p, Citation) else p for p in pieces)
