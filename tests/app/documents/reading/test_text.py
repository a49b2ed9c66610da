"""Text in any encoding is read as it is, or with a word about what is not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents.reading.output import TOLERATED, WIDTH, wrap
from app.documents.reading.refused import Refused
from tests.app.documents.reading.files import read_here, texts

RUSSIAN = "Договор вступает в силу с момента его подписания обеими сторонами."
JAPANESE = "契約書。これは日本語の文章です。ミュートを付けて演奏する。"


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"one\ntwo\n", ["one", "two"]),
        (b"one\r\ntwo\rthree", ["one", "two", "three"]),
        ("\ufeffé".encode(), ["é"]),
        ("é😀".encode("utf-16"), ["é😀"]),
        (b"\xfe\xff" + "é".encode("utf-16-be"), ["é"]),
        ("plain words".encode("utf-16-le"), ["plain words"]),
        ("plain words".encode("utf-16-be"), ["plain words"]),
        ("é".encode("utf-32"), ["é"]),
        (b"\n\nx\n\ny\n", ["", "", "x", "", "y"]),
        ("\u202eשלום\u202c 👩\u200d👧".encode(), ["\u202eשלום\u202c 👩\u200d👧"]),
        (
            b"# -*- coding: cp1251 -*-\n# " + "да".encode("cp1251"),
            ["# -*- coding: cp1251 -*-", "# да"],
        ),
    ],
)
def test_text_is_read_as_it_is(tmp_path: Path, data: bytes, lines: list[str]) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    read = read_here(tmp_path / "a.txt")
    assert (read.kind, texts(read), read.notes) == ("text", lines, ())


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (JAPANESE, "cp932"),
        ("Le cœur déçu mais l'âme plutôt naïve, rêva d'îles", "cp1252"),
        ("déjà vu", "latin-1"),
        ("Müllabfuhr für die Straße", "mac_roman"),
        ("Smlouva nabývá účinnosti dnem podpisu. Příliš žluťoučký kůň.", "iso8859-2"),
        ("计算机文档的编码测试。合同自签署之日起生效。", "gb18030"),
        ("Umowa została zawarta dnia pierwszego października. Zażółć gęślą jaźń.", "cp1250"),
    ],
)
def test_an_encoding_that_nothing_states_is_guessed_and_told(
    tmp_path: Path, text: str, encoding: str
) -> None:
    (tmp_path / "a.txt").write_bytes(text.encode(encoding))
    read = read_here(tmp_path / "a.txt")
    assert texts(read) == [text]
    assert "Its encoding is not stated" in read.notes[0]


@pytest.mark.parametrize(
    ("data", "line", "note"),
    [
        ("é".encode() * 30 + b"\xff", "é" * 30 + "\ufffd", "Some of its bytes are no text"),
        ("né".encode("utf-16")[:-1], "n\ufffd", "Some of its bytes are no text"),
        (b"a\n" * 1000 + b"c\0b", "c\ufffdb", "(NUL)"),
    ],
)
def test_what_is_no_text_in_a_text_is_marked_and_told(
    tmp_path: Path, data: bytes, line: str, note: str
) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    read = read_here(tmp_path / "a.txt")
    assert texts(read)[-1] == line and note in read.notes[0]


@pytest.mark.parametrize("data", [bytes(range(256)) * 9, b"\x01\x02\x03", b"text" + b"\0" * 90])
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(Refused, match="is not text"):
        read_here(tmp_path / "a.txt")


def test_form_feeds_end_pages(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\ftwo\nthree\ffour")
    read = read_here(tmp_path / "a.txt")
    assert [texts(read, page) for page in range(3)] == [["one"], ["two", "three"], ["four"]]


def test_a_line_longer_than_memory_likes_is_cut_between_words(tmp_path: Path) -> None:
    text = "word " * 60_000
    (tmp_path / "a.txt").write_text(text)
    lines = texts(read_here(tmp_path / "a.txt"))
    assert "".join(lines) == text and all(len(line) <= TOLERATED for line in lines)
    assert max(map(len, lines)) <= WIDTH + 40


@given(st.text(st.characters(codec="utf-8", exclude_characters="\n")))
def test_wrapping_keeps_every_character(line: str) -> None:
    pieces = list(wrap(line))
    assert "".join(pieces) == line
    assert all(len(piece) <= WIDTH for piece in pieces)


@pytest.mark.parametrize("whole", ["👩\u200d👧\u200d👦", "e\u0301", "👍🏽", "❤️"])
def test_wrapping_tears_nothing_that_is_seen_as_one_character(whole: str) -> None:
    for before in range(WIDTH - len(whole), WIDTH + 1):
        assert any(whole in piece for piece in wrap("x" * before + whole + "y" * 50))


def test_markdown_is_kept_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Bees\n\n* they *hum*\n")
    read = read_here(tmp_path / "a.md")
    assert (read.kind, texts(read)) == ("markdown", ["# Bees", "", "* they *hum*"])
