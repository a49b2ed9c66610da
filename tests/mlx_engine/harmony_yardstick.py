"""openai-harmony as the yardstick, and our own parts, each built once for all Harmony tests."""

import json
import os
from collections.abc import Iterable
from functools import cache
from typing import Any

import openai_harmony as yardstick

from mlx_engine.harmony import Delta, Message, StreamParser, conversation_from_json, render
from mlx_engine.resources import resource_path
from mlx_engine.tokenizer import Tokenizer

Json = dict[str, Any]
NEXT = "<|start|>assistant"


@cache
def o200k() -> Tokenizer:
    return Tokenizer.o200k()


@cache
def encoding() -> yardstick.HarmonyEncoding:
    # Without this it would fetch its vocabulary from the network.
    os.environ["TIKTOKEN_ENCODINGS_BASE"] = str(resource_path("o200k_base.tiktoken").parent)
    return yardstick.load_harmony_encoding(yardstick.HarmonyEncodingName.HARMONY_GPT_OSS)


def ids_of(text: str) -> list[int]:
    """The ids of `text`, in which the names of control tokens mean control tokens."""
    return list(_ids_of(text))


@cache
def _ids_of(text: str) -> tuple[int, ...]:
    return tuple(encoding().encode(text, allowed_special="all"))


def text_of(ids: list[int]) -> str:
    return str(encoding().decode(ids))


def our_prompt(conversation: Json) -> list[int]:
    return render(conversation_from_json(conversation), o200k())


def their_prompt(conversation: Json, *, drops_analysis: bool = True) -> list[int]:
    parsed = yardstick.Conversation.from_json(json.dumps(conversation))
    config = yardstick.RenderConversationConfig(auto_drop_analysis=drops_analysis)
    role = yardstick.Role.ASSISTANT
    return list(encoding().render_conversation_for_completion(parsed, role, config))


def their_messages(ids: list[int]) -> list[Json]:
    """Messages of an assistant turn, in the shape of `Message.to_json`."""
    role = yardstick.Role.ASSISTANT
    messages = encoding().parse_messages_from_completion_tokens(ids, role, strict=False)
    return [
        {
            "role": message.author.role.value,
            "name": message.author.name,
            "recipient": message.recipient,
            "channel": message.channel,
            "content_type": message.content_type,
            "content": "".join(part.text for part in message.content),
        }
        for message in messages
    ]


def events_of(ids: Iterable[int], parser: StreamParser | None = None) -> list[Delta | Message]:
    parser = parser or StreamParser(o200k())
    return [event for token in ids for event in parser.feed(token)] + parser.finish()


def shown(ids: Iterable[int], channel: str = "final") -> str:
    """What a reader sees on a channel."""
    deltas = (event for event in events_of(ids) if isinstance(event, Delta))
    return "".join(delta.text for delta in deltas if delta.channel == channel)
