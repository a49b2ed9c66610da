"""The reading process: what it may take, how it ends, and what is said when it does."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.documents.errors import UnreadableDocument
from app.documents.reading import process
from app.documents.reading.limits import FILE_BYTES, TOO_MUCH_MEMORY
from app.documents.reading.output import Output
from app.documents.reading.process import ReadingCancelled, isolated, read_document, shown_name
from app.documents.reading.read import read
from app.documents.reading.refused import Refused
from tests.app.documents.reading.files import pdf, shown

ROOT = Path(__file__).parents[4]


def reads_by(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Another program in place of the reader."""
    monkeypatch.setattr(process, "reader_command", lambda: [sys.executable, "-c", code])


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "notes.txt"
    path.write_text("Bees hum.\n")
    return path


def test_a_document_comes_through_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    lines = [(72.0, 700.0 - 20 * i, f"line {i}") for i in range(3)]
    path.write_bytes(pdf([shown(*lines)] * 3))
    seen: list[tuple[int, int]] = []
    document = read_document(path, on_progress=lambda done, total: seen.append((done, total)))
    assert (document.name, document.kind, len(document.pages)) == ("report.pdf", "pdf", 3)
    assert document.lines[4] == "line 1" and document.pages[2].lines[0].box is not None
    assert document.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    assert seen and seen[-1][1] == 3


def test_a_refusal_names_the_file(tmp_path: Path) -> None:
    for name, data, said in (
        ("empty.txt", b"", "empty.txt is empty: there are no bytes in it."),
        ("none.pdf", pdf([]), "none.pdf is damaged: its pages can't be found. Get it again."),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UnreadableDocument) as raised:
            read_document(tmp_path / name)
        assert str(raised.value) == said


def test_folders_pipes_and_missing_files_are_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, said in (("", "is a folder"), ("pipe", "no file but"), ("gone", "is not there")):
        with pytest.raises(UnreadableDocument, match=said):
            read_document(tmp_path / name)
    with pytest.raises(UnreadableDocument, match="can't be read"):
        read_document(Path("nul\0in the name"))


def test_a_huge_file_is_refused_without_being_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse.txt").open("wb") as file:
        file.truncate(FILE_BYTES + 10**8)
    with pytest.raises(UnreadableDocument, match="has 1,100 MB; 1,000 MB is the most"):
        read_document(tmp_path / "sparse.txt")


