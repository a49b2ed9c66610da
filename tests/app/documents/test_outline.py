"""A document comes back from what is kept of it."""

from hypothesis import given
from hypothesis import strategies as st

from app.chats.models import Attachment
from app.documents.document import Document, Line, Page
from app.documents.outline import document_from, outline_of, text_of

LINES = st.lists(st.text(st.characters(exclude_characters="\n", codec="utf-8")), max_size=5)
BOX = (72.0, 700.5, 120.25, 712.0)


@given(st.lists(st.tuples(LINES, st.booleans(), st.booleans()), min_size=1, max_size=4))
def test_a_document_comes_back_whole(pages: list[tuple[list[str], bool, bool]]) -> None:
    made = Document(
        "report.pdf",
        "abc",
        "pdf",
        tuple(
            Page(
                number,
                f"p{number}",
                tuple(Line(text, BOX if has_boxes else None) for text in lines),
                is_picture,
            )
            for number, (lines, has_boxes, is_picture) in enumerate(pages, 1)
        ),
        ("Page 2 is a picture: its text can't be read.",),
    )
    again = document_from(made.name, made.digest, text_of(made), outline_of(made))
    assert again.notes == made.notes and again.kind == made.kind
    for page, expected in zip(again.pages, made.pages, strict=True):
        assert tuple(page.lines) == tuple(expected.lines)
        assert (page.number, page.label) == (expected.number, expected.label)
        assert page.is_picture == expected.is_picture


def test_what_was_attached_before_there_were_pages_is_one() -> None:
    document = Attachment("a.txt", "/a.txt", "one\n\n").document
    assert [line.text for line in document.pages[0].lines] == ["one", ""]
