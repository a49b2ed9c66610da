"""PDFs: words with their places, in the order in which people read; what can't be read is named."""

import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPointF
from PySide6.QtGui import QFont, QPainter, QPdfWriter

from app.documents.reading.layout import Piece, lines_in_order
from app.documents.reading.pdf import turned
from app.documents.reading.refused import Refused
from tests.app.documents.reading.files import pdf, read_here, shown, texts

PICTURE = b"0 0 612 792 re f\n"
LEFT = [f"left column line {i} of prose" for i in range(8)]
RIGHT = [f"right column line {i} of prose" for i in range(8)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "report.pdf"


def test_lines_come_with_their_places(path: Path) -> None:
    path.write_bytes(pdf([shown((72, 700, "Bees hum."), (72, 685, "Softly."))]))
    read = read_here(path)
    assert read.kind == "pdf" and texts(read) == ["Bees hum.", "Softly."]
    first, second = read.pages[0].lines
    assert first.box is not None and second.box is not None
    left, bottom, right, top = first.box
    assert 71 < left < 74 and 100 < right < 130 and bottom < 700 < top < bottom + 20
    assert second.box[3] < top


def test_pages_are_counted_and_have_the_labels_printed_on_them(path: Path) -> None:
    labels = "/PageLabels << /Nums [0 << /S /r >> 2 << /S /D /P (A-) >>] >>"
    path.write_bytes(pdf([shown((72, 700, f"page {i}")) for i in range(4)], catalog=labels))
    pages = read_here(path).pages
    assert [page.number for page in pages] == [1, 2, 3, 4]
    assert [page.label for page in pages] == ["i", "ii", "A-1", "A-2"]


@pytest.mark.parametrize("by_rows", [True, False])
def test_two_columns_are_read_one_after_the_other(path: Path, by_rows: bool) -> None:
    left = [(72.0, 650.0 - 14 * i, text) for i, text in enumerate(LEFT)]
    right = [(320.0, 650.0 - 14 * i, text) for i, text in enumerate(RIGHT)]
    columns = [piece for pair in zip(left, right, strict=True) for piece in pair]
    title = (72.0, 700.0, "A title that spans both of the columns of this page, from side to side")
    end = (72.0, 500.0, "A line below that spans both of the columns of this page as well, as far")
    number = (300.0, 40.0, "7")  # of the page, where the gutter is
    path.write_bytes(pdf([shown(end, number, *(columns if by_rows else left + right), title)]))
    assert texts(read_here(path)) == [title[2], *LEFT, *RIGHT, end[2], "7"]


def test_a_word_that_is_parted_at_the_end_of_a_line_leaves_its_columns_whole(path: Path) -> None:
    """PDFium joins such lines to one."""
    left = [(72.0, 650.0 - 14 * i, "a line of prose with conse-") for i in range(8)]
    right = [(320.0, 650.0 - 14 * i, "other prose with conse-") for i in range(8)]
    path.write_bytes(pdf([shown(*left, *right)]))
    lines = texts(read_here(path))
    assert lines == [text for _, _, text in left + right]


def test_tables_keep_their_rows(path: Path) -> None:
    rows = [("Name", "Amount", "Year"), *((f"Item {i}", f"{i},000", "2024") for i in range(8))]
    places = [
        (72.0 + 150 * column, 700.0 - 15 * row, cell)
        for row, cells in enumerate(rows)
        for column, cell in enumerate(cells)
    ]
    path.write_bytes(pdf([shown(*places)]))
    assert texts(read_here(path)) == ["\t".join(cells) for cells in rows]


@pytest.mark.parametrize(
    ("degrees", "matrix"),
    [
        (0, "1 0 0 1 0 0"),
        (90, "0 1 -1 0 612 0"),
        (180, "-1 0 0 -1 612 792"),
        (270, "0 -1 1 0 0 792"),
        (90, "1 0 0 1 0 0"),  # text that lies on its side when the page is seen
    ],
)
def test_a_page_that_is_turned_is_read_as_it_is_seen(path: Path, degrees: int, matrix: str) -> None:
    """Text drawn so that it is upright once the page is turned."""
    content = f"q {matrix} cm\n".encode() + shown((72, 500, "first"), (72, 480, "second")) + b"Q\n"
    path.write_bytes(pdf([content], page=f"/Rotate {degrees}"))
    read = read_here(path)
    assert texts(read) == ["first", "second"]
    assert all(line.box and line.box[0] < line.box[2] for line in read.pages[0].lines)


def test_a_page_drawn_sideways_is_read_along_its_lines(path: Path) -> None:
    content = (
        b"q 0 1 -1 0 612 0 cm\n" + shown((72, 500, "the first"), (72, 480, "a second")) + b"Q\n"
    )
    path.write_bytes(pdf([content]))
    assert texts(read_here(path)) == ["the first", "a second"]


def test_what_was_filled_into_a_form_is_read(path: Path) -> None:
    fields = [
        "<< /Subtype /Widget /FT /Tx /T (n) /V (Ann Lee) /Rect [150 695 300 710] >>",
        "<< /Subtype /Widget /FT /Btn /T (a) /V /Yes /AS /Yes /Rect [150 675 160 685] >>",
        "<< /Subtype /Widget /FT /Btn /T (b) /V /Off /AS /Off /Rect [150 655 160 665] >>",
    ]
    words = shown((72, 699, "Name:"), (72, 677, "Agrees:"), (72, 657, "Travels:"))
    form = "/AcroForm << /Fields [6 0 R 7 0 R 8 0 R] >>"
    path.write_bytes(pdf([words], page="/Annots [6 0 R 7 0 R 8 0 R]", catalog=form, more=fields))
    assert texts(read_here(path)) == ["Name:\tAnn Lee", "Agrees:\t☒", "Travels:\t☐"]


def test_pages_that_are_pictures_are_named(path: Path) -> None:
    text = shown((72, 700, "Words that can be read, and quite a lot of them on this page."))
    mark = shown((72, 20, "Scanned"))
    path.write_bytes(pdf([text, PICTURE, PICTURE + mark, text, PICTURE, b""]))
    read = read_here(path)
    assert [page.is_picture for page in read.pages] == [False, True, True, False, True, False]
    assert read.notes == ("Pages 2–3, 5 are pictures: their text can't be read.",)
    assert texts(read, 2) == ["Scanned"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (pdf([shown((72, 700, "secret"))], encrypted=True), "is protected with a password"),
        (pdf([PICTURE] * 3), "is a scan: its 3 pages are pictures"),
        (pdf([PICTURE]), "is a scan: its one page is a picture"),
        (pdf([b""]), "has no text in it"),
        (b"%PDF-1.7\n" + random.Random(3).randbytes(5000), "begins as a PDF, but the rest is none"),
        (b"%PDF-1.7", "begins as a PDF, but the rest is none"),
        (pdf([shown((72, 700, "cut"))])[:300], "is cut off: its end is missing"),
        (b"", "is empty"),
        (random.Random(5).randbytes(5000), "it is not a PDF inside"),
    ],
)
def test_each_bad_file_has_its_own_words(path: Path, data: bytes, said: str) -> None:
    path.write_bytes(data)
    with pytest.raises(Refused) as raised:
        read_here(path)
    assert said in str(raised.value)


