"""What the model is given fits, is what was asked for, and is told truly."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents.coverage import coverage
from app.documents.document import Document, Page
from app.documents.index import PassageIndex
from app.documents.pages import Shown, tokens
from app.documents.select import Selection, everything, mode_for, passes, searched
from tests.app.documents.sample import document

LINE = "words that fill a line of this page and tell nobody anything"


def book(pages: int = 20) -> Document:
    texts = [
        f"{LINE}\n\nOn page {n} the key number{n} lies.\n\n{LINE}" for n in range(1, pages + 1)
    ]
    return document("book.pdf", *texts)


def test_documents_that_fit_are_given_whole() -> None:
    read = book(2)
    fits = tokens(read.lines)
    assert mode_for([read], "Summarise this.", fits) == "all"
    assert mode_for([read], "Where is the key?", fits - 1) == "search"
    assert mode_for([read], "Summarise this.", fits - 1) == "passes"
    selection = everything([read, document("empty.pdf")], first_cursor=3)
    assert [(shown.cursor, shown.is_whole) for shown in selection.shown] == [(3, True)]


def test_a_search_gives_what_matches_within_the_budget() -> None:
    index = PassageIndex([book()])
    selection = searched(index, "Where is number17?", (), 150)
    assert selection.tokens <= 150
    (shown,) = selection.shown
    lines = [line for a, b in shown.ranges for line in shown.document.lines[a : b + 1]]
    assert "On page 17 the key number17 lies." in lines


def test_a_search_in_vain_gives_the_beginning() -> None:
    selection = searched(PassageIndex([book()]), "xyzzy", (), 150)
    assert selection.shown[0].ranges[0][0] == 0


def test_cursors_count_documents_even_those_of_which_nothing_is_shown() -> None:
    one, two = document("a.pdf", f"Bees.\n{LINE * 9}"), document("b.pdf", "The wasps sting.")
    selection = searched(PassageIndex([one, two]), "wasps", (), 20, first_cursor=4)
    assert [shown.cursor for shown in selection.shown] == [5]


def test_a_heading_is_shown_with_what_stands_under_it() -> None:
    filler = "\n\n".join([LINE] * 9)
    read = document("a.pdf", f"4. Rates\n\n{filler}\n\nThe key costs 7.\n\n{filler}")
    (shown,) = searched(PassageIndex([read]), "What does the key cost?", (), 400).shown
    assert shown.ranges[0][0] == 0


@given(
    st.lists(st.lists(st.text(st.sampled_from("ab \n"), max_size=99), max_size=4), max_size=3),
    st.integers(1, 120),
)
def test_passes_leave_nothing_out_and_fit(texts: list[list[str]], budget: int) -> None:
    documents = [document(f"{n}.txt", *pages) for n, pages in enumerate(texts)]
    found = passes(documents, budget)
    lines = [
        (shown.cursor, line)
        for selection in found
        for shown in selection.shown
        for first, last in shown.ranges
        for line in range(first, last + 1)
    ]
    assert lines == [(n, line) for n, d in enumerate(documents) for line in range(d.line_count)]
    for selection in found:
        is_one_line = [s.ranges for s in selection.shown] == [((a, a),) for a in _firsts(selection)]
        assert selection.tokens <= budget or (len(selection.shown) == 1 and is_one_line)
    if documents:
        assert all(told.is_whole for told in coverage(found))


def _firsts(selection: Selection) -> list[int]:
    return [shown.ranges[0][0] for shown in selection.shown]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (range(60), "read all 12 pages"),
        (range(0), "read nothing of it"),
        (range(10, 20), "read 2 of 12 pages: 3–4"),
        ((0, 10, 15, 25, 35, 45, 55), "read 7 of 12 pages: 1, 3–4, 6, 8…"),
        (range(1, 60), "read 12 of 12 pages in part"),
    ],
)
def test_coverage_is_told_by_pages(lines: Sequence[int], said: str) -> None:
    read = document("a.pdf", *["a\nb\nc\nd\ne"] * 12)
    ranges = tuple((line, line) for line in lines)
    if lines == range(60):
        ranges = ((0, 59),)
    (told,) = coverage([Selection("search", (Shown(0, read, ranges),), (read,))])
    assert told.words() == said


def test_coverage_of_one_page_is_told_by_lines_and_pictures_are_no_pages_read() -> None:
    read = document("a.txt", "a\nb\nc", kind="text")
    assert coverage([everything([read])])[0].words("will read") == "will read all of it"
    picture = Page(2, "", (), is_picture=True)
    scanned = Document("a.pdf", "", "pdf", (*document("", "a", "b").pages, picture))
    assert coverage([everything([scanned])])[0].words() == "read all 2 pages"
    (told,) = coverage([Selection("search", (Shown(0, read, ((1, 2),)),), (read,))])
    assert told.words() == "read 2 of 3 lines"
