"""The engine comes up, works, dies and comes back; whoever waits is told."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.engine_client import EngineClient
from app.engine_command import LOG_BYTES
from app.problem import Problem
from mlx_engine.protocol import Delta, Json, Sampling
from tests.app.conftest import STRICT, MakeEngine


def saying(text: str) -> Json:
    return {"messages": [{"role": "user", "content": text}]}


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_states_tell_what_it_is_doing(make_engine: MakeEngine, qtbot: QtBot) -> None:
    client = make_engine()
    states: list[str] = [client.state]
    client.state_changed.connect(states.append)
    with qtbot.waitSignal(client.ready):
        client.load("guide", 512)
    assert client.model is not None and (client.model.name, client.model.context) == ("Guide", 512)
    with qtbot.waitSignal(client.done):
        client.generate(saying("Hi"), Sampling())
    client.shut_down()
    assert states == ["off", "starting", "loading", "ready", "busy", "ready", "off"]


def test_a_turn_arrives_word_by_word(engine: EngineClient, qtbot: QtBot) -> None:
    heard: list[Delta] = []
    engine.delta.connect(heard.append)
    with qtbot.waitSignal(engine.done) as blocker:
        request = engine.generate(saying("Hi é 😀"), Sampling())
    assert {delta.id for delta in heard} == {request} and blocker.args[0].id == request
    assert "".join(d.text for d in heard if d.channel == "final") == "You said: Hi é 😀 "


def test_answer_now_and_cancel_reach_the_running_turn(engine: EngineClient, qtbot: QtBot) -> None:
    with qtbot.waitSignal(engine.delta):
        request = engine.generate(saying("forever"), Sampling())
    with qtbot.waitSignal(engine.done) as blocker:
        engine.answer_now(request)
    assert blocker.args[0].stop == "return"
    with qtbot.waitSignal(engine.delta):
        request = engine.generate(saying("forever"), Sampling())
    with qtbot.waitSignal(engine.done) as blocker:
        engine.cancel(request)
    assert blocker.args[0].stop == "cancel"


@pytest.mark.parametrize("moment", ["die in prefill", "die in decode"])
def test_a_crash_costs_the_turn_and_the_engine_comes_back(
    engine: EngineClient, qtbot: QtBot, moment: str
) -> None:
    before = engine.pid
    lost: list[str] = []
    engine.turn_lost.connect(lost.append)
    with qtbot.waitSignals([engine.turn_lost, engine.ready], order="strict"):
        request = engine.generate(saying(moment), Sampling())
    assert lost == [request]
    assert engine.pid not in (0, before)
    with qtbot.waitSignal(engine.done):
        engine.generate(saying("still there?"), Sampling())


def test_a_kill_between_turns_is_not_noticed(engine: EngineClient, qtbot: QtBot) -> None:
    problems: list[Problem] = []
    engine.problem.connect(problems.append)
    with qtbot.waitSignal(engine.ready):
        os.kill(engine.pid, signal.SIGKILL)
    assert engine.model is not None and not problems


def test_it_gives_up_after_three_restarts_and_starts_again_when_asked(
    make_engine: MakeEngine, qtbot: QtBot
) -> None:
    client = make_engine()
    starts: list[str] = []
    client.state_changed.connect(lambda state: starts.append(state) if state == "loading" else None)
    with qtbot.waitSignal(client.problem) as blocker:
        client.load("deadly")
    assert len(starts) == 4 and client.state == "failed"
    assert blocker.args[0].action_key == "restart_engine" and "SIGKILL" in blocker.args[0].text
    with qtbot.waitSignal(client.ready):
        client.load("guide")
    assert client.model is not None


def test_a_turn_asked_while_the_engine_is_down_is_lost_not_forgotten(
    make_engine: MakeEngine, qtbot: QtBot
) -> None:
    client = make_engine()
    with qtbot.waitSignal(client.turn_lost) as blocker:
        request = client.generate(saying("Hi"), Sampling())
    assert blocker.args == [request]


def test_a_program_that_can_t_be_started_is_said(tmp_path: Path, qtbot: QtBot) -> None:
    client = EngineClient(tmp_path / "log", [str(tmp_path / "no such program")], STRICT)
    with qtbot.waitSignal(client.problem) as blocker:
        client.start()
    assert "can’t be started" in blocker.args[0].text and client.state == "failed"
    client.shut_down()


@pytest.fixture
def watched(make_engine: MakeEngine, qtbot: QtBot) -> EngineClient:
    """With the guide loaded, and little patience."""
    client = make_engine(patience=STRICT)
    with qtbot.waitSignal(client.ready):
        client.load("guide")
    return client


def test_a_frozen_engine_is_said_and_restarted(watched: EngineClient, qtbot: QtBot) -> None:
    engine = watched
    before = engine.pid
    with qtbot.waitSignal(engine.problem) as blocker:
        request = engine.generate(saying("freeze"), Sampling())
    assert engine.state == "not responding"
    assert blocker.args[0].action_key == "restart_engine"
    lost: list[str] = []
    engine.turn_lost.connect(lost.append)
    with qtbot.waitSignals([engine.turn_lost, engine.problem_solved, engine.ready]):
        pass
    assert lost == [request]
    assert engine.pid != before and not is_running(before)


def test_a_frozen_engine_can_be_restarted_at_once(make_engine: MakeEngine, qtbot: QtBot) -> None:
    client = make_engine(patience=replace(STRICT, recovery=10_000))
    with qtbot.waitSignal(client.ready):
        client.load("guide")
    with qtbot.waitSignal(client.problem):
        client.generate(saying("freeze"), Sampling())
    with qtbot.waitSignal(client.ready):
        client.restart()


def test_a_frozen_engine_that_wakes_goes_on(make_engine: MakeEngine, qtbot: QtBot) -> None:
    engine = make_engine(patience=replace(STRICT, recovery=10_000))
    with qtbot.waitSignal(engine.ready):
        engine.load("guide")
    with qtbot.waitSignal(engine.problem):
        engine.generate(saying("freeze"), Sampling())
    with qtbot.waitSignals([engine.problem_solved, engine.done]):
        os.kill(engine.pid, signal.SIGCONT)
    assert engine.state == "ready"


def test_a_long_prefill_is_no_hang(watched: EngineClient, qtbot: QtBot) -> None:
    """It is silent for 80 ticks, far past the limit, but its reading thread answers."""
    states: list[str] = []
    watched.state_changed.connect(states.append)
    with qtbot.waitSignal(watched.done):
        watched.generate(saying("long prefill"), Sampling())
    assert "not responding" not in states


def test_an_engine_that_never_says_a_word_is_said(make_engine: MakeEngine, qtbot: QtBot) -> None:
    client = make_engine("--mute", patience=replace(STRICT, start=5))
    with qtbot.waitSignal(client.problem) as blocker:
        client.start()
    assert "doesn’t respond" in blocker.args[0].text


def test_a_model_that_can_t_be_loaded_leaves_the_one_before(
    engine: EngineClient, qtbot: QtBot
) -> None:
    problems: list[Problem] = []
    engine.problem.connect(problems.append)
    solved: list[str] = []
    engine.problem.connect(lambda _: solved.clear())
    engine.problem_solved.connect(solved.append)
    with qtbot.waitSignals([engine.load_failed, engine.ready]):
        engine.load("missing")
    (problem,) = problems
    assert problem.topic not in solved  # the return of the one before doesn't take it away
    assert problem.text.startswith("There is no model missing")
    assert problem.action_key == "choose_model"
    assert engine.model_key == "guide" and engine.model is not None
    with qtbot.waitSignal(engine.ready):
        engine.load("guide")
    assert problem.topic in solved


@pytest.mark.parametrize("options", [[], ["--stubborn"]])
@pytest.mark.parametrize("asked", [None, "forever", "freeze"])
def test_leaving_ends_the_process(
    make_engine: MakeEngine,
    qtbot: QtBot,
    options: list[str],
    asked: str | None,
) -> None:
    client = make_engine(*options)
    with qtbot.waitSignal(client.ready):
        client.load("guide")
    if asked:
        with qtbot.waitSignal(client.delta):
            client.generate(saying(asked), Sampling())
    pid = client.pid
    client.shut_down()
    assert not is_running(pid) and client.state == "off"


def test_the_log_is_kept_and_bounded(make_engine: MakeEngine, tmp_path: Path, qtbot: QtBot) -> None:
    client = make_engine("--chatty")  # 4.8 MB
    with qtbot.waitSignal(client.ready):
        client.load("guide")
    client.shut_down()
    logs = sorted((tmp_path / "log").iterdir())
    assert [log.name for log in logs] == ["engine.log", "engine.log.1"]
    assert all(0 < log.stat().st_size <= 2 * LOG_BYTES for log in logs)