def test_a_cancelled_reading_leaves_no_process(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader and what it started are of one group."""
    pids = tmp_path / "pids"
    reads_by(
        monkeypatch,
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(pids)!r} + '.new', 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        f"os.rename({str(pids)!r} + '.new', {str(pids)!r})\n"
        "time.sleep(600)",
    )
    cancelled = threading.Event()

    def cancel() -> None:
        while not pids.exists():
            time.sleep(0.01)
        cancelled.set()

    threading.Thread(target=cancel).start()
    with pytest.raises(ReadingCancelled):
        read_document(text, cancelled=cancelled)
    reader, child = map(int, pids.read_text().split())
    with pytest.raises(ProcessLookupError):
        os.kill(reader, 0)
    while is_running(child):  # its new parent has yet to collect it
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return state.stdout.strip()[:1] not in ("", "Z")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import time; time.sleep(600)", "takes too long to read"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "its reader crashed"),
        ("import os; os._exit(75)", "needs more than 1 GB of memory"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", "takes too long to read"),
        ("", "its reader crashed"),
    ],
)
def test_the_end_of_the_reader_is_told_in_words(
    text: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    reads_by(monkeypatch, code)
    with pytest.raises(UnreadableDocument) as raised:
        read_document(text, silence_s=1.0 if "sleep" in code else 60.0)
    assert str(raised.value).startswith("notes.txt ") and said in str(raised.value)


def start_in_reader(*lines: str) -> "subprocess.Popen[str]":
    """Runs code that has what the reader's module has."""
    imports = "import os, sys, threading, time\nfrom app.documents.reading import child\n"
    return subprocess.Popen(
        [sys.executable, "-c", imports + "\n".join(lines)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def in_reader(*lines: str) -> tuple[int, str]:
    """Its exit code and output."""
    with start_in_reader(*lines) as started:
        assert started.stdout is not None
        said = started.stdout.read()
        return started.wait(), said


WATCH = "threading.Thread(target=child._watch, daemon=True).start()"


def test_memory_beyond_the_limit_ends_the_reader() -> None:
    hold = "while True: held.append(b'x' * (1 << 20)); time.sleep(0.0001)"
    code, said = in_reader("child.MEMORY_BYTES = 200 << 20", WATCH, "held = []", hold)
    assert (code, said) == (TOO_MUCH_MEMORY, "")


def test_memory_that_the_app_holds_is_not_the_readers(text: Path) -> None:
    reader = (
        "import sys; from app.documents.reading import child; "
        f"child.MEMORY_BYTES = 150 << 20; sys.exit(child.main([{str(text)!r}, 'notes.txt']))"
    )
    code, said = in_reader(
        "import subprocess",
        "held = bytearray(200 << 20)",
        f"subprocess.run([sys.executable, '-c', {reader!r}])",
    )
    assert code == 0 and "Bees hum." in said


def test_the_reader_ends_with_the_app_that_started_it() -> None:
    """Its input ends when the app is gone, also when that was killed."""
    with start_in_reader(WATCH, "time.sleep(600)") as started:
        assert started.stdin is not None
        started.stdin.close()
        assert started.wait() == 1


def test_a_packaged_app_is_its_own_reader(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no `python -m`: the program itself is started with an option."""
    monkeypatch.setattr(
        process, "reader_command", lambda: [sys.executable, "-m", "app", "--reader"]
    )
    assert read_document(text).lines == ("Bees hum.",)


@pytest.mark.parametrize(
    "action",
    [
        "open('{}/new', 'w')",
        "open('{}/new', 'ab')",
        "os.open('{}/new', os.O_CREAT | os.O_RDWR)",
        "__import__('socket').socket()",
        "__import__('socket').getaddrinfo('localhost', 80)",
        "__import__('subprocess').run(['true'])",
        "os.system('true')",
        "os.fork()",
    ],
)
def test_the_reader_can_neither_write_nor_connect_nor_start_anything(
    tmp_path: Path, action: str
) -> None:
    watched = "sys.addaudithook(child._refuse)"
    code, said = in_reader(watched, action.format(tmp_path))
    assert code == 1 and "PermissionError: reading a document" in said
    assert not list(tmp_path.glob("new"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda path: path.write_text("Wasps sting.\n"), "was changed while it was being read"),
        (lambda path: path.unlink(), "was deleted while it was being read"),
        (lambda path: os.replace(path.with_name("other"), path), "was changed while"),
    ],
)
def test_a_file_that_changes_while_it_is_read_is_not_passed_off(
    text: Path, change: Callable[[Path], object], said: str
) -> None:
    text.with_name("other").write_text("Bees hum.\n")
    waits = [lambda: change(text)]

    def send(message: dict[str, object]) -> None:
        if waits:
            waits.pop()()

    with pytest.raises(Refused, match=said):
        read(text, text.name, Output(send))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("re\u0301sume\u0301.txt", "résumé.txt"),
        ("\u202etxt.exe", "txt.exe"),
        ("two\nlines.txt", "two\ufffdlines.txt"),
        ("דוח.txt", "דוח.txt"),
        ("bad\udcff.txt", "bad\ufffd.txt"),
    ],
)
def test_names_are_shown_as_people_can_read_them(tmp_path: Path, name: str, shown: str) -> None:
    assert shown_name(name) == shown
    path = tmp_path / name
    try:
        path.write_text("words")
    except (OSError, UnicodeError):
        pytest.skip("no such name can be here")
    assert read_document(path).name == shown


def test_a_name_from_right_to_left_stays_in_its_place() -> None:
    assert isolated("דוח.txt") == "\u2068דוח.txt\u2069" and isolated("a.txt") == "a.txt"


def test_the_reader_starts_without_anything_heavy() -> None:
    code, said = in_reader(
        "print([name for name in ('PySide6', 'mlx', 'numpy', 'pypdfium2', 'openpyxl') "
        "if name in sys.modules])",
    )
    assert (code, said) == (0, "[]\n")
