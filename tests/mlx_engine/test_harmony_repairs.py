"""Parsing what openai-harmony would refuse: nothing raises, no text is lost, and reasoning never
reaches the answer."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlx_engine.harmony import Delta, Message, StreamParser, parse
from mlx_engine.harmony.messages import CHANNELS
from tests.mlx_engine.harmony_yardstick import (
    NEXT,
    Json,
    events_of,
    ids_of,
    o200k,
    shown,
)

THOUGHT = "<|channel|>analysis<|message|>T<|end|>"
ANSWER = f"{NEXT}<|channel|>final<|message|>A<|return|>"
CALL = {"channel": "commentary", "recipient": "functions.f"}
T = {"channel": "analysis", "content": "T"}
A = {"channel": "final", "content": "A"}


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        # a token of the header is missing
        (f"analysis<|message|>T<|end|>{ANSWER}", [T, A]),
        (f"<|channel|><|message|>T<|end|>{ANSWER}", [T, A]),
        (f"<|channel|>analysisT<|end|>{ANSWER}", [T, A]),
        (f"analysisT<|end|>{ANSWER}", [{**T, "content": "analysisT"}, A]),
        (f"<|message|>T<|end|>{ANSWER}", [T, A]),
        (f"{THOUGHT}assistant<|channel|>final<|message|>A<|return|>", [T, A]),
        (f"{THOUGHT}<|start|><|channel|>final<|message|>A<|return|>", [T, A]),
        (f"{THOUGHT}<|channel|>final<|message|>A<|return|>", [T, A]),
        (f"{THOUGHT}{NEXT}final<|message|>A<|return|>", [T, A]),
        (f"{THOUGHT}{NEXT}<|channel|>finalA<|return|>", [T, A]),
        (f"{THOUGHT}{NEXT}<|channel|>final A<|return|>", [T, A]),
        (f"<|channel|>analysis<|message|>T{ANSWER}", [T, A]),
        ("<|channel|>analysis<|message|>T<|channel|>final<|message|>A<|return|>", [T, A]),
        # a token is doubled, or out of place
        (f"<|channel|><|channel|>analysis<|message|>T<|end|>{ANSWER}", [T, A]),
        (f"<|channel|>analysis<|channel|>analysis<|message|>T<|end|>{ANSWER}", [T, A]),
        (f"<|channel|>analysis<|message|><|message|>T<|end|>{ANSWER}", [T, A]),
        (f"{THOUGHT}<|end|>{ANSWER}<|return|>", [T, A]),
        (f"{THOUGHT}<|start|>{ANSWER}", [T, A]),
        (f"{THOUGHT}<|start|>assistant{ANSWER}", [T, A]),
        (f"{THOUGHT}<|start|>assistantassistant<|channel|>final<|message|>A<|return|>", [T, A]),
        (f"{THOUGHT}{NEXT}<|channel|>final<|message|>A<|end|><|return|>", [T, A]),
        (f"{THOUGHT}\n{ANSWER}<|endoftext|>", [T, A]),
        (f"{THOUGHT}{NEXT}<|channel|>final<|message|><|constrain|>A<|return|>", [T, A]),
        (f"{THOUGHT}{NEXT}<|channel|>final<|message|>A<|reserved_200013|><|return|>", [T, A]),
        (f"{NEXT}<|channel|>final<|message|>A<|return|>", [A]),
        # the channel isn't one, or is several
        (f"<|channel|>thoughts<|message|>T<|end|>{ANSWER}", [{**T, "content": "thoughts"}, T, A]),
        (f"<|channel|>final analysis<|message|>T<|end|>{ANSWER}", [T, A]),
        (f"<|channel|>final<|channel|>analysis<|message|>T<|end|>{ANSWER}", [T, A]),
        (
            f"<|channel|>final?analysis<|message|>T<|end|>{ANSWER}",
            [{**T, "content": "?analysis"}, T, A],
        ),
        (
            f"<|channel|>The final word<|message|>T<|end|>{ANSWER}",
            [{**T, "content": "The final word"}, T, A],
        ),
        (f"<|channel|>??<|end|>{NEXT}{THOUGHT}{ANSWER}", [{**T, "content": "??"}, T, A]),
        (
            f"<|channel|>commentary?commentary?<|end|>{NEXT}{THOUGHT}{ANSWER}",
            [{"channel": "commentary", "content": "?commentary?"}, T, A],
        ),
        (
            f"<|channel|>commentary to=assistant<|channel|>commentary?<|end|>{ANSWER}",
            [{"channel": "commentary", "recipient": "assistant", "content": "?"}, A],
        ),
        ("T<|channel|>final<|message|>A<|return|>", [T, A]),
        ("<|channel|>final T<|channel|>final<|message|>A<|return|>", [{**T, "content": " T"}, A]),
        # plain text
        ("A", [A]),
        ("A<|end|>", [A]),
        ("A<|return|>", [A]),
        ("A<|end|><|return|>", [A]),
        (f"{THOUGHT}A<|return|>", [T, A]),
        (f"{THOUGHT}{NEXT}A<|return|>", [T, A]),
        (f"T<|end|>{ANSWER}", [T, A]),
        ("T<|call|>", [T]),
        # the turn is cut off
        (f"{THOUGHT}{NEXT}<|channel|>comment", [T]),
        (f"{THOUGHT}{NEXT}<|channel|>final", [T]),
        (f"{THOUGHT}<|start|>", [T]),
        ("<|channel|>commentary to=functions.f <|constrain|>", [{**CALL, "content": ""}]),
        ("<|channel|>commentary to=functions.f<|message|>{", [{**CALL, "content": "{"}]),
        # recipients and content types in odd places
        ("<|channel|>to=functions.f commentary<|message|>{}<|call|>", [{**CALL, "content": "{}"}]),
        ("<|channel|>commentaryto=functions.f<|message|>{}<|call|>", [{**CALL, "content": "{}"}]),
        ("<|channel|>commentary functions.f<|message|>{}<|call|>", [{**CALL, "content": "{}"}]),
        ("<|channel|>commentary to=functions.f<|call|>", [{**CALL, "content": ""}]),
        (
            '<|channel|>commentary to=functions.f json{"a": 1}<|call|>',
            [{**CALL, "content": '{"a": 1}', "content_type": "json"}],
        ),
        (
            '<|channel|>commentary to=functions.f <|constrain|> json<|message|>{}<|call|>',
            [{**CALL, "content": "{}", "content_type": "<|constrain|>json"}],
        ),
        (
            '<|channel|>commentary to=functions.f<|constrain|>json{"a": 1}<|call|>',
            [{**CALL, "content": '{"a": 1}', "content_type": "<|constrain|>json"}],
        ),
        ("<|channel|>final json<|message|>A<|return|>", [{**A, "content_type": "json"}]),
        (
            "<|channel|>final <|constrain|>json<|message|>A<|return|>",
            [{**A, "content_type": "<|constrain|>json"}],
        ),
        ("<|channel|>final to=user<|message|>A<|return|>", [{**A, "recipient": "user"}]),
    ],
)  # fmt: skip
def test_a_malformed_turn_is_repaired(turn: str, expected: list[Json]) -> None:
    messages = [event for event in events_of(ids_of(turn)) if isinstance(event, Message)]
    plain = {"role": "assistant", "name": None, "recipient": None, "content_type": None}
    assert [message.to_json() for message in messages] == [{**plain, **entry} for entry in expected]


def test_text_without_a_header_is_held_back_until_it_is_clear_what_it_is() -> None:
    parser = StreamParser(o200k())
    assert [
        event for token in ids_of("We must refuse.<|end|>") for event in parser.feed(token)
    ] == []
    assert parser.feed(o200k().special["<|start|>"]) == [
        Delta("analysis", None, "We must refuse."),
        Message("assistant", "We must refuse.", channel="analysis"),
    ]


def test_plain_text_is_kept_to_the_letter() -> None:
    text = "  One\n\n\ttwo   three 💖 \n"
    assert shown(o200k().encode(text)) == text


def test_arguments_of_a_tool_are_never_shown_as_the_answer() -> None:
    ids = ids_of("<|channel|>final to=functions.f<|message|>{}<|call|>")
    assert shown(ids) == ""
    assert shown(ids, "commentary") == "{}"


def test_words_put_into_other_mouths_are_never_shown_as_the_answer() -> None:
    ids = ids_of(f"{ANSWER}<|start|>user<|channel|>final<|message|>More<|end|>")
    assert shown(ids) == "A"
    assert [m.role for m in parse(ids, o200k())] == ["assistant", "user"]


def test_ids_outside_the_vocabulary_are_marked() -> None:
    ids = [*ids_of("<|channel|>final<|message|>a"), -1, 201_088, 2**40, *ids_of("b<|return|>")]
    assert shown(ids) == "a" + 3 * "\N{REPLACEMENT CHARACTER}" + "b"


def test_a_long_text_without_a_header_costs_no_more_than_its_length() -> None:
    text = "word " * 100_000
    assert shown(o200k().encode(text)) == text


# Anything at all ---------------------------------------------------------------------------------

# Words that mean nothing in a header, each one token and told apart from all others.
PLAIN = ("zebra", " apple", "\n", "xyz", " 7", "?", "💖", " Zürich")
HEADER_WORDS = (
    "assistant",
    "user",
    "analysis",
    "commentary",
    "final",
    " to",
    "=",
    "json",
    " functions.f",
    " to=apple",
    "final",
    "analysis",
)
MARKS = (
    "start",
    "end",
    "message",
    "channel",
    "return",
    "call",
    "constrain",
    "endoftext",
    "startoftext",
)


@cache
def vocabulary() -> list[list[int]]:
    marks = [[o200k().special[f"<|{name}|>"]] for name in (*MARKS, *MARKS, "reserved_200013")]
    return marks + [o200k().encode(word) for word in (*PLAIN, *HEADER_WORDS)]


SEQUENCES = st.lists(st.deferred(lambda: st.sampled_from(vocabulary())), max_size=40).map(
    lambda pieces: [token for piece in pieces for token in piece]
)


def checked(events: list[Delta | Message]) -> list[Message]:
    """The messages, after checking what holds for any sequence of events."""
    deltas: list[Delta] = []
    messages = []
    for event in events:
        if isinstance(event, Delta):
            assert event.text
            assert event.channel in CHANNELS
            deltas.append(event)
            continue
        assert "".join(delta.text for delta in deltas) == event.content
        assert len({(delta.channel, delta.recipient) for delta in deltas}) <= 1
        for delta in deltas:
            assert delta.recipient == event.recipient
            assert event.role != "assistant" or event.channel == delta.channel
            assert event.role == "assistant" or delta.channel != "final"
        assert event.channel in CHANNELS or event.role != "assistant"
        for field in (event.content, event.name, event.recipient):
            assert "<|" not in (field or "")
        assert (event.content_type or "").removeprefix("<|constrain|>").count("<|") == 0
        messages.append(event)
        deltas = []
    assert not deltas
    return messages


@given(SEQUENCES)
@settings(max_examples=400, deadline=None)
def test_no_text_of_any_sequence_of_tokens_is_lost(ids: list[int]) -> None:
    parser = StreamParser(o200k())
    messages = checked(events_of(ids, parser))
    assert parser.finish() == []
    headers = "".join(
        f"{m.name or ''} {m.recipient or ''} {m.content_type or ''} " for m in messages
    )
    contents = "".join(m.content for m in messages)
    for word in ("zebra", "apple", "xyz", "7", "?", "💖", "Zürich"):
        written = o200k().decode_bytes(ids).decode().count(word)
        found = headers.count(word) + contents.count(word)
        # A header that says the same thing twice says it once.
        assert found == written or (word in headers and found < written)
    assert [(m.role, m.content) for m in parse(ids, o200k())] == [
        (m.role, m.content) for m in messages
    ]


@given(SEQUENCES)
@settings(max_examples=200, deadline=None)
def test_reasoning_never_reaches_the_answer_in_any_sequence(ids: list[int]) -> None:
    opening = ids_of("<|channel|>analysis<|message|>")
    secret = o200k().encode(" secret")
    end = ids_of("<|end|>")
    assert "secret" not in shown(ids + opening + secret + end + ids)


@given(st.lists(st.integers(-3, 201_090), max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_ids_are_survived(ids: list[int]) -> None:
    checked(events_of(ids))


EDITS = st.tuples(st.sampled_from(["drop", "double", "insert", "swap"]), st.integers(0, 30))


@given(st.lists(EDITS, min_size=1, max_size=2), st.sampled_from(MARKS), st.booleans())
@settings(max_examples=400, deadline=None)
def test_two_wrong_tokens_never_move_reasoning_into_the_answer(
    edits: list[tuple[str, int]], mark: str, has_preamble: bool
) -> None:
    preamble = f"<|channel|>commentary<|message|> preamble<|end|>{NEXT}" if has_preamble else ""
    ids = ids_of(
        f"{preamble}<|channel|>analysis<|message|> secret<|end|>{NEXT}"
        "<|channel|>final<|message|> answer<|return|>"
    )
    structure = [n for n, token in enumerate(ids) if token not in ids_of(" secret answer preamble")]
    for kind, place in edits:
        n = structure[place % len(structure)]
        if n >= len(ids):
            continue
        if kind == "drop":
            del ids[n]
        elif kind == "double":
            ids.insert(n, ids[n])
        elif kind == "insert":
            ids.insert(n, o200k().special[f"<|{mark}|>"])
        elif n + 1 < len(ids):
            ids[n], ids[n + 1] = ids[n + 1], ids[n]
    messages = checked(events_of(ids))
    assert not any("secret" in m.content for m in messages if m.channel == "final")
    # A single word after `<|constrain|>` or `to=` is a content type or a recipient.
    text = "".join(f"{m.recipient or ''}{m.content_type or ''}{m.content}" for m in messages)
    for token, word in zip(ids_of(" secret answer"), ("secret", "answer"), strict=True):
        assert text.count(word) == ids.count(token)
