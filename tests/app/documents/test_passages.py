"""Passages hold every line that says something, on one page, and know what stands above them."""

from hypothesis import given
from hypothesis import strategies as st

from app.documents.passages import passages
from tests.app.documents.sample import document

PROSE = "\n".join(["some words that fill a line of a page and say nothing more"] * 4)


def test_a_heading_begins_a_passage_and_stands_above_those_that_follow() -> None:
    read = document("a.pdf", f"1. Fees\n\n{PROSE}\n\n{PROSE}", f"{PROSE}\n\n2. Keys\n\nTwo keys.")
    found = [(p.first, p.last, p.page, p.above) for p in passages(read)]
    assert found == [(0, 5, 0, ()), (7, 10, 0, (0,)), (11, 14, 1, (0,)), (16, 18, 1, ())]


def test_the_head_of_a_table_stands_above_its_rows_on_the_next_page() -> None:
    rows = "\n".join(f"A{n} | {n} | of the many words that a cell may well hold" for n in range(9))
    read = document("a.pdf", f"Table\nCode | Price | Remark\n{rows}", rows, "Not a table.")
    *in_table, after = passages(read)
    assert {p.page for p in in_table} == {0, 1}
    assert all(1 in p.above for p in in_table if p.first > 1)
    assert 1 not in after.above


def test_a_numbered_sentence_is_no_heading() -> None:
    read = document("a.pdf", f"{PROSE}\n3 of them were lost and had to be\nbought anew.")
    assert len(list(passages(read))) == 1


@given(st.lists(st.text(st.sampled_from("a .|\n#1A"), max_size=400), max_size=4))
def test_each_line_with_text_is_in_one_passage(texts: list[str]) -> None:
    read = document("a.pdf", *texts)
    held = [line for p in passages(read) for line in range(p.first, p.last + 1)]
    assert held == sorted(set(held))
    assert {n for n, text in enumerate(read.lines) if text.strip()} <= set(held)
    for p in passages(read):
        assert all(line < p.first for line in p.above)
        assert read.place(p.first)[0] is read.place(p.last)[0] is read.pages[p.page]
