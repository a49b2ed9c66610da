"""The engine's language: one JSON object a line, requests in on stdin, events out on stdout.

Both sides import this module, so it uses the standard library alone and knows neither MLX nor Qt.

A session:

    → nothing; the engine speaks first
    ← {"type": "hello", "version": 1}
    → {"type": "load", "id": "1", "model": "guide"}
    ← {"type": "loading", "id": "1", "progress": 0.4} …
    ← {"type": "ready", "id": "1", "model": {…}}
    → {"type": "generate", "id": "2", "conversation": {"messages": […]}, "sampling": {…}}
    ← {"type": "prefill", "id": "2", "done": 512, "total": 900, "cached": 0} …
    ← {"type": "delta", "id": "2", "channel": "analysis", "recipient": null, "text": "…"} …
    ← {"type": "message", "id": "2", "message": {"role": "assistant", "channel": "analysis", …}}
    ← {"type": "done", "id": "2", "usage": {…}, "timing": {…}, "memory": {…}, "stop": "return"}

Rules. Every request has an `id` that the caller chose; every event repeats the id of its request
(`hello`, and an error about a line that could not be read, have none). One `generate` runs at a
time; others wait their turn. Exactly one of `done` and `error` ends a `generate`, `ready` or
`error` a `load`. `cancel` and `answer_now` name the running `generate` by its id, take effect
between two tokens or two prefill chunks, and have no reply of their own; naming a request that
has ended does nothing. Closing stdin ends the process. A caller must ignore event types and
fields it does not know; anything else that changes raises `VERSION`.

A conversation is openai-harmony's own JSON form: {"messages": [{"role", "content", "channel"?,
"recipient"?, "name"?, "content_type"?}]}. Lines are ASCII: JSON escapes carry everything else,
lone surrogates included.
"""

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, Literal, TypeVar

VERSION = 1

Json = dict[str, Any]
StopReason = Literal["return", "call", "length", "context", "cancel", "repetition"]


class ProtocolError(ValueError):
    """A line that is not a message of this protocol. The text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn. The defaults are OpenAI's recommendation for gpt-oss."""

    temperature: float = 1.0  # 0 is greedy
    top_p: float = 1.0
    top_k: int = 0  # 0 is off
    min_p: float = 0.0
    seed: int | None = None  # None draws a fresh one


# Requests ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Load:
    """Open a model: `guide`, `20b`, `120b` or a folder. Replaces the one that is loaded."""

    type: ClassVar[str] = "load"
    id: str
    model: str
    context: int | None = None  # tokens; None is the most that the model and the device allow


@dataclass(frozen=True, slots=True)
class Generate:
    """Continue a conversation with the assistant's next turn."""

    type: ClassVar[str] = "generate"
    id: str
    conversation: Json
    sampling: Sampling = field(default_factory=Sampling)
    max_tokens: int | None = None  # None is up to the end of the context


@dataclass(frozen=True, slots=True)
class AnswerNow:
    """End the thinking of the running turn and move to its answer."""

    type: ClassVar[str] = "answer_now"
    id: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop the running turn; what it has said so far stands."""

    type: ClassVar[str] = "cancel"
    id: str


@dataclass(frozen=True, slots=True)
class Count:
    """How many tokens the conversation's prompt takes."""

    type: ClassVar[str] = "count"
    id: str
    conversation: Json


@dataclass(frozen=True, slots=True)
class Stats:
    """Ask for the device, its memory, and what is loaded."""

    type: ClassVar[str] = "stats"
    id: str


@dataclass(frozen=True, slots=True)
class Unload:
    """Give the model's memory back."""

    type: ClassVar[str] = "unload"
    id: str


Request = Load | Generate | AnswerNow | Cancel | Count | Stats | Unload


# Events ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """First line of a process."""

    type: ClassVar[str] = "hello"
    version: int = VERSION


@dataclass(frozen=True, slots=True)
class Loading:
    type: ClassVar[str] = "loading"
    id: str
    progress: float  # 0 … 1


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What was loaded."""

    name: str  # "Guide", "gpt-oss-20b", or the folder's name
    path: str
    context: int  # tokens that a conversation may have
    checkpoint_bytes: int
    layers: int
    experts: int
    vocabulary: int
    is_guide: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    type: ClassVar[str] = "ready"
    id: str
    model: ModelInfo


@dataclass(frozen=True, slots=True)
class Prefill:
    """Progress through the prompt, in tokens. `cached` of the `total` were already held."""

    type: ClassVar[str] = "prefill"
    id: str
    done: int
    total: int
    cached: int


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of text as it is written. Never holds a control token or half a character."""

    type: ClassVar[str] = "delta"
    id: str
    channel: str  # "analysis", "commentary" or "final"
    recipient: str | None
    text: str


@dataclass(frozen=True, slots=True)
class MessageDone:
    """A whole message, in openai-harmony's JSON form, when it ends."""

    type: ClassVar[str] = "message"
    id: str
    message: Json


@dataclass(frozen=True, slots=True)
class Usage:
    prompt_tokens: int = 0
    cached_tokens: int = 0  # of the prompt, already held from an earlier turn
    completion_tokens: int = 0
    reasoning_tokens: int = 0  # of the completion, spent on the analysis channel


