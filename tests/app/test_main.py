"""The front door: which part of Sordino is started, before any of it is imported."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.__main__ import has_display, main

ROOT = Path(__file__).parents[2]


def test_importing_the_door_imports_neither_side() -> None:
    code = (
        "import sys, app.__main__; "
        "print([m for m in ('PySide6', 'mlx', 'mlx_engine', 'platformdirs') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ran.stdout.strip() == "[]", ran.stderr


def test_the_terminal_imports_neither_qt_nor_mlx() -> None:
    code = (
        "import sys, app.terminal.ask, app.terminal.chat, app.terminal.arguments; "
        "print([m for m in ('PySide6', 'mlx') if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ran.stdout.strip() == "[]", ran.stderr


@pytest.mark.parametrize(
    ("platform", "environment", "window"),
    [
        ("darwin", {}, True),
        ("linux", {}, False),
        ("linux", {"DISPLAY": ""}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"QT_QPA_PLATFORM": "offscreen"}, True),
    ],
)
def test_a_window_needs_a_display(platform: str, environment: dict[str, str], window: bool) -> None:
    assert has_display(environment, platform) is window


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["--help"])
    words = capsys.readouterr().out
    assert raised.value.code == 0
    for command in ("ask", "chat", "score", "render", "parse", "bench", "doctor"):
        assert f"\n  {command} " in words


@pytest.mark.parametrize("command", ["ask", "chat", "score", "render", "parse", "bench", "doctor"])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main([command, "--help"])
    assert raised.value.code == 0 and f"usage: sordino {command}" in capsys.readouterr().out


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("sordino ")


def test_with_no_display_and_no_input_the_conversation_ends_in_peace(home: Path) -> None:
    """As `make run` on a machine without a display, in a script."""
    import os

    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if not sys.platform.startswith("linux"):
        pytest.skip("only Linux has no display")
    ran = subprocess.run(
        [sys.executable, "-m", "app"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in hidden},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("app --version", "sordino: The disk is full. Free some space and try again.\n"),
        ("app parse -", "sordino parse: The disk is full. Free some space and try again.\n"),
        ("mlx_engine", "The engine can't write to its output: No space left on device.\n"),
    ],
)
def test_a_full_disk_under_the_output_is_one_line_and_code_1(command: str, said: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("only Linux has a disk that is always full")
    with open("/dev/full", "wb") as full:
        ran = subprocess.run(
            [sys.executable, "-m", *command.split()],
            cwd=ROOT,
            input="[1]",
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert ran.returncode == 1
    assert ran.stderr == said


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_a_stream_that_was_closed_is_no_traceback(closed: str) -> None:
    command = f'exec "{sys.executable}" -m app ask - {closed}'
    ran = subprocess.run(
        ["sh", "-c", command], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert ran.returncode == 1
    assert "The prompt is empty" in ran.stderr and ran.stderr.count("\n") == 1
