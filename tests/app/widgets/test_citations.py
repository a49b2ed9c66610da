"""Citations on their way through Markdown to chips."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents.pages import whole
from app.documents.readable import readable_text
from app.markdown.blocks import FOUND, UNFOUNDED, Block, CodeBlock, Heading, ListItem, Paragraph
from app.markdown.stream import MarkdownStream
from app.widgets.citations import CitedText, explained
from tests.app.documents.sample import document

REPORT = whole(document("report.pdf", "Bees hum.\nIn summer.", "Wasps don't."), 0)


def _blocks(pieces: list[str]) -> tuple[list[Block], CitedText]:
    cited, stream = CitedText([REPORT]), MarkdownStream()
    for piece in pieces:
        stream.feed(cited.feed(piece))
    stream.feed(cited.finish())
    stream.finish()
    return [cited.with_chips(block) for block in stream.finished], cited


def _spans(block: Block) -> list[tuple[str, str | None]]:
    assert isinstance(block, Paragraph | Heading)
    return [(span.text.replace("\u00a0", " "), span.link) for span in block.spans]


def test_a_citation_becomes_a_chip_wherever_the_stream_is_cut() -> None:
    text = "They hum 【0†L0-L1】. **Wasps**【0†L2】 don't."
    for cut in range(len(text)):
        (block,), _ = _blocks([text[:cut], text[cut:]])
        assert _spans(block) == [
            ("They hum ", None),
            ("report.pdf · p. 1", f"{FOUND}0"),
            (". ", None),
            ("Wasps", None),
            (" ", None),
            ("report.pdf · p. 2", f"{FOUND}1"),
            (" don't.", None),
        ]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("【0†L7】", "report.pdf · no such lines"),
        ("【4†L0】", "no such document"),
        ("“Bees sing”【0†L0】", "report.pdf · p. 1 · quote not found"),
    ],
)
def test_what_is_unfounded_says_so(text: str, label: str) -> None:
    (block,), _ = _blocks([text])
    assert _spans(block)[-1] == (label, f"{UNFOUNDED}0")


def test_what_only_looks_like_a_citation_stays_text() -> None:
    (block,), _ = _blocks(["See 【0†nothing】 and 【0†L"])
    assert _spans(block) == [("See 【0†nothing】 and 【0†L", None)]


def test_in_lists_there_are_chips_and_in_code_there_are_none() -> None:
    blocks, _ = _blocks(["- hum【0†L0】\n\n```\n【0†L0】\n```\n\n`【0†L2】`"])
    item, code, inline = blocks
    assert isinstance(item, ListItem) and _spans(item.blocks[0])[-1][1] == f"{FOUND}0"
    assert isinstance(code, CodeBlock) and code.text == "【0†L0】"
    assert _spans(inline) == [("【0†L2】", None)]


def test_a_quote_is_told_to_be_found() -> None:
    _, cited = _blocks(["“Bees hum”【0†L0】"])
    assert explained(cited.citations[0]) == "report.pdf, p. 1, line 1\n“Bees hum”: found there"


def test_other_programs_get_places_in_words() -> None:
    assert readable_text("Hum【0†L0】.", [REPORT]) == "Hum [report.pdf, p. 1, line 1]."
    assert readable_text("Hum【0†L0】.", []) == "Hum【0†L0】."


@given(st.lists(st.sampled_from(["【", "】", "0", "†", "L", "-", "\ue000", " a", "*", "`", "\n"])))
def test_nothing_that_is_written_breaks_the_page(pieces: list[str]) -> None:
    _blocks([*pieces, "【0†L0】"])
