"""Documents of a few words, for tests."""

from app.documents.document import Document, Line, Page


def document(name: str, *pages: str, kind: str = "pdf") -> Document:
    """A page for each text; its lines are the text's."""
    made = tuple(
        Page(number, "", tuple(map(Line, text.split("\n") if text else ())))
        for number, text in enumerate(pages, 1)
    )
    return Document(name, name, kind, made)