@dataclass(frozen=True, slots=True)
class Timing:
    load_s: float = 0.0
    first_token_s: float = 0.0  # from the request to the first sampled token
    prefill_tokens_per_s: float = 0.0
    decode_tokens_per_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Memory:
    peak_bytes: int = 0
    cache_bytes: int = 0  # keys, values and snapshots held for reuse


@dataclass(frozen=True, slots=True)
class Done:
    """The turn is over. `stop` says why: `context` means the context is full."""

    type: ClassVar[str] = "done"
    id: str
    usage: Usage
    timing: Timing
    memory: Memory
    stop: StopReason


@dataclass(frozen=True, slots=True)
class Counted:
    type: ClassVar[str] = "counted"
    id: str
    tokens: int
    context: int


@dataclass(frozen=True, slots=True)
class StatsReport:
    type: ClassVar[str] = "stats"
    id: str
    device: str
    route: str  # "metal", "cuda" or "cpu"
    active_bytes: int
    peak_bytes: int
    cache_bytes: int
    limit_bytes: int  # what the device lets a process hold
    model: ModelInfo | None


@dataclass(frozen=True, slots=True)
class Unloaded:
    type: ClassVar[str] = "unloaded"
    id: str


@dataclass(frozen=True, slots=True)
class Failed:
    """Something went wrong; `message` is one line for a person. See `errors.py` for `kind`."""

    type: ClassVar[str] = "error"
    id: str | None
    kind: str
    message: str


Event = (
    Hello
    | Loading
    | Ready
    | Prefill
    | Delta
    | MessageDone
    | Done
    | Counted
    | StatsReport
    | Unloaded
    | Failed
)

_REQUESTS: dict[str, type[Any]] = {
    kind.type: kind for kind in (Load, Generate, AnswerNow, Cancel, Count, Stats, Unload)
}
_EVENTS: dict[str, type[Any]] = {
    kind.type: kind
    for kind in (
        Hello,
        Loading,
        Ready,
        Prefill,
        Delta,
        MessageDone,
        Done,
        Counted,
        StatsReport,
        Unloaded,
        Failed,
    )
}
_NESTED: dict[str, type[Any]] = {
    "sampling": Sampling,
    "usage": Usage,
    "timing": Timing,
    "memory": Memory,
}

_T = TypeVar("_T")


def encode(message: Request | Event) -> bytes:
    """One line of ASCII, newline included."""
    return json.dumps({"type": message.type, **asdict(message)}).encode("ascii") + b"\n"


def decode_request(line: bytes | str) -> Request:
    """Raises ProtocolError, whose text can be shown."""
    return _decode(line, _REQUESTS, strict=True)  # type: ignore[no-any-return]


def decode_event(line: bytes | str) -> Event | None:
    """None for an event type this version does not know. Raises ProtocolError."""
    return _decode(line, _EVENTS, strict=False)  # type: ignore[no-any-return]


def _decode(line: bytes | str, kinds: dict[str, type[Any]], *, strict: bool) -> Any:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"not a line of JSON: {error}") from None
    if not isinstance(record, dict) or not isinstance(record.get("type"), str):
        raise ProtocolError("not a JSON object with a type")
    kind = kinds.get(record["type"])
    if kind is None:
        if strict:
            raise ProtocolError(f"unknown type {record['type']!r}; known: {', '.join(kinds)}")
        return None
    return _build(kind, record, strict=strict)


def _build(kind: type[_T], record: Json, *, strict: bool) -> _T:
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    unknown = record.keys() - known - {"type"}
    if strict and unknown:
        raise ProtocolError(f"{_label(kind)} has no field {sorted(unknown)[0]!r}")
    values: Json = {}
    for name in known & record.keys():
        value = record[name]
        nested = _NESTED.get(name)
        if name == "model" and kind in (Ready, StatsReport):
            nested = ModelInfo
        if nested is not None and value is not None:
            if not isinstance(value, dict):
                raise ProtocolError(f"{_label(kind)}.{name} is not an object")
            value = _build(nested, value, strict=strict)
        values[name] = value
    try:
        message = kind(**values)
    except TypeError:
        missing = sorted(n for n in known if n not in values)
        raise ProtocolError(f"{_label(kind)} lacks {', '.join(missing)}") from None
    _check_types(message)
    return message


def _check_types(message: Any) -> None:
    for f in fields(message):
        value = getattr(message, f.name)
        if not _fits(value, f.type):
            raise ProtocolError(f"{_label(type(message))}.{f.name} can't be {value!r:.80}")


def _fits(value: Any, declared: Any) -> bool:
    if isinstance(value, bool) or value is None:
        return declared is bool if value is not None else "None" in str(declared)
    text = str(declared)
    if isinstance(value, int):
        return declared in (int, float) or "int" in text or "float" in text
    if isinstance(value, float):
        return "float" in text
    if isinstance(value, str):
        return declared is str or "str" in text or "Literal" in text
    return isinstance(value, dict | list) == (declared == Json) or hasattr(value, "__slots__")


def _label(kind: type[Any]) -> str:
    return str(getattr(kind, "type", kind.__name__.lower()))
