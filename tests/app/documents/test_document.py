"""A line is found on its page, whatever pages lie between."""

import pytest

from app.documents.document import Document, Line, Page


def document(*pages: tuple[str, ...]) -> Document:
    return Document(
        "report.pdf",
        "0" * 64,
        "pdf",
        tuple(Page(i + 1, "", tuple(map(Line, lines))) for i, lines in enumerate(pages)),
    )


def test_lines_are_numbered_through_the_document() -> None:
    read = document(("a", "b"), (), ("c",))
    assert read.lines == ("a", "b", "c")
    places = [read.place(line) for line in range(3)]
    assert [(page.number, index) for page, index in places] == [(1, 0), (1, 1), (3, 0)]


@pytest.mark.parametrize("line", [-1, 1])
def test_a_line_that_is_not_there_has_no_place(line: int) -> None:
    with pytest.raises(IndexError):
        document((), ("a",), ()).place(line)
