"""Citations are found however an answer is cut, and are held against what the model was shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents.citations import Citation, CitationParser, Piece
from app.documents.document import Document, Line, Page
from app.documents.pages import Shown, whole

REPORT = Document(
    "report.pdf",
    "",
    "pdf",
    (
        Page(1, "", (Line("The dam leaks, and the inter-"), Line("national board knows it."))),
        Page(2, "", ()),
        Page(3, "", (Line("Repairs cost 41 million."), Line("They end in June."))),
    ),
)
SHOWN = (whole(REPORT, 0), Shown(3, REPORT, ((0, 0), (2, 3))))


def parsed(*pieces: str) -> list[Piece]:
    parser = CitationParser(SHOWN)
    found = [piece for text in pieces for piece in parser.feed(text)]
    return found + parser.finish()


def only(text: str) -> Citation:
    (citation,) = [piece for piece in parsed(text) if isinstance(piece, Citation)]
    return citation


def written(piece: Piece) -> str:
    return piece if isinstance(piece, str) else piece.written


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("【0†L2】", 2, 2),
        ("【0†L2-L3】", 2, 3),
        ("【0†L2-3】", 2, 3),
        ("【0†L2–L3】", 2, 3),
        ("【0† L2 - L3 】", 2, 3),
        ("【0†L2-L3†report.pdf】", 2, 3),
    ],
)
def test_every_usual_form_is_understood(text: str, first: int, last: int) -> None:
    citation = only(text)
    assert (citation.first, citation.last, citation.state) == (first, last, "found")
    assert citation.document is REPORT and citation.pages == (3,)


@pytest.mark.parametrize(
    "text",
    [
        *("【", "【0", "【0†", "【0†L", "【0†L2", "【0†L2-", "【0†L2-L3", "】", "【】"),
        *("【0†source】", "【L2】", "【a†L2】", "[0†L2]", "【0†L2-L3-L4】", "【0+L2】"),
        *("【0†L2\n\nMore.", "【1234567†L2】", "【0†L1234567890】", "【新聞】", "【0†L2 of it】"),
    ],
)
def test_what_only_looks_like_one_stays_text(text: str) -> None:
    assert "".join(map(written, parsed(f"a{text}b"))) == f"a{text}b"
    assert not any(isinstance(piece, Citation) for piece in parsed(f"a{text}b"))


def test_a_broken_one_does_not_swallow_the_next() -> None:
    assert [written(piece) for piece in parsed("【0†【0†L2】")] == ["【0†", "【0†L2】"]


def test_a_citation_may_stand_inside_a_word() -> None:
    before, citation, after = parsed("repa【0†L2】irs")
    assert (before, after) == ("repa", "irs") and isinstance(citation, Citation)


@pytest.mark.parametrize(
    ("text", "state", "said"),
    [
        ("【0†L3】", "found", "report.pdf, p. 3, line 2"),
        ("【0†L0-L1】", "found", "report.pdf, p. 1, lines 1–2"),
        ("【0†L1-L2】", "found", "report.pdf, p. 1, line 2 – p. 3, line 1"),
        ("【3†L2-L3】", "found", "report.pdf, p. 3, lines 1–2"),
        ("【3†L1】", "not shown", "report.pdf, p. 1, line 2, not among what was read"),
        ("【3†L0-L2】", "not shown", "report.pdf, p. 1, line 1 – p. 3, line 1, not among"),
        ("【0†L4】", "no such lines", "report.pdf, no such lines"),
        ("【0†L3-L4】", "no such lines", "report.pdf, no such lines"),
        ("【0†L3-L2】", "no such lines", "report.pdf, no such lines"),
        ("【0†L999999999】", "no such lines", "report.pdf, no such lines"),
        ("【1†L0】", "no such lines", "no such document"),
    ],
)
def test_lines_are_held_against_what_was_shown(text: str, state: str, said: str) -> None:
    citation = only(text)
    assert citation.state == state
    assert citation.words().startswith(said)


def test_a_citation_over_pages_names_them_all() -> None:
    assert only("【0†L1-L2】").pages == (1, 2, 3)


@pytest.mark.parametrize(
    ("quote", "is_found"),
    [
        ("“Repairs cost 41 million”", True),
        ('"repairs  cost 41 MILLION."', True),
        ("« Repairs … million »", True),
        ("„cost 41 million“", True),
        ("“Repairs [...] 41 million”", True),
        ("“million … repairs”", False),
        ("“Repairs cost 40 million”", False),
        ("“They end in June”", False),
    ],
)
def test_quoted_words_are_looked_up_in_the_cited_lines(quote: str, is_found: bool) -> None:
    (found,) = only(f"It says {quote}【0†L2】.").quotes
    assert found.is_found == is_found


def test_a_word_cut_at_the_end_of_a_line_is_found() -> None:
    (found,) = only("the “international board”【0†L0-L1】").quotes
    assert found.is_found


def test_quotes_belong_to_the_citation_after_them_in_their_paragraph() -> None:
    text = "“Nobody said this”\n\nIt “leaks”【0†L0】 and “they end”【0†L3】. “Later”"
    first, second = (piece for piece in parsed(text) if isinstance(piece, Citation))
    assert [quote.words for quote in first.quotes] == ["leaks"]
    assert [quote.words for quote in second.quotes] == ["they end"]


def test_short_quotes_are_not_looked_up() -> None:
    assert only("the “A4”【0†L0】").quotes == ()


MARKS = st.sampled_from(
    [
        *"【】†L-–0123456789 \n“”",
        "【0†L2】",
        "【0†L2-L3】",
        "【3†L1】",
        "【9†L0-L",
        "word",
        "e\u0301",
    ]
)


@given(st.lists(MARKS, max_size=30), st.data())
def test_cutting_an_answer_anywhere_changes_nothing(marks: list[str], data: st.DataObject) -> None:
    text = "".join(marks)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    def merged(found: list[Piece]) -> list[Piece]:
        joined: list[Piece] = []
        for piece in found:
            if isinstance(piece, str) and joined and isinstance(joined[-1], str):
                joined[-1] += piece
            else:
                joined.append(piece)
        return joined

    assert merged(parsed(*pieces)) == merged(parsed(text))
    assert "".join(map(written, parsed(*pieces))) == text


@given(st.text(), st.integers(0, 9), st.integers(0, 2000), st.integers(0, 2000), st.text())
def test_a_well_formed_citation_is_found_in_any_text(
    before: str, cursor: int, first: int, last: int, after: str
) -> None:
    cited = f"【{cursor}†L{first}-L{last}】"
    assert cited in [written(p) for p in parsed(*before, *cited, *after)]


@given(st.text(st.characters(exclude_characters="【")))
def test_text_without_a_bracket_is_never_held_back(text: str) -> None:
    assert "".join(map(written, CitationParser(()).feed(text))) == text


def test_little_is_held_back() -> None:
    parser = CitationParser(())
    assert parser.feed("a【" + " " * 500) == ["a【" + " " * 500]
