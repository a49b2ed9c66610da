"""The messages of a conversation, and openai-harmony's JSON form of them.

    {"messages": [{"role": "user", "content": "Hello"}, …]}

`content` is a string or a list of {"type": "text", "text": …}, {"type": "system_content", …} and
{"type": "developer_content", …}. As in openai-harmony, a field that is absent from a
`system_content` takes its default, and one that is null is left out of the prompt.
Knows nothing of tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlx_engine.errors import BadRequest

Json = dict[str, Any]

ROLES = ("system", "developer", "user", "assistant", "tool")
CHANNELS = ("analysis", "commentary", "final")  # from the least to the most visible
EFFORTS = ("low", "medium", "high")


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the model may call. `parameters` is a JSON schema; None takes no arguments."""

    name: str
    description: str
    parameters: Json | None = None


@dataclass(frozen=True, slots=True)
class ToolNamespace:
    """Tools under one name: `functions`, or one of those built in (`browser`, `python`)."""

    name: str
    description: str | None = None
    tools: tuple[Tool, ...] = ()


@dataclass(frozen=True, slots=True)
class ChannelRule:
    """Which channels the model may write to."""

    valid_channels: tuple[str, ...] = CHANNELS
    channel_required: bool = True


@dataclass(frozen=True, slots=True)
class SystemContent:
    """What the model is told about itself. None leaves a line out."""

    model_identity: str | None = "You are ChatGPT, a large language model trained by OpenAI."
    knowledge_cutoff: str | None = "2024-06"
    conversation_start_date: str | None = None  # YYYY-MM-DD
    reasoning_effort: str | None = "medium"  # one of EFFORTS
    channel_config: ChannelRule | None = field(default_factory=ChannelRule)
    tools: Mapping[str, ToolNamespace] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """A JSON schema that the answer must follow."""

    name: str
    schema: Json
    description: str | None = None


@dataclass(frozen=True, slots=True)
class DeveloperContent:
    """What people call the system prompt, the functions, and the form of the answer.

    `response_formats` is an addition to openai-harmony's form, which has no place for them: a
    list of {"name", "schema", "description"?}.
    """

    instructions: str | None = None
    tools: Mapping[str, ToolNamespace] = field(default_factory=dict)
    response_formats: tuple[ResponseFormat, ...] = ()


Part = str | SystemContent | DeveloperContent


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `content` is its text.

    `parts` is what a list of contents held, in order, and stands in for `content` where it isn't
    empty: only the prompt's own system and developer messages need it.
    """

    role: str
    content: str = ""
    name: str | None = None
    channel: str | None = None
    recipient: str | None = None
    content_type: str | None = None
    parts: tuple[Part, ...] = ()

    def to_json(self) -> Json:
        """openai-harmony's form of a message of text."""
        return {
            "role": self.role,
            "name": self.name,
            "recipient": self.recipient,
            "channel": self.channel,
            "content_type": self.content_type,
            "content": self.content,
        }


@dataclass(frozen=True, slots=True)
class Conversation:
    messages: tuple[Message, ...]


def conversation_from_json(document: object) -> Conversation:
    """Reads openai-harmony's form, already decoded. Raises BadRequest, in one line."""
    messages = document.get("messages") if isinstance(document, dict) else None
    if not isinstance(messages, list):
        raise BadRequest('A conversation is {"messages": […]}; this is not.')
    return Conversation(tuple(_message(entry, f"Message {n}") for n, entry in enumerate(messages)))


# Reading. `where` names the place for whoever wrote the JSON; messages count from 0. -----------


def _message(entry: object, where: str) -> Message:
    entry = _object(entry, where)
    role = _text(entry, "role", where)
    if role not in ROLES:
        raise BadRequest(f"{where}: role is {role!r:.40}; it can be {', '.join(ROLES)}.")
    name = _optional_text(entry, "name", where)
    if role == "tool" and name is None:
        raise BadRequest(f"{where}: a tool's message needs the tool's name.")
    content = entry.get("content")
    parts: tuple[Part, ...] = ()
    if isinstance(content, list):
        parts = tuple(_part(part, role, f"{where}, content {n}") for n, part in enumerate(content))
        if len(parts) == 1 and isinstance(parts[0], str):
            content, parts = parts[0], ()
    return Message(
        role=role,
        content=content if isinstance(content, str) else _no_text(content, where),
        name=name,
        channel=_optional_text(entry, "channel", where),
        recipient=_optional_text(entry, "recipient", where),
        content_type=_optional_text(entry, "content_type", where),
        parts=parts,
    )


