"""Copies of what was attached."""

import hashlib
import os
import stat
from pathlib import Path

from app.documents.originals import Originals


def _kept(tmp_path: Path, words: bytes) -> tuple[Originals, str]:
    originals = Originals(tmp_path / "documents")
    (tmp_path / "a.txt").write_bytes(words)
    digest = hashlib.sha256(words).hexdigest()
    assert originals.keep(tmp_path / "a.txt", digest)
    return originals, digest


def test_a_copy_outlives_its_original_and_is_private(tmp_path: Path) -> None:
    originals, digest = _kept(tmp_path, b"Bees hum.")
    (tmp_path / "a.txt").unlink()
    copy = originals.find(digest)
    assert copy is not None and copy.read_bytes() == b"Bees hum."
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700


def test_a_file_that_is_another_by_now_is_not_kept(tmp_path: Path) -> None:
    originals = Originals(tmp_path / "documents")
    (tmp_path / "a.txt").write_text("changed")
    assert not originals.keep(tmp_path / "a.txt", "0" * 64)
    assert not originals.keep(tmp_path / "gone.txt", "1" * 64)
    assert list((tmp_path / "documents").iterdir()) == []


def test_copies_that_no_chat_names_go_when_they_are_old(tmp_path: Path) -> None:
    originals, digest = _kept(tmp_path, b"Bees hum.")
    originals.drop_all_but(set())
    path = originals.find(digest)
    assert path is not None
    os.utime(path, (0, 0))
    originals.drop_all_but({digest})
    assert originals.find(digest) is not None
    originals.drop_all_but(set())
    assert originals.find(digest) is None
