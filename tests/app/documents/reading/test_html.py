"""Web pages and e-books: what a reader sees, without what only machines do."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents.reading.html import write_html
from app.documents.reading.output import Output
from app.documents.reading.refused import Refused
from tests.app.documents.reading.files import epub, read_here, texts

PAGE = """<!doctype html><html><head><title>Bees</title><script>x < y</script>
<style>p {}</style><body><h2>Bees &amp; Wasps</h2><p>They <b>hum</b>.<br>Softly.
<ul><li>one<li>two<ul><li>deep</ul></ul><ol start=3><li>c</ol>
<table><tr><th>Name<th>Legs<tr><td>Bee</td><td>6</td></tr>
<tr><td></td><td><p>8</p><p>or more</p></td></table>
<pre>  kept
   so</pre><p hidden>open-ended</p><div style="display: none">gone</div><img alt="A bee"> tail"""


def test_a_page_is_read_as_it_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(PAGE)
    read = read_here(tmp_path / "a.html")
    assert read.kind == "html"
    assert [line for line in texts(read) if line] == [
        *("Bees", "## Bees & Wasps", "They hum.", "Softly.", "- one", "- two", "  - deep", "3. c"),
        *("Name | Legs", "Bee | 6", " | 8 or more", "  kept", "   so", "open-ended"),
        "[A bee] tail",
    ]


def test_the_encoding_that_a_page_declares_is_taken(tmp_path: Path) -> None:
    page = '<html><meta charset="windows-1251"><p>да</p></html>'
    (tmp_path / "a.html").write_bytes(page.encode("cp1251"))
    read = read_here(tmp_path / "a.html")
    assert texts(read) == ["да"] and read.notes == ()


MARKUP = (
    "<p> </p> <td> <tr> <table> </table> <li> <ol> </ul> <pre> </pre> <h1> </h1> <title> </title> "
    "<br> <td/> <ol>"
)


@given(st.lists(st.sampled_from(["w ", *MARKUP.split()])))
def test_markup_in_any_disorder_is_read(pieces: list[str]) -> None:
    messages: list[dict[str, object]] = []
    out = Output(messages.append)
    out.page()
    write_html(pieces, out, with_title=True)
    out.end("html", "")
    words = sum(str(message.get("lines", "")).count("w") for message in messages)
    assert words == pieces.count("w ")


def test_each_chapter_of_a_book_is_a_page_with_its_title(tmp_path: Path) -> None:
    chapters = {
        "one.xhtml": "<html><title>File</title><body><h1>The Hive</h1>Bees hum.</body></html>",
        "two.xhtml": "<html><body><p>Wasps don&#8217;t.</p></body></html>",
    }
    contents = '<a href="one.xhtml#top">The Hive</a><a href="two.xhtml">The Nest</a>'
    (tmp_path / "a.epub").write_bytes(epub(chapters, contents))
    read = read_here(tmp_path / "a.epub")
    assert read.kind == "epub" and [page.label for page in read.pages] == ["The Hive", "The Nest"]
    assert texts(read) == ["# The Hive", "", "Bees hum."] and texts(read, 1) == ["Wasps don’t."]


def test_a_protected_book_says_so_and_locked_fonts_do_not_matter(tmp_path: Path) -> None:
    chapters = {"one.xhtml": "<p>Bees hum.</p>"}
    for locked, is_readable in (("book/font.otf", True), ("book/one.xhtml", False)):
        encryption = f'<encryption><CipherReference URI="{locked}"/></encryption>'
        more = {"META-INF/encryption.xml": encryption}
        (tmp_path / "a.epub").write_bytes(epub(chapters, more=more))
        if is_readable:
            assert texts(read_here(tmp_path / "a.epub")) == ["Bees hum."]
        else:
            with pytest.raises(Refused, match="protected against copying"):
                read_here(tmp_path / "a.epub")