def test_what_is_left_of_a_file_without_its_end_is_read_and_told(path: Path) -> None:
    whole = pdf([shown((72, 700, "still here"))])
    path.write_bytes(whole[: whole.index(b"startxref")])
    read = read_here(path)
    assert texts(read) == ["still here"] and "The end of the file is missing" in read.notes[0]


def test_letters_beyond_the_first_plane_are_whole(path: Path) -> None:
    """As Word and TeX write formulas: the font says that its A is 𝑥, outside of UTF-16's units."""
    meaning = (
        "1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfchar <41> <d835dc65> endbfchar"
    )
    stream = f"<< /Length {len(meaning)} >>\nstream\n{meaning}\nendstream"
    data = pdf([shown((72, 700, "A"))], more=[stream])
    font = b"/Encoding /WinAnsiEncoding"
    path.write_bytes(data.replace(font, b"/ToUnicode 6 0 R".ljust(len(font))))
    assert texts(read_here(path)) == ["\U0001d465"]


def test_what_qt_writes_is_read(path: Path, qapp: object) -> None:
    writer = QPdfWriter(str(path))
    writer.setResolution(72)
    painter = QPainter(writer)
    painter.setFont(QFont("DejaVu Sans", 10))
    painter.drawText(QPointF(60, 60), "Œuvre déjà vue")
    writer.newPage()
    painter.drawText(QPointF(60, 60), "second")
    painter.end()
    read = read_here(path)
    assert texts(read) == ["Œuvre déjà vue"] and texts(read, 1) == ["second"]


BOXES = st.tuples(st.floats(0, 600), st.floats(0, 800), st.floats(1, 300), st.floats(1, 40)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@given(
    st.lists(
        st.builds(Piece, st.from_regex(r"[a-z]{1,9}( [a-z]{1,9}){0,5}", fullmatch=True), BOXES)
    )
)
def test_whatever_stands_where_no_word_is_lost_or_doubled(pieces: list[Piece]) -> None:
    words = Counter(word for piece in pieces for word in piece.text.split())
    joined = " ".join(line.text for line in lines_in_order(pieces))
    assert sum(words.values()) >= len(joined.split())
    letters = Counter("".join(joined.split()))
    assert letters == Counter("".join(word * times for word, times in words.items()))


@given(BOXES, st.sampled_from([0, 90, 180, 270]))
def test_a_box_turned_and_turned_back_is_the_same(
    box: tuple[float, float, float, float], degrees: int
) -> None:
    assert turned(turned(box, degrees), -degrees) == box
