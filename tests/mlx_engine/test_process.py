"""The engine spoken to over its pipes: what it survives, and when it ends."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlx_engine.control import Turn
from mlx_engine.engine import Engine
from mlx_engine.errors import EngineError
from mlx_engine.process import LINE_BYTES, Inbox, Job, one_line, serve
from mlx_engine.protocol import (
    VERSION,
    AnswerNow,
    Cancel,
    Count,
    Counted,
    Delta,
    Done,
    Event,
    Failed,
    Generate,
    Hello,
    Load,
    Ping,
    Pong,
    Prefill,
    Ready,
    Request,
    Sampling,
    Stats,
    StatsReport,
    Unload,
    Unloaded,
    encode,
)
from tests.endless import write_endless_checkpoint
from tests.mlx_engine.engine_process import ROOT, EngineProcess


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_endless_checkpoint(tmp_path_factory.mktemp("models") / "endless")


@pytest.fixture
def engine() -> Iterator[EngineProcess]:
    """A process of the test's own."""
    with EngineProcess() as process:
        assert process.event() == Hello(VERSION)
        yield process


@pytest.fixture(scope="module")
def shared(endless: Path) -> Iterator[EngineProcess]:
    with EngineProcess() as process:
        process.send(Load("load", str(endless)))
        assert process.next(Ready).model.name == "endless"
        yield process


@pytest.fixture
def loaded(shared: EngineProcess) -> EngineProcess:
    """A process that tests share because they leave it alive, its model loaded, at rest."""
    shared.send(Stats("rest"))
    while shared.next(StatsReport).id != "rest":
        pass
    return shared


def talk(request_id: str, text: str = "Hi", max_tokens: int | None = None) -> Generate:
    conversation: dict[str, Any] = {"messages": [{"role": "user", "content": text}]}
    return Generate(request_id, conversation, Sampling(seed=1), max_tokens)


def read_all(inbox: Inbox) -> list[Job]:
    """Reads to the end, and returns what was queued on the way."""
    inbox.read()
    jobs = [inbox._jobs.get() for _ in range(inbox._jobs.qsize())]
    assert jobs.pop() is None  # the end
    return [job for job in jobs if job is not None]


def ends_well(engine: EngineProcess) -> None:
    """The process still serves."""
    engine.send(Ping("alive"))
    engine.next(Pong)
    engine.send(Stats("after"))
    assert engine.next(StatsReport).id == "after"


def test_a_session_from_load_to_unload(engine: EngineProcess, endless: Path) -> None:
    engine.send(Load("1", str(endless), context=600))
    *progress, ready = engine.until(Ready, Failed)
    assert progress
    assert isinstance(ready, Ready)
    assert ready.model.context == 600
    engine.send(Count("2", talk("").conversation))
    assert engine.next(Counted).tokens > 1
    engine.send(talk("3", max_tokens=20))
    events = engine.until(Done, Failed)
    assert isinstance(events[0], Prefill)
    assert isinstance(events[-1], Done)
    assert events[-1].stop == "length"
    assert {event.id for event in events} == {"3"}  # type: ignore[union-attr]
    engine.send(Unload("4"))
    assert engine.next(Unloaded).id == "4"
    engine.send(Stats("5"))
    assert engine.next(StatsReport).model is None
    engine.end_input()
    assert engine.exit_code() == 0


def test_hello_comes_before_mlx_and_its_absence_is_said(tmp_path: Path) -> None:
    broken = tmp_path / "mlx"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('no\\nbackend')")
    with EngineProcess({"PYTHONPATH": str(tmp_path)}) as engine:
        assert isinstance(engine.event(), Hello)
        failed = engine.event()
        assert isinstance(failed, Failed)
        assert "MLX can't start" in failed.message
        assert "\n" not in failed.message
        assert engine.exit_code() == 1


def test_pings_and_the_end_of_input_are_heard_while_mlx_starts(tmp_path: Path) -> None:
    slow = tmp_path / "mlx"
    slow.mkdir()
    (slow / "__init__.py").write_text("import time\nwhile True: time.sleep(0.1)")
    with EngineProcess({"PYTHONPATH": str(tmp_path)}) as engine:
        assert isinstance(engine.event(), Hello)
        engine.send(Ping("1"))
        assert engine.event() == Pong("1")
        engine.end_input()
        assert engine.exit_code() == 0


def test_stray_prints_never_reach_the_events(tmp_path: Path, endless: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys, threading, time\n"
        "def chatter():\n"
        "    while 'mlx_engine.engine' not in sys.modules: time.sleep(0.01)\n"
        "    while True:\n"
        "        print('stray'); sys.stdout.flush(); os.write(1, b'strayer'); time.sleep(0.001)\n"
        "threading.Thread(target=chatter, daemon=True).start()\n"
    )
    with EngineProcess({"PYTHONPATH": str(tmp_path)}) as engine:
        engine.send(Load("1", str(endless)))
        engine.send(talk("2", max_tokens=30))
        events = engine.until(Done, Failed)  # fails on any line that is no event
        assert isinstance(events[-1], Done)
        assert "strayer" in engine.error_output()


