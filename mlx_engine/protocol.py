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
(`hello` has none, nor has the error about a line of which not even the id could be told). One
`generate` runs at a time; others wait their turn. Exactly one of `done` and `error` ends a
`generate`, `ready` or `error` a `load`. `ping` is answered by the thread that reads, so a long
prefill is not taken for a hang. `cancel` and `answer_now` name the running `generate` by its id,
take effect between two tokens or two prefill chunks, and have no reply of their own; naming a
request that has ended does nothing. Closing stdin ends the process. A caller must ignore event
types and fields it does not know; anything else that changes raises `VERSION`.

A conversation is openai-harmony's own JSON form: {"messages": [{"role", "content", "channel"?,
"recipient"?, "name"?, "content_type"?}]}. Lines are ASCII: JSON escapes carry everything else,
lone surrogates included.
"""

import json
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, TypeVar, get_args, get_origin, get_type_hints

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
    threads: int | None = None  # that compute where there is no GPU; None is one a core
    states: str | None = None  # folder that keeps what was read of long documents; None is nowhere


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


@dataclass(frozen=True, slots=True)
class ListModels:
    """Ask which models there are and which of them lie on this machine."""

    type: ClassVar[str] = "models"
    id: str


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask whether the process lives. Answered at once, whatever else it is doing."""

    type: ClassVar[str] = "ping"
    id: str


Request = Load | Generate | AnswerNow | Cancel | Count | Stats | Unload | ListModels | Ping


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
    preparing: bool = False  # compiling and trying, once on a machine, what computes there


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
    route: str = "plain"  # what computes: "metal", "cuda", "cpu" or "plain"
    replaced_kernels: tuple[str, ...] = ()  # those that failed here, and why; MLX serves for them


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
class ModelChoice:
    """A model by name; `path` is None when it is not on this machine."""

    key: str  # what `load` takes: "guide", "20b", "120b"
    name: str  # "Guide", "gpt-oss-20b", "gpt-oss-120b"
    path: str | None
    checkpoint_bytes: int
    fits: bool  # the device's memory holds it


@dataclass(frozen=True, slots=True)
class ModelList:
    type: ClassVar[str] = "models"
    id: str
    models: tuple[ModelChoice, ...]


@dataclass(frozen=True, slots=True)
class Unloaded:
    type: ClassVar[str] = "unloaded"
    id: str


@dataclass(frozen=True, slots=True)
class Pong:
    type: ClassVar[str] = "pong"
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
    | ModelList
    | Unloaded
    | Pong
    | Failed
)

_REQUESTS: dict[str, type[Any]] = {kind.type: kind for kind in get_args(Request)}
_EVENTS: dict[str, type[Any]] = {kind.type: kind for kind in get_args(Event)}
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
    kind = kinds.get(record.pop("type"))
    if kind is None:
        if strict:
            raise ProtocolError(f"unknown type; known: {', '.join(kinds)}")
        return None
    return _build(kind, record, strict=strict)


def _build(kind: type[_T], record: Json, *, strict: bool) -> _T:
    """A dataclass from its JSON object. `strict` refuses fields that it does not have."""
    declared = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    label = getattr(kind, "type", kind.__name__)
    if strict and (unknown := sorted(record.keys() - declared.keys())):
        raise ProtocolError(f"{label} has no field {unknown[0]!r}")
    values: Json = {}
    for name, f in declared.items():
        if name in record:
            values[name] = _value(f"{label}.{name}", hints[name], record[name], strict)
        elif f.default is MISSING and f.default_factory is MISSING:
            raise ProtocolError(f"{label} lacks {name!r}")
    return kind(**values)


def _value(where: str, declared: Any, value: Any, strict: bool) -> Any:
    """`value` if it is what the annotation `declared` says; nested objects are built."""
    origin, arguments = get_origin(declared), get_args(declared)
    if origin is UnionType:
        if value is None and NoneType in arguments:
            return None
        declared = next(a for a in arguments if a is not NoneType)
        return _value(where, declared, value, strict)
    if is_dataclass(declared) and isinstance(value, dict):
        return _build(declared, value, strict=strict)  # type: ignore[arg-type]
    if origin is tuple and isinstance(value, list):
        return tuple(_value(where, arguments[0], item, strict) for item in value)
    if origin is Literal and value in arguments:
        return value
    if origin is dict and isinstance(value, dict):
        return value
    if declared is float and type(value) is int:
        return float(value)
    if type(value) is declared:
        return value
    raise ProtocolError(f"{where} can't be {value!r:.80}")
