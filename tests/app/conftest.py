"""Chats to test with, in a real database file, and a scripted engine in a real process."""

import gc
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.chats.library import ChatLibrary
from app.chats.models import Chat, ChatMessage, new_id, now
from app.chats.store import ChatStore
from app.desktop import Application
from app.engine_client import EngineClient
from app.engine_watch import Patience

SCRIPT = str(Path(__file__).with_name("scripted_engine.py"))
CALM = Patience(restart_ms=20)
# Short, but long enough for a machine that does much else besides: 2 s for the answer to a ping.
STRICT = Patience(tick_ms=50, start=400, silence=4, answer=40, recovery=10, restart_ms=20)
PATIENCE_MS = 60_000  # how long tests wait for a signal

MakeEngine = Callable[..., EngineClient]


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may grow past 4 kB: what SQLite then writes fails as on a full
    disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(scope="session")
def qapp_cls() -> type[Application]:
    return Application


class PatientQtBot(QtBot):
    """Waits as long as a loaded machine takes: no test is about time."""

    def waitSignal(self, signal: Any, *, timeout: int = PATIENCE_MS, **options: Any) -> Any:
        return super().waitSignal(signal, timeout=timeout, **options)

    def waitSignals(self, signals: Any, *, timeout: int = PATIENCE_MS, **options: Any) -> Any:
        return super().waitSignals(signals, timeout=timeout, **options)

    def waitUntil(self, callback: Callable[[], Any], *, timeout: int = PATIENCE_MS) -> None:
        super().waitUntil(callback, timeout=timeout)


@pytest.fixture
def qtbot(qapp: Application, request: pytest.FixtureRequest) -> QtBot:
    return PatientQtBot(request)


@pytest.fixture(autouse=True)
def _no_garbage() -> None:
    """What the test before left goes now, on this thread. Python collects cycles on whichever
    thread allocates, the store's included, and Qt's objects may not be deleted there. (In the app
    they have parents, which delete them.)"""
    gc.collect()


@pytest.fixture
def make_engine(tmp_path: Path, qtbot: QtBot) -> Iterator[MakeEngine]:
    """Builds clients of the scripted engine; options are those of `scripted_engine.py`."""
    made: list[EngineClient] = []

    def make(*options: str, patience: Patience = CALM) -> EngineClient:
        command = [sys.executable, SCRIPT, *options]
        made.append(EngineClient(tmp_path / "log" / "engine.log", command, patience))
        return made[-1]

    yield make
    for engine in made:
        engine.shut_down()


@pytest.fixture
def engine(make_engine: MakeEngine, qtbot: QtBot) -> EngineClient:
    """With the guide loaded."""
    client = make_engine()
    with qtbot.waitSignal(client.ready):
        client.load("guide")
    return client


@pytest.fixture
def library(database: Path, qtbot: QtBot) -> Iterator[ChatLibrary]:
    opened = ChatLibrary(database)
    with qtbot.waitSignal(opened.chats_changed):
        opened.start()
    yield opened
    opened.close()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "chats.sqlite"


@pytest.fixture
def store(database: Path) -> Iterator[ChatStore]:
    opened = ChatStore(database)
    yield opened
    opened.close()


@pytest.fixture
def new_chat() -> Callable[..., Chat]:
    def make(title: str = "Bees", **fields: object) -> Chat:
        moment = now()
        return Chat(id=new_id(), title=title, created=moment, updated=moment, **fields)  # type: ignore[arg-type]

    return make


@pytest.fixture
def question() -> Callable[..., ChatMessage]:
    def make(text: str, parent_id: str | None = None, **fields: object) -> ChatMessage:
        return ChatMessage(new_id(), parent_id, "user", text, **fields)  # type: ignore[arg-type]

    return make


@pytest.fixture
def answer() -> Callable[..., ChatMessage]:
    def make(text: str, parent_id: str | None, **fields: object) -> ChatMessage:
        return ChatMessage(new_id(), parent_id, "assistant", text, **fields)  # type: ignore[arg-type]

    return make