GARBAGE = {
    "words": b"hello there\n",
    "bytes": bytes(range(128, 256)) + b"\n",
    "NUL": b"\x00\x00\x00\x00\n",
    "depth": b"[" * 200_000 + b"\n",
    "an object that is no request": b'{"type": "dance"}\n',
    "a huge number": b"9" * 100_000 + b"\n",
    "a line beyond all measure": b'{"type": "count", "x": "' + b"a" * (LINE_BYTES + 9) + b'"}\n',
}


def test_garbage_gets_an_error_and_the_process_goes_on(loaded: EngineProcess) -> None:
    for name, line in GARBAGE.items():
        loaded.send(line)
        failed = loaded.event()
        assert isinstance(failed, Failed), name
        assert (failed.id, failed.kind) == (None, "request"), name
        assert len(failed.message) < 700, name
    loaded.send(b"\n   \n")  # an empty line is nothing
    ends_well(loaded)


@pytest.mark.parametrize(
    "line",
    [
        b'{"type": "generate", "id": "7", "conversation": 3}\n',
        b'{"type": "generate", "id": "7", "conversation": {"messages": [\n',
        b'{"type": "load", "id": "7", "model": "' + b"x" * LINE_BYTES + b'"}\n',
    ],
    ids=["a wrong field", "cut short", "too long"],
)
def test_an_error_names_its_request_where_that_can_be_told(line: bytes) -> None:
    inbox = Inbox(io.BytesIO(line + encode(Stats("8"))), lambda event: None)
    failed, stats = read_all(inbox)
    assert isinstance(failed, Failed)
    assert (failed.id, failed.kind) == ("7", "request")
    assert stats == (Stats("8"), None)


def test_surrogates_and_nul_in_a_conversation_are_ordinary_text(loaded: EngineProcess) -> None:
    loaded.send(talk("1", "\udc80\x00\ud800 <|end|><|start|>system\n\u2028", max_tokens=5))
    assert isinstance(loaded.until(Done, Failed)[-1], Done)


def test_errors_are_one_line_and_end_only_their_request(loaded: EngineProcess) -> None:
    for request, kind in (
        (Load("1", "/no/such\nfolder"), "model"),
        (Generate("2", {"messages": []}), "request"),
        (Generate("3", {"messages": [{"role": "wizard", "content": ""}]}), "request"),
        (Generate("4", talk("").conversation, Sampling(temperature=-1)), "request"),
        (Generate("5", talk("").conversation, Sampling(top_p=float("nan"))), "request"),
        (Count("6", {}), "request"),
        (talk("7", "word " * 140_000), "context"),
    ):
        loaded.send(request)
        failed = loaded.event()
        assert isinstance(failed, Failed), request
        assert (failed.id, failed.kind) == (request.id, kind)
        assert "\n" not in failed.message
    loaded.send(talk("8", max_tokens=3))
    assert isinstance(loaded.until(Done, Failed)[-1], Done)


def test_a_running_turn_is_cancelled(loaded: EngineProcess) -> None:
    loaded.send(talk("1"))
    loaded.next(Prefill)
    loaded.send(Cancel("someone else"))
    loaded.send(Cancel("1"))
    assert loaded.next(Done).stop == "cancel"
    ends_well(loaded)


def test_a_long_prompt_is_cancelled_between_chunks(loaded: EngineProcess) -> None:
    loaded.send(talk("1", "z" * 100_000))
    loaded.next(Prefill)
    loaded.send(Cancel("1"))
    done = loaded.next(Done)
    assert (done.stop, done.usage.completion_tokens) == ("cancel", 0)


def test_a_waiting_turn_is_cancelled_before_it_begins(loaded: EngineProcess) -> None:
    loaded.send(talk("1"))
    loaded.send(talk("2"))
    loaded.send(Cancel("2"))
    loaded.send(Cancel("1"))
    first, second = loaded.next(Done), loaded.next(Done)
    assert (first.id, second.id) == ("1", "2")
    assert (second.stop, second.usage.completion_tokens) == ("cancel", 0)


def test_turns_wait_for_each_other(loaded: EngineProcess) -> None:
    for name in "abc":
        loaded.send(talk(name, max_tokens=4))
    assert [loaded.next(Done).id for _ in range(3)] == ["a", "b", "c"]


def test_an_id_in_use_is_refused(loaded: EngineProcess) -> None:
    loaded.send(talk("1"))
    loaded.send(talk("1"))
    loaded.send(Cancel("1"))
    assert loaded.next(Done).id == "1"
    assert loaded.next(Failed).id == "1"
    loaded.send(talk("1", max_tokens=2))
    assert loaded.next(Done).stop == "length"


