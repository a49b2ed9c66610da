"""What every test stands on: no display, a home of its own, no network, no hurry."""

import os
import sys
from pathlib import Path
from typing import Any

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("patient")


def _refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook (https://docs.python.org/3/library/audit_events.html)."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if host not in ("127.0.0.1", "::1", "localhost", None):
        raise AssertionError(f"a test wants to reach {host}")


sys.addaudithook(_refuse_network)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sordino's files of this test alone."""
    folder = tmp_path / "home"
    monkeypatch.setenv("SORDINO_HOME", str(folder))
    return folder
