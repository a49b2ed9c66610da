"""Where blocks begin and end, and what is inside them."""

import pytest

from app.markdown.blocks import (
    Block,
    CodeBlock,
    Heading,
    ListItem,
    MathsBlock,
    Paragraph,
    Quote,
    Rule,
    Span,
    Table,
)
from app.markdown.stream import read_blocks


def words(block: Block) -> str:
    """The text of a paragraph or heading."""
    assert isinstance(block, Paragraph | Heading)
    return "".join(span.text for span in block.spans)


def items(text: str) -> list[tuple[int | None, str]]:
    found = []
    for block in read_blocks(text):
        assert isinstance(block, ListItem)
        found.append((block.number, words(block.blocks[0])))
    return found


def test_paragraphs_end_at_blank_lines() -> None:
    assert [words(b) for b in read_blocks("a\nb\n\nc\n")] == ["a b", "c"]


@pytest.mark.parametrize(
    ("text", "level", "heading"),
    [
        ("# a", 1, "a"),
        ("### a ##", 3, "a"),
        ("# a#", 1, "a#"),
        ("a\n===", 1, "a"),
        ("a\n---", 2, "a"),
    ],
)
def test_headings_are_read(text: str, level: int, heading: str) -> None:
    (block,) = read_blocks(text)
    assert isinstance(block, Heading)
    assert (block.level, words(block)) == (level, heading)


def test_a_hash_without_a_space_is_no_heading() -> None:
    assert words(read_blocks("#hashtag")[0]) == "#hashtag"


@pytest.mark.parametrize("text", ["---", "***", "_ _ _", "a\n***"])
def test_rules_are_read(text: str) -> None:
    assert read_blocks(text)[-1] == Rule()


@pytest.mark.parametrize(
    ("text", "language", "code"),
    [
        ("```python\nx = 1\n\ny\n```", "python", "x = 1\n\ny"),
        ("~~~\n```\n~~~", "", "```"),
        ("````md\n```\n````", "md", "```"),
        ("```\n$x$ **a** <b>\n```", "", "$x$ **a** <b>"),
        ("```js title=x\na\n```", "js title=x", "a"),
        ("```\nnever closed", "", "never closed"),
        ("    a\n\n    b", "", "a\n\nb"),
    ],
)
def test_code_is_kept_as_it_was_written(text: str, language: str, code: str) -> None:
    assert read_blocks(text) == [CodeBlock(language, code)]


@pytest.mark.parametrize("text", ["$$\nx^2\n$$", "\\[\nx^2\n\\]", "$$x^2$$", "\\[ x^2 \\]"])
def test_displayed_maths_is_a_block(text: str) -> None:
    assert read_blocks(text) == [MathsBlock("x^2")]


def test_displayed_maths_among_words_stands_on_its_own() -> None:
    first, formula, last = read_blocks("so \\[x\\] holds")
    assert (words(first), formula, words(last)) == ("so", MathsBlock("x"), "holds")


@pytest.mark.parametrize("text", ["$$\nx^2", "\\[ x^2\n\nafter", "$$"])
def test_maths_that_never_ends_is_text(text: str) -> None:
    blocks = read_blocks(text)
    assert not any(isinstance(block, MathsBlock) for block in blocks)
    assert words(blocks[0]).startswith(text[:2])


def test_lists_nest_and_count() -> None:
    first, second = read_blocks("1. a\n   - b\n     - c\n   - [x] d\n2. e")
    assert isinstance(first, ListItem) and isinstance(second, ListItem)
    assert (first.number, second.number) == (1, 2)
    paragraph, inner, task = first.blocks
    assert words(paragraph) == "a"
    assert isinstance(inner, ListItem) and isinstance(inner.blocks[1], ListItem)
    assert isinstance(task, ListItem) and task.is_checked is True


def test_two_spaces_are_enough_to_nest_in_a_numbered_item() -> None:
    (item,) = read_blocks("1. a\n  - b")
    assert isinstance(item, ListItem) and isinstance(item.blocks[1], ListItem)


def test_numbers_count_on_where_the_author_did_not() -> None:
    assert items("1. a\n1. b\n1. c") == [(1, "a"), (2, "b"), (3, "c")]
    assert items("3. a\n7. b") == [(3, "a"), (7, "b")]


def test_a_wrapped_line_that_begins_with_a_number_is_no_list() -> None:
    assert words(read_blocks("it was in\n1984. Then")[0]) == "it was in 1984. Then"


def test_code_stands_in_an_item() -> None:
    first, second = read_blocks("1. a\n\n   ```sh\n   ls\n   ```\n2. b")
    assert isinstance(first, ListItem) and isinstance(second, ListItem)
    assert first.blocks[1] == CodeBlock("sh", "ls")


def test_quotes_hold_blocks() -> None:
    (quote, after) = read_blocks("> # a\n> b\nc\n\nd")
    assert isinstance(quote, Quote)
    assert [words(b) for b in quote.blocks] == ["a", "b c"]
    assert words(after) == "d"


def test_tables_are_read() -> None:
    (table,) = read_blocks("| a | b | c |\n|---|:-:|--:|\n| 1 | `x|y` | $|z|$ |\n| 2 |")
    assert isinstance(table, Table)
    assert table.alignments == ("left", "center", "right")
    assert table.header == ((Span("a"),), (Span("b"),), (Span("c"),))
    assert table.rows[0] == (
        (Span("1"),),
        (Span("x|y", code=True),),
        (Span("|z|", maths="inline"),),
    )
    assert table.rows[1] == ((Span("2"),), (), ())


def test_a_row_that_is_too_long_loses_nothing() -> None:
    (table,) = read_blocks("| a |\n|---|\n| 1 | 2 | 3 |")
    assert isinstance(table, Table)
    assert [spans[0].text for spans in table.rows[0]] == ["1", "2", "3"]


def test_a_paragraph_may_come_right_before_a_table_and_after_it() -> None:
    before, table, after = read_blocks("text\n| a |\n|---|\n| 1 |\nmore")
    assert (words(before), words(after)) == ("text", "more")
    assert isinstance(table, Table)


@pytest.mark.parametrize("text", ["> " * 400 + "deep", "- " * 400 + "deep", "1. " * 400 + "deep"])
def test_nesting_without_end_is_survived(text: str) -> None:
    assert "deep" in repr(read_blocks(text))


def test_text_from_anywhere_is_survived() -> None:
    assert words(read_blocks("a\0b\ud800c\r\n")[0]) == "a\ufffdb\ufffdc"