def _no_text(content: object, where: str) -> str:
    if isinstance(content, list):
        return ""
    raise BadRequest(f"{where}: content must be text or a list of contents.")


def _part(entry: object, role: str, where: str) -> Part:
    entry = _object(entry, where)
    kind = entry.get("type")
    if kind == "text":
        return _text(entry, "text", where)
    if kind not in ("system_content", "developer_content"):
        raise BadRequest(
            f"{where}: type is {kind!r:.40}; it can be text, system_content, developer_content."
        )
    if kind != f"{role}_content":
        raise BadRequest(f"{where}: {kind} can't stand in a message of role {role}.")
    return _system_content(entry, where) if role == "system" else _developer_content(entry, where)


def _system_content(entry: Json, where: str) -> SystemContent:
    given: Json = {
        name: _optional_text(entry, name, where)
        for name in ("model_identity", "knowledge_cutoff", "conversation_start_date")
        if name in entry
    }
    if "reasoning_effort" in entry:
        effort = _optional_text(entry, "reasoning_effort", where)
        if effort is not None and effort.lower() not in EFFORTS:
            raise BadRequest(f"{where}: reasoning_effort can be Low, Medium or High.")
        given["reasoning_effort"] = effort and effort.lower()
    if "channel_config" in entry:
        given["channel_config"] = _channel_rule(entry["channel_config"], f"{where}, channel_config")
    return SystemContent(**given, tools=_tools(entry.get("tools"), f"{where}, tools"))


def _channel_rule(entry: object, where: str) -> ChannelRule | None:
    if entry is None:
        return None
    entry = _object(entry, where)
    channels, required = entry.get("valid_channels"), entry.get("channel_required")
    if not isinstance(channels, list) or not all(isinstance(name, str) for name in channels):
        raise BadRequest(f"{where}: valid_channels must be a list of names.")
    if not isinstance(required, bool):
        raise BadRequest(f"{where}: channel_required must be true or false.")
    return ChannelRule(tuple(channels), required)


def _developer_content(entry: Json, where: str) -> DeveloperContent:
    formats = _list(entry.get("response_formats"), f"{where}, response_formats")
    return DeveloperContent(
        instructions=_optional_text(entry, "instructions", where),
        tools=_tools(entry.get("tools"), f"{where}, tools"),
        response_formats=tuple(
            _response_format(item, f"{where}, response format {n}")
            for n, item in enumerate(formats)
        ),
    )


def _response_format(entry: object, where: str) -> ResponseFormat:
    entry = _object(entry, where)
    return ResponseFormat(
        name=_text(entry, "name", where),
        schema=_object(entry.get("schema"), f"{where}, schema"),
        description=_optional_text(entry, "description", where),
    )


def _tools(entry: object, where: str) -> dict[str, ToolNamespace]:
    if entry is None:
        return {}
    return {
        key: _namespace(value, f"{where} {key!r:.40}")
        for key, value in _object(entry, where).items()
    }


def _namespace(entry: object, where: str) -> ToolNamespace:
    entry = _object(entry, where)
    return ToolNamespace(
        name=_text(entry, "name", where),
        description=_optional_text(entry, "description", where),
        tools=tuple(
            _tool(item, f"{where}, tool {n}")
            for n, item in enumerate(_list(entry.get("tools"), where))
        ),
    )


def _tool(entry: object, where: str) -> Tool:
    entry = _object(entry, where)
    parameters = entry.get("parameters")
    return Tool(
        name=_text(entry, "name", where),
        description=_text(entry, "description", where),
        parameters=None if parameters is None else _object(parameters, f"{where}, parameters"),
    )


def _object(value: object, where: str) -> Json:
    if not isinstance(value, dict):
        raise BadRequest(f"{where} must be a JSON object.")
    return value


def _list(value: object, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadRequest(f"{where} must hold a list.")
    return value


def _text(entry: Json, key: str, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str):
        raise BadRequest(f"{where}: {key} must be text.")
    return value


def _optional_text(entry: Json, key: str, where: str) -> str | None:
    return None if entry.get(key) is None else _text(entry, key, where)
