"""The setting of blocks: what is laid out again, what is copied, what is drawn."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QImage, QPainter
from pytestqt.qtbot import QtBot

from app.markdown.stream import MarkdownStream, read_blocks
from app.theme import DARK, LIGHT, TEXT_SIZE, Theme, contrast
from app.widgets.page.code import CodeItem
from app.widgets.page.colouring import colour_code, readable
from app.widgets.page.flow import Flow, ListRow
from app.widgets.page.item import Setting
from app.widgets.page.maths import FormulaKey, draw_formula
from app.widgets.page.style import PageStyle
from app.widgets.page.table import TableItem
from app.widgets.page.workshop import Workshop

WIDTH = 600.0
MIXED = """# Title

Words **bold** with `code` and a [link](https://x.org).

- one
- two

| a | b |
|---|---|
| 1 | 2 |

```python
x = 1
```
"""


@pytest.fixture
def setting(qtbot: QtBot) -> Iterator[Setting]:
    workshop = Workshop()
    yield Setting(PageStyle(LIGHT, TEXT_SIZE), workshop)
    qtbot.waitUntil(lambda: workshop.is_idle, timeout=20_000)


def flow_of(text: str, setting: Setting) -> Flow:
    flow = Flow(setting, read_blocks(text))
    flow.lay_out(WIDTH)
    return flow


def picture(flow: Flow, theme: Theme = LIGHT) -> QImage:
    image = QImage(int(WIDTH), max(1, int(flow.height)), QImage.Format.Format_RGB32)
    image.fill(QColor(theme.page))
    painter = QPainter(image)
    flow.paint(painter, 0, flow.height, None)
    painter.end()
    return image


def colours(image: QImage) -> set[str]:
    return {
        image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height())
    }


def test_only_the_last_block_is_laid_out_again_while_text_streams(setting: Setting) -> None:
    stream, flow = MarkdownStream(), Flow(setting)
    finished = 0
    for character in MIXED * 4:
        start = len(stream.finished)
        stream.feed(character)
        flow.replace_from(start, [*stream.finished[start:], *stream.open])
        before = [item.width for item in flow.items[:finished]]
        assert before == [WIDTH] * finished  # what was finished and seen is not touched
        layouts = flow.layouts
        flow.settle(WIDTH, 0, float("inf"))
        assert flow.layouts - layouts <= 2 + len(stream.finished) - start
        finished = len(stream.finished)
    assert len(flow.items) > 20


def test_a_word_more_in_the_last_block_costs_one_layout(setting: Setting) -> None:
    flow = flow_of(MIXED * 5, setting)
    before = flow.layouts
    for n in range(1, 6):
        flow.replace_from(len(flow.items) - 1, read_blocks("```python\nx = 1" + "\ny" * n))
        flow.settle(WIDTH, 0, float("inf"))
    assert flow.layouts - before == 5


def test_what_is_far_from_the_reader_is_not_laid_out(setting: Setting) -> None:
    flow = Flow(setting, read_blocks(MIXED * 100))
    flow.settle(WIDTH, 0, 800)
    assert 0 < flow.layouts < 40 < len(flow.items)
    assert flow.height > 10_000  # guessed


def test_what_grows_above_the_reader_is_told(setting: Setting) -> None:
    flow = Flow(
        setting, read_blocks("A paragraph with some words in it. " * 60 + "\n\n" + MIXED * 9)
    )
    flow.settle(WIDTH, 1500, 2000, anchor=1500)
    _, _, top = flow.item_around(flow.offset_at(QPointF(0, 1700)))
    moved = flow.settle(WIDTH, 0, 1500, anchor=1500)
    _, _, again = flow.item_around(flow.offset_at(QPointF(0, 1700 + moved)))
    assert again - top == pytest.approx(moved)


def test_another_width_lays_out_again_and_back(setting: Setting) -> None:
    flow = flow_of(MIXED + "Words that need more than one line. " * 9, setting)
    height = flow.height
    flow.lay_out(WIDTH / 2)
    assert flow.height > height
    flow.lay_out(WIDTH)
    assert flow.height == height


@pytest.mark.parametrize(
    ("text", "copied"),
    [
        ("**a** `b` [c](https://x.org)", "a b c"),
        ("# a\n\nb", "a\n\nb"),
        ("1. a\n   - b\n2. [x] c", "1. a\n   - b\n2. [x] c"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "a\tb\n1\t2"),
        ("```js\nlet 👩‍🔬\n\nx\n```", "let 👩‍🔬\n\nx"),
        ("a  \nb", "a\nb"),
        ("> a\n\n---\n\nb", "a\n\n\n\nb"),
        ("👩‍🔬 日本 ש", "👩‍🔬 日本 ש"),
    ],
)
def test_copying_gives_what_is_seen(text: str, copied: str, setting: Setting) -> None:
    flow = flow_of(text, setting)
    assert flow.copied(0, flow.length) == copied


def test_a_formula_is_copied_as_its_source(setting: Setting, qtbot: QtBot) -> None:
    flow = flow_of("a $x^2$ b\n\n$$\ny\n$$", setting)
    qtbot.waitUntil(lambda: setting.workshop.is_idle, timeout=20_000)
    assert flow.take_what_came()
    flow.lay_out(WIDTH)
    assert not flow.waits
    assert flow.copied(0, flow.length) == "a $x^2$ b\n\n$$\ny\n$$"


def test_every_offset_can_be_pointed_at(setting: Setting) -> None:
    flow = flow_of(MIXED, setting)
    seen = {
        flow.offset_at(QPointF(x, y))
        for x in range(0, int(WIDTH), 3)
        for y in range(0, int(flow.height), 4)
    }
    assert seen <= set(range(flow.length + 1))
    assert len(seen) > flow.length * 0.9


def test_a_link_is_found_where_it_is_drawn(setting: Setting) -> None:
    flow = flow_of("some words and [here](https://x.org)", setting)
    hits = [x for x in range(int(WIDTH)) if flow.link_at(QPointF(x, 10)) == "https://x.org"]
    assert hits and hits == list(range(hits[0], hits[-1] + 1))
    assert flow.link_at(QPointF(2, 10)) is None
    assert list(flow.links()) == [(15, 19, "https://x.org")]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_formulas_are_drawn_in_the_colour_of_the_text(
    theme: Theme, setting: Setting, qtbot: QtBot
) -> None:
    themed = Setting(PageStyle(theme, TEXT_SIZE), setting.workshop)
    flow = flow_of("$$\n\\rule{20}{20}\\blacksquare x\n$$", themed)
    qtbot.waitUntil(lambda: themed.workshop.is_idle, timeout=20_000)
    flow.take_what_came()
    flow.lay_out(WIDTH)
    assert not flow.waits
    assert theme.text in colours(picture(flow, theme))


def test_a_formula_sits_on_the_baseline() -> None:
    low = draw_formula(FormulaKey("x", 20.0, False))
    deep = draw_formula(FormulaKey(r"\frac{a}{b}", 20.0, False))
    assert low and deep
    assert low.descent < 2 < deep.descent
    assert low.ascent < deep.ascent


@pytest.mark.parametrize(
    "source", [r"\frac{", r"\begin{matrix} a", "\u4e2d", "x" * 5000, "{" * 900]
)
def test_what_can_not_be_drawn_is_no_formula(source: str) -> None:
    assert draw_formula(FormulaKey(source, 15.0, False)) is None


def test_what_can_not_be_drawn_is_shown_as_its_source(setting: Setting, qtbot: QtBot) -> None:
    flow = flow_of("a $\\frac{$ b\n\n$$\n\\frac{\n$$", setting)
    qtbot.waitUntil(lambda: setting.workshop.is_idle, timeout=20_000)
    flow.take_what_came()
    flow.lay_out(WIDTH)
    assert flow.copied(0, flow.length) == "a $\\frac{$ b\n\n$$\n\\frac{\n$$"


def test_a_wide_table_wraps_before_it_scrolls(setting: Setting) -> None:
    words = "some words to wrap " * 6
    flow = flow_of(f"| a | b |\n|---|---|\n| {words} | {words} |", setting)
    (table,) = flow.items
    assert isinstance(table, TableItem)
    assert table.furthest == 0
    many = "| " + " | ".join(["unbreakable"] * 12) + " |\n" + "|---" * 12 + "|"
    (wide,) = flow_of(many, setting).items
    assert isinstance(wide, TableItem)
    assert wide.furthest > 0


def test_long_lines_of_code_scroll_and_do_not_wrap(setting: Setting) -> None:
    (code,) = flow_of("```\n" + "x" * 400 + "\n```", setting).items
    (short,) = flow_of("```\nx\n```", setting).items
    assert isinstance(code, CodeItem) and isinstance(short, CodeItem)
    assert code.height == short.height
    assert code.furthest > 0 == short.furthest
    code.scroll_to(1e9)
    assert code.scrolled == code.furthest


def test_code_is_coloured_when_the_colours_come(setting: Setting, qtbot: QtBot) -> None:
    flow = flow_of("```python\ndef f(): return 'x'\n```", setting)
    before = colours(picture(flow))
    qtbot.waitUntil(lambda: setting.workshop.is_idle, timeout=20_000)
    assert len(colours(picture(flow))) > len(before)


def test_colours_of_long_code_that_grew_are_those_of_the_whole(
    setting: Setting, qtbot: QtBot
) -> None:
    lines = [f'x{i} = """a\n\nb""" # {i}' for i in range(120)]
    flow = Flow(setting)
    for n in range(10, len(lines) + 1, 10):
        closed = "\n```" if n == len(lines) else ""
        stream = MarkdownStream("```python\n" + "\n".join(lines[:n]) + closed)
        if closed:
            stream.finish()
        flow.replace_from(0, stream.blocks)
        flow.lay_out(WIDTH)
        qtbot.waitUntil(lambda: setting.workshop.is_idle, timeout=20_000)
    (code,) = flow.items
    assert isinstance(code, CodeItem)
    whole = colour_code("python", "\n".join(lines), LIGHT.pygments_style, LIGHT.code, LIGHT.text)
    assert code.colours == whole.lines


@pytest.mark.parametrize("language", ["", "nosuch", "plain text", "{.python}", "PYTHON", "c++"])
def test_any_language_is_fine(language: str) -> None:
    coloured = colour_code(language, "x = 1\n", LIGHT.pygments_style, LIGHT.code, LIGHT.text)
    assert len(coloured.lines) in (0, 2)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_colour_of_code_can_be_read(theme: Theme) -> None:
    for colour in ("#ffffff", "#000000", "#177500", "#ff0000", "#8b949e", "#ffff00"):
        assert contrast(readable(colour, theme.code, theme.text), theme.code) >= 4.5


def test_hebrew_begins_on_the_right(setting: Setting) -> None:
    flow = flow_of("שלום", setting)
    image = picture(flow)
    ground = QColor(LIGHT.page)
    inked = [x for x in range(image.width()) for y in range(image.height())
             if image.pixelColor(x, y) != ground]  # fmt: skip
    assert min(inked) > WIDTH / 2


@pytest.mark.parametrize("size", [11, 15, 24])
def test_the_words_of_a_list_begin_in_line_up_to_two_digits(setting: Setting, size: int) -> None:
    sized = Setting(PageStyle(LIGHT, size), setting.workshop)
    flow = flow_of("8. a\n9. b\n10. c\n11. d", sized)
    assert len({item.left for item in flow.items if isinstance(item, ListRow)}) == 1
