"""Draws the window's states, so that people can look at them: `python -m tests.screenshots`.

Writes build/screenshots/*.png, each state light and dark where both matter, and docs/screenshot.png
for the README. That one is a real conversation with the guide, in the real app; the others show
sample words. No display is needed; two device pixels to a point, as on a Mac.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_SCALE_FACTOR", "2")

from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QApplication, QWidget

from app.chats.models import (
    Attachment,
    Chat,
    ChatMessage,
    Reading,
    SearchHit,
    ShownMessage,
    TurnStatistics,
    new_id,
    now,
)
from app.chats.models import Branch as BranchOf
from app.documents.choice import search as search_documents
from app.documents.document import Document
from app.documents.page_pictures import PagePictures
from app.documents.pages import whole
from app.forecast import Speed, forecast
from app.problem import Problem
from app.settings import Settings
from app.style import control_size, palette, text_font
from app.theme import DARK, LIGHT, TEXT_SIZE, Theme
from app.turn_problems import LOST
from app.widgets.message_actions import MessageActions
from app.widgets.model_menu import UNKNOWN
from app.widgets.page.workshop import Workshop
from app.windows.about_window import AboutWindow
from app.windows.get_model_sheet import GetModelSheet
from app.windows.main_window import MainWindow
from app.windows.settings_window import SettingsWindow
from app.windows.shortcuts_window import ShortcutsWindow
from tests.app.documents.reading.files import pdf, read_here, shown

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "screenshots"
README_PICTURE = ROOT / "docs" / "screenshot.png"
SIZE = (1080, 760)

TITLES = (
    ("How a violin mute works", 0),
    ("Merging overlapping intervals", 2),
    ("A quiet weekend in Lisbon", 26),
    ("Why is the sky blue at noon but red in the evening?", 80),
    ("Réponse à la mairie", 100),
    ("Sourdough, second try", 240),
)
MUTE = """A mute is a small clamp on the **bridge**. It adds mass there, and mass is hard to shake:

- High frequencies lose the most, so the tone turns *softer and darker*.
- The main resonances of the body move down by about a third.
- The player’s touch hardly changes; only what reaches the air does.

| Mute | Mass | Effect |
| --- | ---: | --- |
| Rubber, orchestral | 1.5 g | gentle, quick to put on |
| Leather | 3 g | warm |
| Metal, for practice | 60 g | near silence |

Composers write *con sordino* where they want it, and *senza sordino* where it comes off."""
CODE = """Sort by start, then walk through once and merge what touches:

```python
def merge(intervals: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:  # it touches the last one
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
```

Sorting dominates, so the whole takes $O(n \\log n)$. The length that is covered is

$$ L = \\sum_{i=1}^{m} (b_i - a_i), \\qquad a_{i+1} > b_i $$

