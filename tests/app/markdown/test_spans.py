"""What stands within a line: styles, code, maths, links; and that nothing is lost."""

import sys
from types import FrameType

import pytest

from app.markdown.blocks import Span
from app.markdown.inline import is_allowed_link, read_spans


def plain(text: str) -> str:
    return "".join(span.text for span in read_spans(text))


def formulas(text: str) -> list[str]:
    return [span.text for span in read_spans(text) if span.maths]


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("a **b** c", (Span("a "), Span("b", bold=True), Span(" c"))),
        ("*a*", (Span("a", italic=True),)),
        ("__a__ _b_", (Span("a", bold=True), Span(" "), Span("b", italic=True))),
        ("~~a~~", (Span("a", strike=True),)),
        ("***a***", (Span("a", bold=True, italic=True),)),
        ("**a *b* c**", (Span("a ", True), Span("b", True, True), Span(" c", True))),
        ("`a ** b`", (Span("a ** b", code=True),)),
        ("``a ` b``", (Span("a ` b", code=True),)),
        ("snake_case_name", (Span("snake_case_name"),)),
        ("2 * 3 * 4", (Span("2 * 3 * 4"),)),
        ("**「強調」**する", (Span("「強調」", bold=True), Span("する"))),
        ("a  \nb", (Span("a\nb"),)),
        ("a\nb", (Span("a b"),)),
        ("a\\\nb", (Span("a\nb"),)),
        ("&lt;b&gt; &amp; &nosuch;", (Span("<b> & &nosuch;"),)),
        (r"\*a\*", (Span("*a*"),)),
    ],
)
def test_styles_are_read(text: str, spans: tuple[Span, ...]) -> None:
    assert read_spans(text) == spans


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mass $E=mc^2$ here", ["E=mc^2"]),
        (r"\(a+b\) and \(c\)", ["a+b", "c"]),
        (r"so \[x^2\] holds", ["x^2"]),
        ("so $$x^2$$ holds", ["x^2"]),
        ("the $n$th term", ["n"]),
        ("$5$ apples", ["5"]),
        (r"$10 \times 3$", [r"10 \times 3"]),
        ("it costs $5 and $10", []),
        ("between $5 and 10$ a piece", []),
        ("$5/$10, US$3, $2.50-$3", []),
        ("echo $HOME/bin:$PATH", []),
        (r"\$a\$", []),
        ("`$a$`", []),
        ("an open $a", []),
        (r"an open \(a", []),
        (r"a note \[1\] and \[2, 3\]", []),
    ],
)
def test_maths_is_told_from_prices(text: str, found: list[str]) -> None:
    assert formulas(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "vector<int> x; map<string, int> y",
        '<img src="http://example.org/x.png"> after',
        "![a](http://example.org/x.png) after",
        "![](http://example.org/x.png?d=secret)",
        "a < b and c > d",
        "<script>alert(1)</script>",
        "<b>bold</b> <!-- comment --> text",
        "[a](javascript:alert(1))",
        "[a](file:///etc/passwd) [b](data:text/html,x)",
        "![a][1] [b][1] [c]",
        "an open ** mark and ` tick and [bracket](",
        r"\(open",
        "$5 and $10",
    ],
)
def test_what_is_not_understood_stays_as_it_was_written(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "words", "url"),
    [
        ("[a](https://x.org)", "a", "https://x.org"),
        ("[a](https://x.org/b_(c))", "a", "https://x.org/b_(c)"),
        ('[a](<https://x.org> "title")', "a", "https://x.org"),
        ("[**a** b](mailto:a@b.org)", "a b", "mailto:a@b.org"),
        ("<https://x.org>", "https://x.org", "https://x.org"),
        ("<a@b.org>", "a@b.org", "mailto:a@b.org"),
        ("see https://x.org/a_b.", "https://x.org/a_b", "https://x.org/a_b"),
        ("(https://x.org/a)", "https://x.org/a", "https://x.org/a"),
        ("**https://x.org**", "https://x.org", "https://x.org"),
    ],
)
def test_links_are_read(text: str, words: str, url: str) -> None:
    linked = [span for span in read_spans(text) if span.link]
    assert "".join(span.text for span in linked) == words
    assert {span.link for span in linked} == {url}


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "javascript:alert(1)", "data:text/html,x", "ftp://x", "/a", "", "http:"],
)
def test_only_the_web_and_mail_can_be_opened(url: str) -> None:
    assert not is_allowed_link(url)
    assert not any(span.link for span in read_spans(f"[a]({url}) <{url}> {url}"))


def test_a_break_is_one_only_in_a_cell() -> None:
    assert plain("a<br>b") == "a<br>b"
    assert read_spans("a<br>b", is_cell=True) == (Span("a\nb"),)


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("a **bo", (Span("a "), Span("bo", bold=True))),
        ("a **", (Span("a "),)),
        ("a `co", (Span("a "), Span("co", code=True))),
        ("[link](https://ex", (Span("link"),)),
        ("a **b *c", (Span("a "), Span("b ", bold=True), Span("c", bold=True, italic=True))),
    ],
)
def test_what_is_still_being_written_shows_no_marks(text: str, spans: tuple[Span, ...]) -> None:
    assert read_spans(text, is_open=True) == spans


@pytest.mark.parametrize(
    "piece",
    [
        "*",
        "**a ",
        "[",
        "[a](",
        "[a](x ",
        "`",
        "``a`",
        "$a ",
        "\\(",
        "<",
        "&",
        "![",
        "_a*",
        "~~a",
        "\n",
    ],
)
def test_work_grows_with_the_length_alone(piece: str) -> None:
    """Ten times the text may take some more than ten times the calls, not a hundred times."""
    assert calls(piece * 1000) < 20 * calls(piece * 100)


def calls(text: str) -> int:
    """How many functions are called to read `text`."""
    count = 0

    def see(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(see)
    try:
        read_spans(text)
    finally:
        sys.setprofile(None)
    return count
