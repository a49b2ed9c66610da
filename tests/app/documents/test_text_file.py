"""Text files are read whole or refused with one line."""

import os
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents.text_file import MOST_BYTES, WIDTH, UnreadableDocument, read_text_file


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"one\ntwo\n", "one\ntwo\n"),
        (b"one\r\ntwo\rthree", "one\ntwo\nthree\n"),
        ("\ufeffé".encode(), "é\n"),
        ("é😀".encode("utf-16"), "é😀\n"),
        (b"\xfe\xff" + "é".encode("utf-16-be"), "é\n"),
        ("é".encode("utf-32"), "é\n"),
        (b"\n\nx\n\n", "\n\nx\n\n"),
        ("\u202eשלום\u202c 👩\u200d👧".encode(), "\u202eשלום\u202c 👩\u200d👧\n"),
    ],
)
def test_text_is_read_as_it_is(tmp_path: Path, data: bytes, text: str) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    attachment = read_text_file(tmp_path / "a.txt")
    assert (attachment.name, attachment.text) == ("a.txt", text)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("empty.txt", b"", "has no text"),
        ("blank.txt", b" \n ", "has no text"),
        ("photo.jpg", b"\xff\xd8\xff\0\x10JFIF", "not a text file"),
        ("latin.txt", "déjà".encode("latin-1"), "not text in UTF-8 (byte 1)"),
        ("cut.txt", "é".encode("utf-16")[:-1], "not text in UTF-16"),
        ("report.pdf", b"%PDF-1.7", "is a PDF, which can't be read yet"),
        ("huge.txt", b"x" * (MOST_BYTES + 1), "4 MB is the most"),
    ],
)
def test_what_can_t_be_read_is_named(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnreadableDocument) as raised:
        read_text_file(tmp_path / name)
    line = str(raised.value)
    assert said in line and line.startswith(name) and "\n" not in line


def test_folders_pipes_and_missing_files_are_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, said in (("", "is a folder"), ("pipe", "is no file"), ("gone", "There is no file")):
        with pytest.raises(UnreadableDocument, match=said):
            read_text_file(tmp_path / name)
    with pytest.raises(UnreadableDocument, match="can't be read"):
        read_text_file(Path("nul\0in the name"))


def test_a_huge_file_is_refused_without_being_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse.txt").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UnreadableDocument, match="has 1,099,512 MB"):
        read_text_file(tmp_path / "sparse.txt")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x0b\x0c\x1c\x1d\x1e\x85")))
def test_wrapping_keeps_every_character(line: str) -> None:
    from app.documents.text_file import _wrap

    pieces = _wrap(line)
    assert "".join(pieces) == line and all(len(piece) <= WIDTH for piece in pieces)


def test_long_lines_are_cut_between_words(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("word " * 40)
    lines = read_text_file(tmp_path / "a.txt").text.splitlines()
    assert len(lines) == 3 and all(len(line) <= WIDTH for line in lines)
    assert textwrap.dedent(lines[0]).endswith("word ")