where `merge` returned the intervals $[a_1, b_1], \\dots, [a_m, b_m]$."""
THOUGHT = (
    "The user asks why the sky is blue at noon and red in the evening. Rayleigh scattering goes "
    "with the fourth power of frequency. At noon the path through the air is short…"
)
NUMBERS = TurnStatistics(
    model="gpt-oss-20b",
    prompt_tokens=912,
    completion_tokens=271,
    decode_tokens_per_s=61.4,
    context=131_072,
    peak_bytes=14_300_000_000,
)


def said(text: str, **fields: object) -> ShownMessage:
    return ShownMessage(ChatMessage(new_id(), None, "user", text, **fields))  # type: ignore[arg-type]


def answered(text: str, **fields: object) -> ShownMessage:
    return ShownMessage(
        ChatMessage(new_id(), None, "assistant", text, model="gpt-oss-20b", **fields)  # type: ignore[arg-type]
    )


def make_window(theme: Theme, size: tuple[int, int] = SIZE) -> MainWindow:
    """As it looks with chats in the sidebar and gpt-oss-20b at hand. A Mac's menus are not in the
    window, so they are hidden here too."""
    QApplication.setPalette(palette(theme))
    window = MainWindow()
    window.set_appearance(theme, TEXT_SIZE)
    window.set_reduced_motion(True)
    window.menuBar().hide()
    window.resize(*size)
    moment = now()
    chats = [
        Chat(new_id(), title, moment, moment - timedelta(hours=hours)) for title, hours in TITLES
    ]
    window.sidebar.set_chats(chats)
    window.sidebar.list.set_current(chats[0].id)
    window.header.models.set_models([replace(UNKNOWN[0]), replace(UNKNOWN[1], path="/")])
    window.header.models.set_current("20b")
    window.composer.set_placeholder("Ask gpt-oss-20b")
    window.status.set_state("gpt-oss-20b")
    window.status.set_statistics(NUMBERS)
    window.show()
    window.composer.setFocus()
    return window


def show(window: MainWindow, *messages: ShownMessage) -> None:
    window.transcript.show_messages(messages)
    window.show_transcript(True)
    window.transcript.verticalScrollBar().setValue(0)


# The states; each gives what is to be drawn -----------------------------------------------------


def conversation(theme: Theme) -> QWidget:
    window = make_window(theme)
    show(
        window,
        said("What does a mute do to a violin?"),
        answered(MUTE, thinking=THOUGHT, thinking_s=12.3),
    )
    return window


def code_and_maths(theme: Theme) -> QWidget:
    window = make_window(theme)
    show(
        window,
        said("How do I merge overlapping intervals, and what does it cost?"),
        answered(CODE, thinking=THOUGHT, thinking_s=4.0),
    )
    return window


def thinking(theme: Theme) -> QWidget:
    window = make_window(theme)
    show(window, said("Why is the sky blue at noon but red in the evening?"))
    window.transcript.begin_reply(answered("", status="streaming"))
    window.transcript.add_thinking(THOUGHT)
    window.composer.set_busy(True)
    return window


def reading(theme: Theme) -> QWidget:
    window = make_window(theme)
    show(window, said("What do these notes say about Lisbon?"))
    window.transcript.begin_reply(answered("", status="streaming"))
    window.transcript.set_prefill(5120, 9000)
    window.composer.set_busy(True)
    return window


def branches(theme: Theme) -> QWidget:
    window = make_window(theme)
    question = replace(said("What does a mute do to a violin?"), branch=BranchOf(2, 3))
    answer = answered("It adds mass to the bridge, so the tone turns softer.", stop="cancel")
    stopped = replace(answer.message, status="stopped")
    show(window, question, ShownMessage(stopped, BranchOf(1, 2)))
    QApplication.processEvents()
    actions = window.transcript.messages[1].findChild(MessageActions)
    assert isinstance(actions, MessageActions)
    actions.buttons[0].setFocus(Qt.FocusReason.TabFocusReason)
    return window


def empty(theme: Theme) -> QWidget:
    window = make_window(theme)
    window.sidebar.list.set_current(None)
    window.header.models.set_current("guide")
    window.composer.set_placeholder("Ask the guide")
    window.status.set_state("Guide")
    window.status.set_statistics(None)
    return window


def error(theme: Theme) -> QWidget:
    window = make_window(theme)
    words = "A mute is a small clamp on the bridge. It adds"
    half = answered(words, status="interrupted", stop="engine")
    show(window, said("What does a mute do to a violin?"), half)
    window.banner.show_problem(LOST)
    window.header.progress.set_share(0.4)
    window.status.set_state("Opening gpt-oss-20b… 40%")
    window.status.set_statistics(None)
    return window


def narrow(theme: Theme) -> QWidget:
    window = make_window(theme, (480, 760))
    show(
        window,
        said("What does a mute do to a violin?"),
        answered(MUTE, thinking=THOUGHT, thinking_s=12),
    )
    window.composer.set_text("And on a cello?\nIs there one for the piano, too?")
    window.composer.attachments.add(Attachment("mutes.txt", "/mutes.txt", "…"))
    return window


def search(theme: Theme) -> QWidget:
    window = make_window(theme)
    show(window, said("What does a mute do to a violin?"), answered(MUTE))
    window.sidebar.search.setText("mute")
    moment = now()
    hits = [
        SearchHit(Chat(new_id(), title, moment, moment), new_id(), excerpt)
        for title, excerpt in (
            ("How a violin mute works", "A mute is a small clamp on the bridge"),
            ("Sourdough, second try", "… and mute the oven’s beeping …"),
        )
    ]
    window.sidebar.show_hits("mute", hits)
    window.sidebar.list.set_current(hits[0].chat.id)
    window.notice.say("Chat deleted", "Undo")
    return window


def drop(theme: Theme) -> QWidget:
    window = make_window(theme)
    show(window, said("What does a mute do to a violin?"), answered(MUTE))
    QApplication.processEvents()
    window.drop_target.cover()
    return window


REPORT_TEXT = (
    ("Annual report", "of the Riverside Beekeepers"),
    ("Members", "The society had 214 members in June, nine more than the year before."),
    (
        "Hives",
        "Of 640 hives that went into winter, 571 were alive in April: a loss of 11 per cent.",
        "Losses were lowest where hives stood on dry ground and were wrapped by November.",
        "Varroa was found in every second colony that died; the treatment of August came late.",
        "The board asks all members to weigh their hives in February.",
    ),
)
CITED = """About **11 per cent** of the hives were lost: 571 of 640 lived through the winter\
【0†L5】. The report says “Losses were lowest where hives stood on dry ground”【0†L6】 and blames \
varroa in every second colony that died【0†L7】.

