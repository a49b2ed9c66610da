"""Parsing well-formed turns: equal to openai-harmony, token by token."""

import openai_harmony as yardstick
from hypothesis import given, settings
from hypothesis import strategies as st

from mlx_engine.harmony import Delta, StreamParser, parse
from mlx_engine.harmony.messages import CHANNELS
from tests.mlx_engine.harmony_yardstick import (
    NEXT,
    encoding,
    ids_of,
    o200k,
    shown,
    their_messages,
)

WORDS = st.sampled_from(
    ["Hi", " there", "\n\n", "💖", "naïve", "中文", "\0", "<|end", "to=x", " json"]
)
TEXTS = st.lists(WORDS | st.text(max_size=6), max_size=6).map("".join)
RECIPIENTS = st.sampled_from(["functions.get_weather", "python", "browser.search"])
CONTENT_TYPES = st.sampled_from(["", " <|constrain|>json", "<|constrain|>json", " json", " code"])


@st.composite
def headers(draw: st.DrawFn) -> str:
    channel = draw(st.sampled_from(["", *(f"<|channel|>{name}" for name in CHANNELS)]))
    if not draw(st.booleans()):
        return channel
    recipient, content_type = draw(RECIPIENTS), draw(CONTENT_TYPES)
    if draw(st.booleans()):
        return f" to={recipient}{channel}{content_type}"
    return f"{channel} to={recipient}{content_type}"


@st.composite
def turns(draw: st.DrawFn) -> list[int]:
    """Ids of a well-formed turn, after the prompt's `<|start|>assistant`."""
    ids: list[int] = []
    count = draw(st.integers(1, 4))
    for n in range(count):
        speaker = "assistant"
        if n > 0:
            speaker = draw(
                st.sampled_from(["assistant", "assistant", "user", "functions.f to=assistant"])
            )
            ids += ids_of(f"<|start|>{speaker}")
        header = draw(headers()) if speaker == "assistant" else "<|channel|>commentary"
        ids += ids_of(f"{header}<|message|>") + o200k().encode(draw(TEXTS))
        ends = ["<|end|>", "<|return|>", "<|call|>"] + [""] * (n == count - 1)
        ids += ids_of(draw(st.sampled_from(ends)))
    return ids


@given(turns())
@settings(max_examples=200, deadline=None)
def test_well_formed_turns_give_the_messages_that_openai_harmony_gives(ids: list[int]) -> None:
    assert [message.to_json() for message in parse(ids, o200k())] == their_messages(ids)


@given(st.lists(st.integers(0, 199_997), max_size=12))
@settings(max_examples=200, deadline=None)
def test_any_bytes_in_a_message_read_as_openai_harmony_reads_them(content: list[int]) -> None:
    ids = ids_of("<|channel|>final<|message|>") + content
    assert [message.to_json() for message in parse(ids, o200k())] == their_messages(ids)


@given(TEXTS, TEXTS)
@settings(deadline=None)
def test_text_streams_token_by_token_as_openai_harmony_streams_it(
    thought: str, answer: str
) -> None:
    ids = [
        *ids_of("<|channel|>analysis<|message|>"),
        *o200k().encode(thought),
        *ids_of(f"<|end|>{NEXT}<|channel|>final<|message|>"),
        *o200k().encode(answer),
        *ids_of("<|return|>"),
    ]
    ours, theirs = (
        StreamParser(o200k()),
        yardstick.StreamableParser(encoding(), yardstick.Role.ASSISTANT, strict=False),
    )
    for token in ids:
        deltas = [event for event in ours.feed(token) if isinstance(event, Delta)]
        theirs.process(token)
        in_content = theirs.state == yardstick.StreamState.CONTENT
        expected = theirs.last_content_delta if in_content else None
        assert "".join(delta.text for delta in deltas) == (expected or "")
        assert ours.current_channel == theirs.current_channel
    assert ours.finish() == []


def test_a_character_is_held_back_until_its_last_byte() -> None:
    parser = StreamParser(o200k())
    for token in ids_of("<|channel|>final<|message|>"):
        assert parser.feed(token) == []
    first, *others = o200k().encode("💖")
    assert others
    assert parser.feed(first) == []
    assert [event for token in others for event in parser.feed(token)] == [
        Delta("final", None, "💖")
    ]


def test_a_character_that_is_never_finished_is_marked() -> None:
    half = o200k().encode("💖")[0]
    ids = [*ids_of("<|channel|>final<|message|>Hi"), half, *ids_of("<|return|>")]
    assert shown(ids) == "Hi\N{REPLACEMENT CHARACTER}"
