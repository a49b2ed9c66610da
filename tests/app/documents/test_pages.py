"""Documents look to the model as pages of the browser tool did."""

from app.documents.document import Document, Line, Page
from app.documents.pages import CITING, EXCERPTS, Shown, page, whole, with_documents


def document(name: str, *pages: tuple[str, ...], kind: str = "pdf") -> Document:
    made = tuple(Page(i + 1, "", tuple(map(Line, lines))) for i, lines in enumerate(pages))
    return Document(name, "", kind, made)


def test_a_page_has_cursor_title_range_and_numbered_lines() -> None:
    assert page(whole(document("bees.txt", ("Bees hum.", "", "Wasps sting."), kind="text"), 3)) == (
        "[3] bees.txt\n**viewing lines [0 - 2] of 2**\n\nL0: Bees hum.\nL1: \nL2: Wasps sting."
    )


def test_where_there_are_several_pages_each_says_where_it_begins() -> None:
    shown = whole(document("bees.pdf", ("Bees hum.",), (), ("Wasps sting.",)), 0)
    assert page(shown).endswith("\n\n(p. 1)\nL0: Bees hum.\n(p. 3)\nL1: Wasps sting.")


def test_excerpts_keep_the_numbers_of_their_lines() -> None:
    read = document("bees.pdf", ("a", "b", "c", "d"), ("e", "f"))
    assert page(Shown(7, read, ((1, 1), (3, 4)))) == (
        "[7] bees.pdf\n**viewing lines [1 - 4] of 5**\n\n(p. 1)\nL1: b\n…\nL3: d\n(p. 2)\nL4: e"
    )


def test_the_question_comes_last_after_the_advice_on_citing() -> None:
    one, two = (whole(document(name, ("x",)), 4 + i) for i, name in enumerate("ab"))
    given = "".join(with_documents("Why?", [one, two]))
    assert given.index("[4] a") < given.index("[5] b") < given.index(CITING)
    assert given.endswith("\n\nWhy?")
    assert EXCERPTS not in given
    assert with_documents("Why?", []) == ("Why?",)


def test_whole_documents_stand_in_a_part_that_no_question_changes() -> None:
    read = whole(document("a", ("x",)), 0)
    one, other = (with_documents(question, [read]) for question in ("Why?", "How?"))
    assert one[0] == other[0] == page(read) + "\n\n" and one[1] != other[1]


def test_the_model_is_told_when_it_sees_excerpts() -> None:
    (given,) = with_documents("Why?", [Shown(0, document("a", ("x", "y")), ((1, 1),))])
    assert EXCERPTS in given