It also says “the winter was the mildest on record”【0†L5】, and that honey sold well【0†L90】."""


def report(folder: Path) -> Document:
    """A PDF of three pages, as a reader sees it; the file is folder/report.pdf."""
    pages = [
        shown(*((72, 700 - 22 * i, line) for i, line in enumerate(lines))) for lines in REPORT_TEXT
    ]
    (folder / "report.pdf").write_bytes(pdf(pages))
    return read_here(folder / "report.pdf")


def forecast_of_documents(theme: Theme) -> QWidget:
    window = make_window(theme)
    window.show_transcript(True)
    with tempfile.TemporaryDirectory() as name:
        small = Attachment.of(report(Path(name)), "/report.pdf")
    scans = ("Pages 4–9 are pictures: their text can't be read.",)
    long = replace(small.document, name="minutes of forty meetings.docx", notes=scans)
    pages = tuple(replace(small.document.pages[2], number=n) for n in range(1, 42))
    large = Attachment.of(replace(long, pages=pages), "/minutes.docx")
    speed = Speed("gpt-oss-20b", 1_020.0, 24_576.0)
    for one in (small, large):
        window.composer.attachments.add(one)
    window.composer.attachments.set_reading("Reading letters.epub… 40%")
    window.composer.set_forecast(forecast([small, large], 131_072, 0, speed))
    window.composer.field.setPlainText("How did the hives get through the winter?")
    return window


def too_long(theme: Theme) -> QWidget:
    window = make_window(theme)
    show(window, said("What does a mute do to a violin?"), answered(MUTE))
    with tempfile.TemporaryDirectory() as name:
        small = report(Path(name))
    pages = tuple(replace(small.pages[2], number=n) for n in range(1, 2_001))
    large = Attachment.of(replace(small, name="archive.pdf", pages=pages), "/archive.pdf")
    window.composer.attachments.add(large)
    speed = Speed("gpt-oss-20b", 1_020.0, 24_576.0)
    window.composer.set_forecast(forecast([large], 131_072, 1_183, speed))
    window.banner.show_problem(
        Problem(
            "scan.pdf is a scan: its 12 pages are pictures, with no text to read. Make it "
            "searchable (OCR) and attach that."
        )
    )
    return window


def citations(theme: Theme) -> QWidget:
    """An answer with chips; the first one's page is open."""
    window = make_window(theme)
    with tempfile.TemporaryDirectory() as name:
        document = report(Path(name))
        attachment = Attachment.of(document, "/report.pdf")
        answer = replace(
            answered(CITED, reading=Reading("all", ((0, ((0, 8),)),))),
            citable=(whole(document, 0),),
            coverage="Read all 3 pages.",
        )
        question = said("How did the hives get through the winter?", attachments=(attachment,))
        show(window, question, answer)
        pictures = PagePictures(window)
        pictures.drawn.connect(window.document_view.show_picture)
        window.document_view.picture_wanted.connect(
            lambda _, *wanted: pictures.draw(Path(name) / "report.pdf", *wanted)
        )
        QApplication.processEvents()
        window.open_document(document, 5, 5)
        for _ in range(100):
            wait(100)
            if window.document_view.shows_picture:
                break
    return window


