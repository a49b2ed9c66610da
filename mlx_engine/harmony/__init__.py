"""Harmony, gpt-oss's conversation format: messages to tokens (`render`) and back (`parse`).

Knows text and token ids; nothing of the model, of MLX or of the process protocol.

    messages.py   the messages of a conversation, read from openai-harmony's JSON form
    schema.py     JSON schema to the TypeScript-like types in which tools are described
    render.py     a conversation to the prompt's ids
    header.py     the words between `<|start|>` and `<|message|>`, however malformed
    parse.py      what the model writes, token by token, to messages

Format: the guide in openai/harmony's docs/format.md and the behaviour of openai-harmony 0.0.8.
"""

from mlx_engine.harmony.messages import Conversation, Message, conversation_from_json
from mlx_engine.harmony.parse import Delta, StreamParser, parse
from mlx_engine.harmony.render import render, runs

__all__ = [
    "Conversation",
    "Delta",
    "Message",
    "StreamParser",
    "conversation_from_json",
    "parse",
    "render",
    "runs",
]
