"""Search finds what answers a question, far more often than the plain way."""

import pytest

from tests.documents_set import documents, lines_that_say, questions
from tests.documents_set.recall import our_search, plain_search, recall, report, table

FILES = ("questions.txt", "unseen.txt")


@pytest.mark.parametrize("file", FILES)
def test_each_answer_stands_in_its_document_once(file: str) -> None:
    asked = list(questions(file))
    assert asked
    for question in asked:
        for answer in question.answers:
            for words in answer:
                assert lines_that_say(documents()[question.document], words)


def test_a_few_questions_are_answered_better_than_by_plain_search() -> None:
    few = list(questions("questions.txt"))[::6]
    assert recall(our_search(), few).pages > recall(plain_search(), few).pages + 0.1


@pytest.mark.full
def test_the_right_page_is_among_what_the_model_is_given(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = report()
    with capsys.disabled():
        print(f"\n{table(found)}")
    ours, plain = found["questions"]["search"], found["questions"]["plain BM25"]
    assert ours.questions >= 60
    assert ours.pages >= 0.9 and ours.pages > plain.pages + 0.15
    # Asked when search was finished: what a stranger's questions may get.
    assert found["unseen"]["search"].pages > found["unseen"]["plain BM25"].pages