def search_of_documents(theme: Theme) -> QWidget:
    """What the guide does with a document, in a narrow window."""
    window = make_window(theme, (620, 760))
    window.header.models.set_current("guide")
    window.status.set_state("Guide")
    window.status.set_statistics(None)
    with tempfile.TemporaryDirectory() as name:
        attachment = Attachment.of(report(Path(name)), "/report.pdf")
    question = said("How many hives were alive in April?", attachments=(attachment,))
    words, reading = search_documents([question.message])
    found = answered(words, reading=reading, stop="search")
    show(window, question, replace(found, citable=(whole(attachment.document, 0),)))
    return window


def settings(theme: Theme) -> QWidget:
    window = SettingsWindow(make_window(theme))
    window.set_theme(theme)
    window.set_settings(Settings(system_prompt="Answer briefly. Use British spelling."))
    window.show()
    return window


def get_model(theme: Theme) -> QWidget:
    sheet = GetModelSheet(UNKNOWN[1], make_window(theme))
    sheet.set_theme(theme)
    sheet.show()
    return sheet


def shortcuts(theme: Theme) -> QWidget:
    parent = make_window(theme)
    window = ShortcutsWindow(parent.menus.all, parent)
    window.show()
    return window


def about(theme: Theme) -> QWidget:
    window = AboutWindow(make_window(theme))
    window.show()
    return window


STATES: tuple[Callable[[Theme], QWidget], ...] = (
    conversation,
    code_and_maths,
    thinking,
    reading,
    branches,
    empty,
    error,
    narrow,
    search,
    drop,
    forecast_of_documents,
    too_long,
    citations,
    search_of_documents,
    settings,
    get_model,
    shortcuts,
    about,
)


def drawn(state: Callable[[Theme], QWidget], theme: Theme) -> QPixmap:
    widget = state(theme)
    wait(250)
    while not all(workshop.is_idle for workshop in widget.findChildren(Workshop)):
        wait(50)  # maths and colours come a moment after the words
    wait(250)
    picture = widget.grab()
    top = widget.parentWidget() or widget
    top.close()
    top.deleteLater()
    return picture


def wait(milliseconds: int) -> None:
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def draw_readme_picture() -> None:
    """A real conversation with the guide."""
    from app.application import Sordino

    with tempfile.TemporaryDirectory() as home:
        os.environ["SORDINO_HOME"] = home
        app = Sordino(is_dark=lambda: False)
        app.settings.update(temperature=0.0, reduce_motion=True)
        app.show()
        app.window.resize(1080, 720)
        app.window.menuBar().hide()
        app.start()
        loop = QEventLoop()
        questions: Iterator[str] = iter(("Hello", "How do I get gpt-oss-20b?"))

        def ask(*_: object) -> None:
            question = next(questions, None)
            if question is None:
                QTimer.singleShot(500, loop.quit)
            else:
                QTimer.singleShot(100, lambda: app.conversation.send(question))

        app.engine.ready.connect(ask)
        app.conversation.reply_finished.connect(ask)
        QTimer.singleShot(120_000, loop.quit)
        loop.exec()
        README_PICTURE.parent.mkdir(exist_ok=True)
        app.window.grab().save(str(README_PICTURE))
        app.shut_down()
        app.window.close()


def main(names: list[str]) -> None:
    application = QApplication([])
    application.setFont(text_font(control_size(TEXT_SIZE)))
    FOLDER.mkdir(parents=True, exist_ok=True)
    for state in STATES:
        if names and state.__name__ not in names:
            continue
        for name, theme in (("light", LIGHT), ("dark", DARK)):
            path = FOLDER / f"{state.__name__}-{name}.png"
            drawn(state, theme).save(str(path))
            print(path.relative_to(ROOT))
    if not names or "readme" in names:
        draw_readme_picture()
        print(README_PICTURE.relative_to(ROOT))


if __name__ == "__main__":
    main(sys.argv[1:])
