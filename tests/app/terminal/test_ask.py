"""`sordino ask`: the answer on stdout, one line on stderr when it can't be had, the right code."""

import json
import os
import pty
import signal
from pathlib import Path

import pytest

from app.__main__ import main
from mlx_engine.protocol import decode_event
from tests.app.terminal.conftest import Run, Start, drawn_on
from tests.checkpoints import write_tiny_checkpoint


def test_the_answer_alone_goes_to_stdout(run: Run) -> None:
    ran = run("ask", "Hi é")
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert ran.stdout.decode() == "You said: Hi é \n"


def test_thoughts_go_to_stderr_when_asked_for(run: Run) -> None:
    ran = run("ask", "--thinking", "Hi")
    assert ran.stdout == b"You said: Hi \n" and ran.stderr == b"Let me see.\n\n"


def test_a_prompt_can_come_from_standard_input(run: Run) -> None:
    ran = run("ask", "-", stdin="\ufeffline one\nline two".encode())
    assert ran.stdout.decode() == "You said: line one\nline two \n"


def test_standard_input_that_is_no_text_is_refused(run: Run) -> None:
    for data in (b"a\0b", b"a\xffb"):
        ran = run("ask", "-", stdin=data)
        assert (ran.returncode, ran.stdout) == (1, b"")
        assert b"characters that are no text" in ran.stderr and ran.stderr.count(b"\n") == 1


def test_settings_that_are_damaged_are_said_where_they_are_set_aside(run: Run, home: Path) -> None:
    home.mkdir()
    (home / "settings.json").write_text("{")
    ran = run("ask", "Hi")
    assert (ran.returncode, ran.stdout) == (0, b"You said: Hi \n")
    assert b"The settings were damaged" in ran.stderr and ran.stderr.count(b"\n") == 1


def test_json_prints_the_events_as_in_the_protocol(run: Run) -> None:
    ran = run("ask", "--json", "Hi")
    events = [decode_event(line) for line in ran.stdout.splitlines()]
    kinds = [event.type for event in events if event]
    assert kinds[:3] == ["hello", "loading", "ready"] and kinds[-1] == "done"
    done = json.loads(ran.stdout.splitlines()[-1])
    assert set(done["usage"]) == {
        "prompt_tokens",
        "cached_tokens",
        "completion_tokens",
        "reasoning_tokens",
    }
    assert ran.stderr == b"" and ran.returncode == 0


def test_options_reach_the_model(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bees.txt").write_text("Bees hum.\n")
    ran = run(
        "ask",
        *("--model", "20b", "--effort", "high", "--system", "Be brief."),
        *("--file", str(tmp_path / "bees.txt"), "What do bees do?"),
    )
    assert "[0] bees.txt" in ran.stdout.decode() and "L0: Bees hum." in ran.stdout.decode()
    ran = run("ask", "--effort", "high", "--system", "Be brief.", "show the conversation")
    system, developer, _ = json.loads(ran.stdout)["messages"]
    assert system["content"][0]["reasoning_effort"] == "High"
    assert developer["content"][0]["instructions"] == "Be brief."


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ask", ""], "The prompt is empty"),
        (["ask", "  \n"], "The prompt is empty"),
        (["ask", "a\0b"], "characters that are no text"),
        (["ask", "a\udcffb"], "characters that are no text"),
        (["ask", "--file", "/no/such/file.txt", "Hi"], "file.txt is not there. Check its name"),
        (["ask", "--file", "/dev/null", "Hi"], "null is no file but a device"),
    ],
)
def test_what_can_be_refused_is_refused_before_a_model_is_opened(
    capsys: pytest.CaptureFixture[str], home: Path, arguments: list[str], said: str
) -> None:
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("sordino ask: ") and said in err and err.count("\n") == 1
    assert not home.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ask", "--file", __file__, "Xyz" + "zy"], "The guide can't read documents"),
        (["ask", "overflow"], "The conversation has 9,000 tokens"),
        (["ask", "die in prefill"], "was ended by SIGKILL"),
        (["ask", "fail"], "The engine failed"),
        (["ask", "only think"], "ended without an answer"),
    ],
)
def test_a_failure_is_one_line_and_code_1(run: Run, arguments: list[str], said: str) -> None:
    ran = run(*arguments)
    assert ran.returncode == 1
    lines = ran.stderr.decode().splitlines()
    assert len(lines) == 1 and lines[0].startswith("sordino ask: ") and said in lines[0]


