"""What the model writes becomes events, and `answer_now` ends its thinking and nothing else."""

import json
from pathlib import Path

import pytest

from mlx_engine.harmony import parse
from mlx_engine.protocol import Delta, Event, MessageDone
from mlx_engine.reply import Reply
from mlx_engine.tokenizer import Tokenizer


class Rehearsal:
    """A reply that is fed tokens by hand."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.events: list[Event] = []
        self.forced: list[int] = []
        self.tokenizer = tokenizer
        self.reply = Reply("1", tokenizer, self.events.append, self.forced.extend)

    def hear(self, *pieces: str) -> None:
        """Control tokens by name, other text as it is."""
        for token in self.ids(*pieces):
            self.reply.take(token)

    def ids(self, *pieces: str) -> list[int]:
        special = self.tokenizer.special
        return [
            token
            for piece in pieces
            for token in ([special[piece]] if piece in special else self.tokenizer.encode(piece))
        ]


@pytest.fixture
def rehearsal(tiny_folder: Path) -> Rehearsal:
    return Rehearsal(Tokenizer.for_checkpoint(tiny_folder, 320))


OPENING = ("<|channel|>", "final", "<|message|>")
THINKING = ("<|channel|>", "analysis", "<|message|>", "Hm, let me")
CLOSING = ("<|end|>", "<|start|>", "assistant")


def test_before_the_first_token_the_answer_is_opened(rehearsal: Rehearsal) -> None:
    rehearsal.reply.answer_now()
    assert rehearsal.forced == rehearsal.ids(*OPENING)


def test_thinking_is_closed_and_the_answer_opened(rehearsal: Rehearsal) -> None:
    rehearsal.hear(*THINKING)
    rehearsal.reply.answer_now()
    assert rehearsal.forced == rehearsal.ids(*CLOSING, *OPENING)


def test_the_forced_tokens_part_thinking_from_answer(rehearsal: Rehearsal) -> None:
    rehearsal.hear(*THINKING)
    rehearsal.reply.answer_now()
    for token in [*rehearsal.forced, *rehearsal.ids("Yes.", "<|return|>")]:
        rehearsal.reply.take(token)
    rehearsal.reply.finish()
    messages = [e.message for e in rehearsal.events if isinstance(e, MessageDone)]
    assert [(m["channel"], m["content"]) for m in messages] == [
        ("analysis", "Hm, let me"),
        ("final", "Yes."),
    ]
    whole = rehearsal.ids(*THINKING, *CLOSING, *OPENING, "Yes.", "<|return|>")
    parsed = [message.to_json() for message in parse(whole, rehearsal.tokenizer)]
    assert messages == parsed


def test_asking_twice_changes_nothing(rehearsal: Rehearsal) -> None:
    rehearsal.hear(*THINKING)
    rehearsal.reply.answer_now()
    rehearsal.reply.answer_now()
    assert rehearsal.forced == rehearsal.ids(*CLOSING, *OPENING)


@pytest.mark.parametrize("header", [("<|channel|>",), ("<|channel|>", "ana")])
def test_in_a_header_the_wish_waits(rehearsal: Rehearsal, header: tuple[str, ...]) -> None:
    rehearsal.hear(*header)
    rehearsal.reply.answer_now()
    assert rehearsal.forced == []


def test_between_messages_the_wish_waits(rehearsal: Rehearsal) -> None:
    rehearsal.hear(*THINKING, "<|end|>")
    rehearsal.reply.answer_now()
    assert rehearsal.forced == []


def test_an_answer_that_has_begun_is_left_alone(rehearsal: Rehearsal) -> None:
    rehearsal.hear(*OPENING, "Yes")
    rehearsal.reply.answer_now()
    assert rehearsal.forced == []


@pytest.mark.parametrize("channel", ["analysis", "commentary"])
def test_a_call_is_left_alone(rehearsal: Rehearsal, channel: str) -> None:
    name = "functions.find_words_in_documents"  # many tokens in this small vocabulary
    for piece in ("<|channel|>", f"{channel} to={name}", "<|message|>", '{"word": "mute"', "}"):
        for token in rehearsal.ids(piece):
            rehearsal.reply.take(token)
            rehearsal.reply.answer_now()
    assert rehearsal.forced == []
    rehearsal.hear("<|call|>")
    rehearsal.reply.finish()
    (call,) = [e.message for e in rehearsal.events if isinstance(e, MessageDone)]
    assert (call["recipient"], call["content"]) == (name, '{"word": "mute"}')


def test_thinking_after_a_call_is_ended(rehearsal: Rehearsal) -> None:
    rehearsal.hear("<|channel|>", "analysis to=python", "<|message|>", "1 + 1", "<|end|>")
    rehearsal.hear("<|start|>", "assistant", *THINKING)
    rehearsal.reply.answer_now()
    assert rehearsal.forced == rehearsal.ids(*CLOSING, *OPENING)


def test_text_that_never_names_a_channel_is_ended_too(rehearsal: Rehearsal) -> None:
    rehearsal.hear("Well, one might say this or that, ")
    rehearsal.reply.answer_now()
    assert rehearsal.forced == []  # it could still be a header
    rehearsal.hear("and go on, and on, for as long as one likes")
    rehearsal.reply.answer_now()
    assert rehearsal.forced == rehearsal.ids(*CLOSING, *OPENING)


def test_reasoning_is_counted_by_its_channel(rehearsal: Rehearsal) -> None:
    rehearsal.hear(*THINKING, *CLOSING, *OPENING, "Yes.", "<|return|>")
    thought = len(rehearsal.ids("Hm, let me"))
    assert rehearsal.reply.reasoning_tokens == thought + 1  # the token that ended it


def test_a_tool_call_surfaces_as_a_message_with_its_recipient(rehearsal: Rehearsal) -> None:
    rehearsal.hear("<|channel|>", "commentary to=functions.look ", "<|constrain|>", "json")
    rehearsal.hear("<|message|>", '{"at": 1}', "<|call|>")
    rehearsal.reply.finish()
    (message,) = [e.message for e in rehearsal.events if isinstance(e, MessageDone)]
    assert message["recipient"] == "functions.look"
    assert json.loads(message["content"]) == {"at": 1}
    deltas = [e for e in rehearsal.events if isinstance(e, Delta)]
    assert {(d.channel, d.recipient) for d in deltas} == {("commentary", "functions.look")}
