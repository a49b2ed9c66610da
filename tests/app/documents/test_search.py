"""Search finds passages by words, forms of words, synonyms and what was asked before."""

import pytest

from app.documents.document import Document
from app.documents.index import IndexingCancelled, PassageIndex
from app.documents.matches import best_lines
from app.documents.query import is_about_the_whole, wanted
from tests.app.documents.sample import document

FILLER = "\n\n".join(["The weather was fine that week and nobody in the valley complained."] * 9)


def found(question: str, *documents: Document, earlier: tuple[str, ...] = ()) -> list[str]:
    index = PassageIndex(documents)
    hits = index.search(wanted(question, earlier, index.frequency), 3)
    return [hit.document.lines[hit.passage.first] for hit in hits]


def pages(*texts: str) -> Document:
    return document("a.pdf", FILLER, *texts, FILLER)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("How many lifts are there?", "A lift stands in the hall."),
        ("When was it repaired?", "They repair it in May."),
        ("Où est l'ÉCOLE ?", "L’école est au village."),
        ("What is the elevator's load?", "A lift stands in the hall."),
        ("What did 1204 pumps do?", "There were 1,204 pumps."),
        ("東京の天気", "東京は晴れ。"),
    ],
)
def test_a_passage_is_found_by_what_it_says(question: str, text: str) -> None:
    assert found(question, pages(text))[0] == text


def test_a_heading_finds_the_passages_under_it() -> None:
    read = pages("3. Insurance\n\n" + FILLER.replace("weather", "sky"))
    index = PassageIndex([read])
    hits = index.search(wanted("Insurance", (), index.frequency), 9)
    assert {hit.passage.page for hit in hits} == {1, 2}


def test_a_short_question_is_understood_from_the_one_before() -> None:
    read = pages("The boiler costs 900.", "The boiler is green.", "The door is green too.")
    assert found("And its colour green?", read, earlier=("What is the boiler?",))[0] == (
        "The boiler is green."
    )


def test_a_full_question_is_not_led_astray_by_the_one_before() -> None:
    read = pages("The boiler costs 900.", "A green bicycle stands behind the school.")
    asked = "Where does the green bicycle of the school stand?"
    assert found(asked, read, earlier=("What is the boiler?",))[0].startswith("A green bicycle")


def test_documents_are_searched_together() -> None:
    one, two = document("a.pdf", "Bees hum in May."), document("b.pdf", "Wasps sting in May.")
    index = PassageIndex([one, two])
    hits = index.search(wanted("Do wasps sting?", (), index.frequency), 5)
    assert hits[0].document is two


@pytest.mark.parametrize("question", ["", "?!", '"', "xyzzy", "NEAR(a b) AND - * ^ col:x", "\0"])
def test_any_question_can_be_asked(question: str) -> None:
    found(question, pages("The boiler costs 900."))


def test_a_document_without_text_is_searched_in_vain() -> None:
    assert found("bees", document("a.pdf", "", " \n")) == []
    assert found("bees") == []


def test_indexing_can_be_cancelled() -> None:
    with pytest.raises(IndexingCancelled):
        PassageIndex([pages("x")], is_cancelled=lambda: True)


def test_the_fewest_lines_that_match_are_shown_for_a_search() -> None:
    read = pages("Bees hum.\nThe queen lives five years.\nDrones do not.\nHoney is sweet.")
    (match, *_) = best_lines(PassageIndex([read]), "How many years does the queen live?")
    assert match.text == "The queen lives five years."
    assert match.words() == "a.pdf, p. 2, line 2"


def test_nothing_is_shown_where_no_telling_word_is_found() -> None:
    assert best_lines(PassageIndex([pages("Bees hum.")]), "What is the xyzzy?") == []


@pytest.mark.parametrize(
    "question",
    [
        *("Summarise this.", "Give me an overview", "What is this about?", "TL;DR"),
        *("List all the dates.", "resume ce rapport", "Fais-moi un résumé", "De quoi parle-t-il ?"),
    ],
)
def test_questions_about_the_whole_are_known(question: str) -> None:
    assert is_about_the_whole(question)


@pytest.mark.parametrize(
    "question", ["When does it resume?", "Who wrote it?", "Quand le travail reprend-il ?", ""]
)
def test_other_questions_are_not_taken_for_them(question: str) -> None:
    assert not is_about_the_whole(question)
