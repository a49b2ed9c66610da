"""`sordino chat`: a conversation over standard input, with commands."""

import json
import os
import pty
import signal
import termios
from pathlib import Path

import pytest

from tests.app.terminal.conftest import Run, Start, drawn_on, interrupted
from tests.checkpoints import write_tiny_checkpoint

PROMPT = "› ".encode()


def test_the_conversation_remembers(run: Run) -> None:
    ran = run("chat", stdin=b"one\n\nshow the conversation\n/quit\nnever read\n")
    first, conversation = ran.stdout.decode().splitlines()
    said = [
        message["content"][0]["text"]
        for message in json.loads(conversation)["messages"]
        if message["role"] != "system"
    ]
    assert first == "You said: one " and said == ["one", "You said: one ", "show the conversation"]
    assert ran.returncode == 0 and ran.stderr == b""


def test_commands_change_effort_model_and_conversation(run: Run) -> None:
    lines = ["one", "/effort high", "/new", "/model other", "show the conversation"]
    ran = run("chat", stdin="\n".join(lines).encode())
    conversation = json.loads(ran.stdout.splitlines()[-1])
    assert len(conversation["messages"]) == 2
    assert conversation["messages"][0]["content"][0]["reasoning_effort"] == "High"
    assert b"Effort: high" in ran.stderr and b"Talking with" in ran.stderr


def test_a_wrong_command_is_said_and_costs_nothing(run: Run, tmp_path: Path) -> None:
    lines = [
        "/nonsense",
        "/effort extreme",
        "/file nowhere.txt",
        "/file ~nobody.there/a",
        "/model",
        "/help",
        "still here",
    ]
    ran = run("chat", stdin="\n".join(lines).encode())
    err = ran.stderr.decode()
    for said in ("There is no /nonsense", "Effort: medium", "where.txt is not there", "Ctrl-C"):
        assert said in err
    assert ran.returncode == 0 and ran.stdout == b"You said: still here \n"


def test_a_file_goes_with_the_next_question_alone(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bees.txt").write_text("Bees hum.\n")
    lines = [f"/file {tmp_path / 'bees.txt'}", "What do bees do?", "Thanks"]
    ran = run("chat", "--model", "20b", stdin="\n".join(lines).encode())
    assert ran.stdout.decode().count("L0: Bees hum.") == 1
    assert ran.stdout.endswith(b"You said: Thanks \n")


def test_a_crash_costs_one_answer(run: Run) -> None:
    ran = run("chat", stdin=b"one\ndie in decode\nshow the conversation\n")
    assert ran.returncode == 0 and b"SIGKILL" in ran.stderr
    _, half, conversation = ran.stdout.decode().splitlines()
    assert half == "Half an answer"
    assert [m["content"][0]["text"] for m in json.loads(conversation)["messages"][1:]] == [
        "one",
        "You said: one ",
        "die in decode",
        "Half an answer",
        "show the conversation",
    ]


def test_an_engine_that_keeps_dying_ends_the_chat_with_one_line(run: Run) -> None:
    ran = run("chat", stdin=b"die in decode\n" * 10)
    assert ran.returncode == 1
    assert ran.stderr.decode().splitlines()[-1].startswith("sordino chat: The engine ended too")


def test_a_question_too_long_is_not_part_of_the_conversation(run: Run) -> None:
    ran = run("chat", stdin=b"overflow\nshow the conversation\n")
    assert b"The conversation has 9,000 tokens" in ran.stderr
    assert len(json.loads(ran.stdout)["messages"]) == 2


def test_what_is_no_text_is_replaced_and_said_and_costs_no_other_line(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8:strict")  # as under a locale that is not C
    ran = run("chat", stdin=b"a\0b\nc\xffd\nwhole \xef\xbf\xbd\n")
    assert ran.stdout.decode().splitlines() == [
        "You said: a\ufffdb ",
        "You said: c\ufffdd ",
        "You said: whole \ufffd ",
    ]
    said = "Some characters were no text and were replaced"
    assert [line[: len(said)] for line in ran.stderr.decode().splitlines()] == [said] * 2
    assert ran.returncode == 0


def test_ctrl_c_stops_the_answer_and_ctrl_d_leaves(start: Start) -> None:
    master, terminal = pty.openpty()
    with start("chat", "--thinking", stdin=terminal, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        assert b"/help says" in drawn_on(master, PROMPT)
        os.write(master, b"forever\n")
        drawn_on(master, b"and and")
        process.send_signal(signal.SIGINT)
        drawn_on(master, PROMPT)
        os.write(master, b"half a line")
        drawn_on(master, b"half a line")
        interrupted(process, master, b"Ctrl-D leaves")  # at the prompt it only empties the line
        os.write(master, b"are you there?\n")
        assert b"You said: are you there?" in drawn_on(master, b"there? \r\n", PROMPT)
        os.write(master, b"\x04")
        drawn_on(master)
    os.close(master)
    assert process.returncode == 0


def test_a_ctrl_d_before_its_prompt_is_not_lost(start: Start) -> None:
    master, terminal = pty.openpty()
    modes = termios.tcgetattr(terminal)
    with start("chat", "--thinking", stdin=terminal, stdout=terminal, stderr=terminal) as process:
        drawn_on(master, PROMPT)
        os.write(master, b"forever\n")
        drawn_on(master, b"and and")
        os.write(master, b"\x04")
        process.send_signal(signal.SIGINT)
        drawn_on(master, PROMPT)
        process.wait(60)
        assert termios.tcgetattr(terminal) == modes
    os.close(terminal)
    os.close(master)
    assert process.returncode == 0


def test_a_tiny_model_converses(run: Run, tmp_path: Path) -> None:
    write_tiny_checkpoint(tmp_path / "tiny")
    ran = run(
        "chat",
        *("--model", str(tmp_path / "tiny"), "--max-tokens", "8", "--seed", "5"),
        stdin=b"one\ntwo\n",
        real=True,
    )
    assert ran.returncode == 0, ran.stderr.decode()
