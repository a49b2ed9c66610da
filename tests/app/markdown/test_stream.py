"""Text that comes in pieces: the same result, and only its end ever changes."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.markdown.blocks import (
    Block,
    CodeBlock,
    Heading,
    ListItem,
    MathsBlock,
    Paragraph,
    Quote,
    Table,
)
from app.markdown.stream import LONGEST, MarkdownStream, read_blocks

SAMPLE = """# Title

Words **bold** and `code`, $x$ and a [link](https://x.org).

1. one
   - two

   ```python
   print("three")
   ```
2. four

| a | b |
|---|---|
| 1 | 2 |

$$
x^2
$$

> quote
> more

```js
let open
"""
# Pieces of Markdown in any order are likelier to be wrong than letters in any order.
MARKS = r"a Bc 7 * ** _ ` ``` ~~~ # - 1. > | |-| $ $$ \( \) \[ \] [ ] ! <b> & \ --- === é 日 👩‍🔬 ש"
SPACES = [" ", "  ", "\n", "\n\n", "    ", "\t", "- ", "1. ", "> ", "\r\n", "\u2028"]
PIECES = st.lists(st.sampled_from([*MARKS.split(" "), *SPACES]), max_size=60).map("".join)


def visible(blocks: tuple[Block, ...] | list[Block]) -> str:
    """All characters that a reader sees."""
    parts: list[str] = []
    for block in blocks:
        match block:
            case Paragraph(spans) | Heading(_, spans):
                parts += [span.text for span in spans]
            case CodeBlock(language, text):
                parts += [language, text]
            case MathsBlock(source):
                parts.append(source)
            case Quote(inner):
                parts.append(visible(inner))
            case ListItem(number=number, blocks=inner):
                parts.append(f"{number or ''} {visible(inner)}")
            case Table():
                cells = [*block.header, *(cell for row in block.rows for cell in row)]
                parts += [span.text for spans in cells for span in spans]
    return " ".join(parts)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_pieces_of_any_size_give_the_same_blocks(size: int) -> None:
    stream = MarkdownStream()
    for i in range(0, len(SAMPLE), size):
        stream.feed(SAMPLE[i : i + size])
    stream.finish()
    assert stream.finished == read_blocks(SAMPLE)


@given(PIECES, st.integers(1, 9))
@settings(max_examples=300, deadline=None)
def test_any_text_in_any_pieces_gives_the_same_blocks(text: str, size: int) -> None:
    stream = MarkdownStream()
    for i in range(0, len(text), size):
        stream.feed(text[i : i + size])
    stream.finish()
    assert stream.finished == read_blocks(text)


@given(PIECES)
@settings(max_examples=300, deadline=None)
def test_no_letter_is_lost(text: str) -> None:
    """Marks may vanish and numbers count on; what was said is there, in its order."""
    letters = re.compile(r"[^\W\d_]")
    assert letters.findall(visible(read_blocks(text))) == letters.findall(text)


@given(st.text(max_size=80))
@settings(max_examples=300, deadline=None)
def test_arbitrary_text_never_raises(text: str) -> None:
    stream = MarkdownStream()
    for character in text:
        stream.feed(character)
    stream.finish()


def test_finished_blocks_never_change() -> None:
    stream, seen = MarkdownStream(), list[Block]()
    for character in SAMPLE:
        stream.feed(character)
        assert stream.finished[: len(seen)] == seen
        seen = list(stream.finished)
    assert len(seen) >= 6


def test_code_shows_while_its_fence_is_open() -> None:
    stream = MarkdownStream("```python\nx = 1\ny")
    assert stream.open == (CodeBlock("python", "x = 1\ny", is_closed=False),)


@pytest.mark.parametrize("end", ["#", "-", "1", "1.", "|", "```", "$$", ">", "* ", "- [ "])
def test_a_line_that_may_become_anything_is_held_back(end: str) -> None:
    stream = MarkdownStream("words\n\n" + end)
    assert stream.open == ()
    stream.finish()
    assert visible(stream.finished).startswith("words") and len(stream.finished) <= 2


def test_a_paragraph_without_end_is_cut_and_goes_on() -> None:
    sentence = "No line ever ends here. "
    stream = MarkdownStream()
    text = sentence * (4 * LONGEST // len(sentence))
    for i in range(0, len(text), 100):
        stream.feed(text[i : i + 100])
        assert len(visible(stream.open)) <= LONGEST + 100
    stream.finish()
    goes_on = [isinstance(block, Paragraph) and block.continues for block in stream.finished]
    assert len(goes_on) > 2 and goes_on == [False] + [True] * (len(goes_on) - 1)
    assert "".join(visible(stream.finished).split()) == "".join(text.split())
