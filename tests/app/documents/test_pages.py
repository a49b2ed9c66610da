"""Documents look to the model as pages of the browser tool did."""

from app.chats.models import Attachment
from app.documents.pages import CITING, page, with_documents


def test_a_page_has_cursor_title_range_and_numbered_lines() -> None:
    document = Attachment("bees.txt", "/bees.txt", "Bees hum.\n\nWasps sting.\n")
    assert page(document, 3) == (
        "[3] bees.txt\n**viewing lines [0 - 2] of 2**\n\nL0: Bees hum.\nL1: \nL2: Wasps sting."
    )


def test_the_question_comes_last_and_cursors_count_on() -> None:
    one, two = (Attachment(name, "", "x\n") for name in "ab")
    given = with_documents("Why?", [one, two], 4)
    assert given.index("[4] a") < given.index("[5] b") < given.index(CITING)
    assert given.endswith("\n\nWhy?")
    assert with_documents("Why?", [], 0) == "Why?"