def test_what_was_said_before_a_crash_is_kept(run: Run) -> None:
    ran = run("ask", "die in decode")
    assert ran.returncode == 1 and ran.stdout == b"Half an answer\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["ask"],
        ["ask", "--effort", "extreme", "Hi"],
        ["ask", "--max-tokens", "0", "Hi"],
        ["ask", "--max-tokens", "-3", "Hi"],
        ["ask", "--temperature", "nan", "Hi"],
        ["ask", "--temperature", "-1", "Hi"],
        ["ask", "--seed", "x", "Hi"],
        ["ask", "--system", "half a letter: \udcc3", "Hi"],
        ["ask", "--context", "1e3", "Hi"],
        ["ask", "--model", "", "Hi"],
        ["chat", "--model", " "],
        ["ask", "two", "prompts"],
        ["aks", "Hi"],
        ["--nonsense"],
    ],
)
def test_wrong_usage_is_code_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2 and "usage: sordino" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("stop", "said"), [("length", b"--max-tokens"), ("context", b"the context is full")]
)
def test_a_limit_is_said_on_stderr(run: Run, stop: str, said: bytes) -> None:
    ran = run("ask", f"stop {stop}")
    assert ran.returncode == 0 and ran.stdout == b"As far as it goes\n" and said in ran.stderr


def test_a_context_beyond_the_models_is_said(run: Run) -> None:
    ran = run("ask", "--context", "200000", "Hi")
    assert ran.returncode == 0 and b"Guide holds 131,072 tokens at most" in ran.stderr


def test_ctrl_c_ends_it_quietly(start: Start) -> None:
    with start("ask", "--thinking", "forever") as process:
        assert process.stderr is not None
        assert process.stderr.read(11) == b"Let me see."
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130 and b"Traceback" not in err


def test_a_closed_pipe_ends_it_quietly(start: Start) -> None:
    with start("ask", "Hi " * 5000) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()
        process.wait()
    assert process.returncode == 141 and err == b""


def test_progress_is_drawn_on_a_terminal_and_wiped(start: Start) -> None:
    master, terminal = pty.openpty()
    with start("ask", "Hi", stderr=terminal) as process:
        os.close(terminal)
        assert process.stdout is not None
        answer = process.stdout.read()
        drawn = drawn_on(master)
    os.close(master)
    assert answer == b"You said: Hi \n" and process.returncode == 0
    assert b"Opening the model" in drawn and b"Reading" in drawn
    assert drawn.endswith(b"\r\x1b[K")


def test_an_answer_can_t_steer_the_terminal(start: Start) -> None:
    master, terminal = pty.openpty()
    with start("ask", "a\x1b[2Jb", stdout=terminal):
        os.close(terminal)
        drawn = drawn_on(master)
    os.close(master)
    assert "a\ufffd[2Jb" in drawn.decode() and b"\x1b" not in drawn


def test_a_terminal_that_lacks_a_character_gets_another(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    assert run("ask", "é").stdout == b"You said: ? \n"


def test_the_engine_leaves_with_the_command(start: Start) -> None:
    """Also when the command is killed: the engine's input ends."""
    with start("ask", "--thinking", "forever") as process:
        assert process.stderr is not None
        process.stderr.read(11)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        if not children.exists():
            pytest.skip("needs /proc to name a process's children")
        (engine,) = children.read_text().split()
        process.kill()
        process.communicate()
    while (
        Path(f"/proc/{engine}").exists()
        and b"Z" not in Path(f"/proc/{engine}/stat").read_bytes().split(b")")[1].split()[:1]
    ):
        pass


def test_a_tiny_model_answers_from_any_folder(run: Run, tmp_path: Path) -> None:
    """The whole way: command, pipes, engine process, model."""
    write_tiny_checkpoint(tmp_path / "tiny")
    ran = run(
        "ask",
        *("--model", "tiny", "--max-tokens", "12", "--seed", "5", "--json", "Hi"),
        real=True,
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    done = json.loads(ran.stdout.splitlines()[-1])
    assert done["type"] == "done" and done["usage"]["completion_tokens"] <= 12
    ran = run("ask", "--model", "no-such-folder", "Hi", real=True, cwd=tmp_path)
    assert ran.returncode == 1 and len(ran.stderr.decode().splitlines()) == 1
    assert b"no-such-folder" in ran.stderr
