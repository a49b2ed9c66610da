"""From a dropped document to the marked lines of its page."""

from pathlib import Path

from PySide6.QtCore import QUrl

from app.chats.models import ShownMessage
from app.widgets.answer import Answer
from tests.app.documents.reading.files import pdf, shown
from tests.app.windows.conftest import MakePerson, Person


def _report(folder: Path) -> Path:
    path = folder / "report.pdf"
    pages = [
        shown((72, 700, "Bees hum in summer."), (72, 680, "They rest at night.")),
        shown((72, 700, "Wasps build nests of paper."), (72, 680, "Hornets as well.")),
    ]
    path.write_bytes(pdf(pages))
    return path


def _attach(person: Person, path: Path) -> None:
    bar = person.app.window.composer.attachments
    person.app.window.files_dropped.emit([QUrl.fromLocalFile(str(path))])
    person.sees(lambda: bool(bar.chips), timeout=60_000)


def _answer(person: Person) -> Answer:
    answer = person.app.window.transcript.messages[-1]
    assert isinstance(answer, Answer)
    return answer


def _links(answer: Answer) -> list[str]:
    return [url for _, _, url in answer.page.flow.links()]


def test_a_chip_opens_the_page_with_the_lines_marked_and_esc_closes_it(
    person: Person, tmp_path: Path
) -> None:
    path = _report(tmp_path)
    _attach(person, path)
    path.unlink()  # the copy serves
    composer = person.app.window.composer
    assert composer.attachments.chips[0].size_words == "2 pages · 42 tokens"
    assert "lines that match" in composer.forecast.text()
    reply = person.ask("What do wasps build?")
    assert "a search, not an answer" in reply.message.text
    answer = _answer(person)
    assert _links(answer)[0] == "citation:0"
    answer.page.follow("citation:0")
    view = person.app.window.document_view
    assert view.isVisible() and view.page_number == 2
    assert view.marked_text[0] == "Wasps build nests of paper."
    person.sees(lambda: view.shows_picture, timeout=60_000)
    person.press("Esc")
    person.sees(lambda: not view.isVisible())


def test_documents_and_their_pages_are_there_after_a_restart(
    make_person: MakePerson, tmp_path: Path
) -> None:
    person = make_person()
    _attach(person, _report(tmp_path))
    person.ask("What do wasps build?")
    person.quit()
    again = make_person()
    person_sees: list[ShownMessage] = again.shown
    again.sees(lambda: len(person_sees) == 2)
    answer = _answer(again)
    assert _links(answer)[0] == "citation:0"
    answer.page.follow("citation:0")
    view = again.app.window.document_view
    assert view.document is not None and len(view.document.pages) == 2
    again.sees(lambda: view.shows_picture, timeout=60_000)


def test_a_model_that_reads_says_what_it_read_and_invented_lines_are_marked(
    person: Person, tmp_path: Path
) -> None:
    engine = person.app.engine
    with person.qtbot.waitSignal(engine.ready):
        engine.load("big")
    _attach(person, _report(tmp_path))
    assert person.app.window.composer.forecast.text().startswith("About 42 tokens")
    person.app.window.composer.field.setPlainText("Hum 【0†L0】 or not 【0†L99】")
    count = len(person.replies)
    person.press("Return")
    person.sees(lambda: len(person.replies) > count, timeout=30_000)
    answer = _answer(person)
    links = _links(answer)
    assert links[-2].startswith("citation:") and links[-1].startswith("unfounded:")
    assert answer.coverage.words.text() == "Read all 2 pages."
    answer.coverage.other_way.click()
    person.sees(lambda: len(person.replies) > count + 1, timeout=30_000)
    assert "of 2 pages" in _answer(person).coverage.words.text()


def test_in_a_narrow_window_the_page_takes_its_whole_width(person: Person, tmp_path: Path) -> None:
    window = person.app.window
    _attach(person, _report(tmp_path))
    document = window.composer.attachments.attachments[0].document
    window.open_document(document, 0, 0)
    assert window.composer.isVisible() and not window.fold.is_open
    window.resize(500, 600)
    person.sees(lambda: not window.composer.isVisible())
    person.press("Esc")
    person.sees(window.composer.isVisible)
