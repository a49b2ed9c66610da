"""A line is found on its page, whatever pages lie between."""

from array import array

import pytest

from app.documents.document import Document, Line, Page
from app.documents.lines import BLOCK, Block, PackedLines


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


@pytest.mark.parametrize("piece", [slice(None), slice(1, 3), slice(-2, None), slice(0, 9, 2)])
def test_texts_are_cut_as_a_tuple_is(piece: slice) -> None:
    texts: tuple[str, ...] = ("a", "b", "c", "d")
    assert document(("a",), (), ("b", "c"), ("d",)).lines[piece] == texts[piece]


def test_packed_lines_are_a_sequence_of_lines() -> None:
    count = 2 * BLOCK + 3
    boxes = [(float(i), 0.0, 1.0, 2.0) for i in range(count)]
    blocks = []
    for first in range(0, count, BLOCK):
        block = range(first, min(first + BLOCK, count))
        corners = array("d", [number for i in block for number in boxes[i]])
        blocks.append(Block("\n".join(str(i) for i in block), corners))
    packed, plain = PackedLines(blocks), tuple(Line(str(i), boxes[i]) for i in range(count))
    assert packed == plain and len(packed) == count
    assert (packed[-1], packed[BLOCK], packed[250:260]) == (plain[-1], plain[BLOCK], plain[250:260])
    with pytest.raises(IndexError):
        packed[count]


def test_no_lines_and_an_empty_line_differ() -> None:
    assert len(PackedLines([])) == 0
    assert tuple(PackedLines([Block("")])) == (Line(""),)