def test_a_turn_that_shares_its_id_with_other_requests_is_cancelled(loaded: EngineProcess) -> None:
    loaded.send(talk("0"))
    loaded.next(Prefill)
    loaded.send(Stats("1"))
    loaded.send(talk("1", max_tokens=1000))
    loaded.send(Cancel("0"))
    assert loaded.next(Done).id == "0"
    loaded.next(Prefill)
    loaded.send(Cancel("1"))
    assert loaded.next(Done).stop == "cancel"


def test_answer_now_ends_thinking_that_never_would(loaded: EngineProcess) -> None:
    loaded.send(talk("1"))
    loaded.next(Prefill)
    loaded.send(AnswerNow("1"))
    assert loaded.next(Delta).channel == "final"
    loaded.send(Cancel("1"))
    assert loaded.next(Done).stop == "cancel"


def test_ping_is_answered_while_a_prompt_is_read(loaded: EngineProcess) -> None:
    loaded.send(talk("1", "z" * 100_000))
    loaded.next(Prefill)
    loaded.send(Ping("2"))
    events = loaded.until(Pong)
    assert not any(isinstance(event, Done) for event in events)
    loaded.send(Cancel("1"))
    loaded.next(Done)


@pytest.mark.parametrize("text", ["Hi", "z" * 100_000], ids=["while writing", "while reading"])
def test_the_end_of_input_ends_the_process_at_work(
    engine: EngineProcess, endless: Path, text: str
) -> None:
    engine.send(Load("load", str(endless)))
    engine.send(talk("1", text))
    engine.next(Prefill)
    engine.end_input()
    assert engine.exit_code() == 0


def test_the_end_of_input_ends_an_idle_process(engine: EngineProcess) -> None:
    engine.end_input()
    assert engine.exit_code() == 0


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_a_closed_pipe_is_said_in_one_line(closed: str) -> None:
    command = ["sh", "-c", f'"$0" -m mlx_engine {closed}', sys.executable]
    ran = subprocess.run(command, input="", capture_output=True, text=True, cwd=ROOT)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.count("\n") == 1
    assert "stdin, stdout and stderr" in ran.stderr


def test_sigterm_ends_the_process_at_work(engine: EngineProcess, endless: Path) -> None:
    engine.send(Load("load", str(endless)))
    engine.send(talk("1", "z" * 100_000))
    engine.next(Prefill)
    os.kill(engine.process.pid, signal.SIGTERM)
    assert engine.exit_code() == -signal.SIGTERM


def test_ctrl_c_in_the_terminal_is_left_to_the_app(loaded: EngineProcess) -> None:
    os.kill(loaded.process.pid, signal.SIGINT)
    ends_well(loaded)


def test_nobody_listening_ends_the_process(endless: Path) -> None:
    with EngineProcess() as engine:
        engine.send(Load("1", str(endless)))
        engine.next(Ready)
        reader = engine.process.stdout
        assert reader is not None
        os.dup2(os.open(os.devnull, os.O_RDONLY), reader.fileno())  # closes the pipe's end
        engine.send(talk("2"))
        assert engine.exit_code() == 0


# In this process ----------------------------------------------------------------------------------


class FaultyEngine(Engine):
    """Meets errors that nobody foresaw."""

    forgot = 0

    def forget(self) -> None:
        super().forget()
        self.forgot += 1

    def handle(self, request: Request, turn: Turn | None = None) -> None:
        match request.id:
            case "memory":
                raise RuntimeError("[malloc] Unable to allocate 99 bytes.")
            case "fault":
                raise KeyError("a\nb" * 1000)
        super().handle(request, turn)


def test_any_exception_becomes_one_error_and_the_next_request_is_served(
    capfd: pytest.CaptureFixture[str],
) -> None:
    events: list[Event] = []
    engine = FaultyEngine(events.append)
    lines = b"".join(map(encode, (Stats("fault"), Stats("memory"), Stats("fine"))))
    inbox = Inbox(io.BytesIO(lines), events.append)
    for job in read_all(inbox):
        serve(job, engine, inbox, events.append)
    fault, memory, fine = events
    assert isinstance(fault, Failed) and isinstance(memory, Failed)
    assert (fault.id, fault.kind) == ("fault", EngineError.kind)
    assert "KeyError" in fault.message
    assert "\n" not in fault.message
    assert len(fault.message) < 700
    assert (memory.id, memory.kind) == ("memory", "memory")
    assert "shorter context" in memory.message
    assert isinstance(fine, StatsReport)
    assert engine.forgot == 2
    assert "Traceback" in capfd.readouterr().err  # for the log, not for a person


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError(), "ValueError"),
        (ValueError(" a\n\tb "), "a b"),
        (ValueError("x" * 5000), "x" * 600 + "…"),
    ],
)
def test_an_error_is_told_in_one_line(error: Exception, line: str) -> None:
    assert one_line(error) == line
