"""The lines that window and engine exchange: what is written is read back, all else is refused."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlx_engine.protocol import (
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
    ListModels,
    Load,
    Loading,
    Memory,
    MessageDone,
    ModelChoice,
    ModelInfo,
    ModelList,
    Ping,
    Pong,
    Prefill,
    ProtocolError,
    Ready,
    Request,
    Sampling,
    Stats,
    StatsReport,
    Timing,
    Unload,
    Unloaded,
    Usage,
    decode_event,
    decode_request,
    encode,
)

INFO = ModelInfo("Guide", "/models/guide", 4096, 9_000_000, 6, 16, 4096, is_guide=True)
CONVERSATION = {"messages": [{"role": "user", "content": "Hé \x00 \udc80 \U0001f600\n"}]}

REQUESTS: list[Request] = [
    Load("1", "guide"),
    Load("1", "/a folder", context=8192),
    Generate("2", CONVERSATION),
    Generate("2", CONVERSATION, Sampling(0.0, 0.5, 40, 0.1, seed=7), max_tokens=3),
    AnswerNow("2"),
    Cancel("2"),
    Count("3", CONVERSATION),
    Stats("4"),
    Unload("5"),
    ListModels("6"),
    Ping("7"),
]
EVENTS: list[Event] = [
    Hello(),
    Loading("1", 0.25),
    Ready("1", INFO),
    Prefill("2", 512, 900, 128),
    Delta("2", "final", None, "naïve \udfff\x00"),
    Delta("2", "commentary", "functions.look", "{}"),
    MessageDone("2", {"role": "assistant", "content": "x", "channel": None}),
    Done("2", Usage(1, 2, 3, 4), Timing(0.1, 0.2, 3.0, 4.0), Memory(5, 6), "context"),
    Counted("3", 12, 4096),
    StatsReport("4", "AMD EPYC", "cpu", 1, 2, 3, 4, INFO),
    StatsReport("4", "AMD EPYC", "cpu", 1, 2, 3, 4, None),
    ModelList("6", (ModelChoice("20b", "gpt-oss-20b", None, 13, False),)),
    Unloaded("5"),
    Pong("7"),
    Failed(None, "request", "What was wrong."),
]


def name_of(message: Request | Event) -> str:
    return type(message).__name__


@pytest.mark.parametrize("request_", REQUESTS, ids=name_of)
def test_a_request_is_read_back_as_it_was_written(request_: Request) -> None:
    assert decode_request(encode(request_)) == request_


@pytest.mark.parametrize("event", EVENTS, ids=name_of)
def test_an_event_is_read_back_as_it_was_written(event: Event) -> None:
    assert decode_event(encode(event)) == event


@pytest.mark.parametrize("message", [*REQUESTS, *EVENTS], ids=name_of)
def test_every_message_is_one_line_of_ascii(message: Request | Event) -> None:
    line = encode(message)
    assert line.isascii()
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert json.loads(line)["type"] == message.type


def test_fields_left_out_take_their_defaults() -> None:
    line = b'{"type": "generate", "id": "1", "conversation": {"messages": []}}'
    assert decode_request(line) == Generate("1", {"messages": []})


def test_whole_numbers_serve_as_fractions() -> None:
    line = b'{"type": "generate", "id": "1", "conversation": {}, "sampling": {"temperature": 0}}'
    request = decode_request(line)
    assert isinstance(request, Generate)
    assert request.sampling == Sampling(temperature=0.0)
    assert isinstance(request.sampling.temperature, float)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (b"", "JSON"),
        (b"hello", "JSON"),
        (b"\xff\xfe\x00garbage", "JSON"),
        (b"\x00" * 9, "JSON"),
        (b"[" * 100_000, "JSON"),
        (b"3", "object"),
        (b"[]", "object"),
        (b"{}", "type"),
        (b'{"type": 3}', "type"),
        (b'{"type": ["load"]}', "type"),
        (b'{"type": "reboot", "id": "1"}', "known"),
        (b'{"type": "hello", "version": 1}', "known"),
        (b'{"type": "load", "id": "1"}', "'model'"),
        (b'{"type": "load", "model": "guide"}', "'id'"),
        (b'{"type": "load", "id": 1, "model": "guide"}', "load.id"),
        (b'{"type": "load", "id": "1", "model": null}', "load.model"),
        (b'{"type": "load", "id": "1", "model": "guide", "context": true}', "load.context"),
        (b'{"type": "load", "id": "1", "model": "guide", "context": 1.5}', "load.context"),
        (b'{"type": "load", "id": "1", "model": "guide", "colour": 1}', "'colour'"),
        (b'{"type": "count", "id": "1", "conversation": []}', "count.conversation"),
        (b'{"type": "generate", "id": "1", "conversation": {}, "sampling": 1}', "sampling"),
        (
            b'{"type": "generate", "id": "1", "conversation": {}, "sampling": {"top_k": "a"}}',
            "Sampling.top_k",
        ),
    ],
)
def test_what_is_no_request_is_refused_with_the_reason(line: bytes, what: str) -> None:
    with pytest.raises(ProtocolError, match=what):
        decode_request(line)


def test_unknown_events_and_fields_are_passed_over() -> None:
    assert decode_event(b'{"type": "weather", "id": "1"}') is None
    assert decode_event(b'{"type": "pong", "id": "1", "since": "yesterday"}') == Pong("1")


def test_an_unknown_reason_to_stop_is_refused() -> None:
    done = next(event for event in EVENTS if isinstance(event, Done))
    line = encode(replace(done, stop="return")).replace(b'"return"', b'"boredom"')
    with pytest.raises(ProtocolError, match=r"done\.stop"):
        decode_event(line)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["type", "id", "model", "context", "conversation", "sampling", "x"]),
        JSON_VALUES | st.sampled_from(["load", "generate", "cancel"]),
    )
)
def test_no_json_makes_reading_fail_in_another_way(record: dict[str, Any]) -> None:
    line = json.dumps(record).encode()
    try:
        request = decode_request(line)
    except ProtocolError:
        return
    assert decode_request(encode(request)) == request or "NaN" in line.decode()


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_make_reading_fail_in_another_way(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_request(line)
