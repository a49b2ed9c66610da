"""A conversation to the ids of its prompt.

Equals openai-harmony 0.0.8 token for token but for one thing: that library drops the reasoning
before the first final message only, while the format's guide and the models' published chat
template drop it from every finished turn, as here.
Only this module puts control tokens into a prompt. Knows nothing of what the model answers.
"""

from collections.abc import Iterator, Mapping

from mlx_engine.errors import BadRequest
from mlx_engine.harmony.messages import (
    Conversation,
    DeveloperContent,
    Message,
    Part,
    ResponseFormat,
    SystemContent,
    Tool,
    ToolNamespace,
)
from mlx_engine.harmony.schema import json_text, type_of
from mlx_engine.tokenizer import Tokenizer

_CONSTRAIN = "<|constrain|>"
_FUNCTIONS = "functions"


def render(
    conversation: Conversation, tokenizer: Tokenizer, *, for_completion: bool = True
) -> list[int]:
    """The prompt's ids; `for_completion` opens the assistant's next message at the end.

    Raises BadRequest for a tool's schema nested too deeply to write out.
    """
    return [token for run in runs(conversation, tokenizer, for_completion) for token in run]


def runs(
    conversation: Conversation, tokenizer: Tokenizer, for_completion: bool = True
) -> Iterator[list[int]]:
    """The ids of `render`, cut where another prompt may go on otherwise: before each message, and
    between the parts of one."""
    messages = list(_without_finished_reasoning(conversation.messages))
    has_functions = any(_offers_functions(part) for m in messages for part in m.parts)
    for message in messages:
        try:
            yield from _message(message, tokenizer, has_functions)
        except RecursionError:
            raise BadRequest("A tool's parameters are nested too deeply: flatten them.") from None
    if for_completion:
        yield [tokenizer.special["<|start|>"], *tokenizer.encode("assistant")]


def _without_finished_reasoning(messages: tuple[Message, ...]) -> Iterator[Message]:
    answers = [n for n, m in enumerate(messages) if m.role == "assistant" and m.channel == "final"]
    last_answer = answers[-1] if answers else -1
    return (m for n, m in enumerate(messages) if n > last_answer or m.channel != "analysis")


def _offers_functions(part: Part) -> bool:
    return (
        isinstance(part, DeveloperContent)
        and _FUNCTIONS in part.tools
        and bool(part.tools[_FUNCTIONS].tools)
    )


def _message(message: Message, tokenizer: Tokenizer, has_functions: bool) -> Iterator[list[int]]:
    # Each piece is encoded by itself: joined first, they could merge into other tokens.
    encode, special = tokenizer.encode, tokenizer.special
    ids = [special["<|start|>"]]
    if message.role == "tool":
        ids += encode(message.role if message.name is None else message.name)
    else:
        ids += encode(message.role)
        ids += encode(f":{message.name}") if message.name is not None else []
    if message.recipient is not None and message.recipient != "all":
        ids += encode(f" to={message.recipient}")
    if message.channel is not None:
        ids += [special["<|channel|>"], *encode(message.channel)]
    if message.content_type is not None:
        ids += _content_type(message.content_type, tokenizer)
    ids.append(special["<|message|>"])
    *earlier, last = message.parts or (message.content,)
    for part in earlier:
        yield ids + encode(_part(part, has_functions))
        ids = []
    calls = message.role == "assistant" and message.recipient is not None
    end = special["<|call|>" if calls else "<|end|>"]
    yield [*ids, *encode(_part(last, has_functions)), end]


def _content_type(content_type: str, tokenizer: Tokenizer) -> list[int]:
    if not content_type.startswith(_CONSTRAIN):
        return tokenizer.encode(f" {content_type}")
    kind = content_type.removeprefix(_CONSTRAIN)
    return [*tokenizer.encode(" "), tokenizer.special[_CONSTRAIN], *tokenizer.encode(kind)]


def _part(part: Part, has_functions: bool) -> str:
    if isinstance(part, SystemContent):
        return _system(part, has_functions)
    return _developer(part) if isinstance(part, DeveloperContent) else part


def _system(content: SystemContent, has_functions: bool) -> str:
    about = []
    if content.model_identity is not None:
        about.append(content.model_identity)
    if content.knowledge_cutoff is not None:
        about.append(f"Knowledge cutoff: {content.knowledge_cutoff}")
    if content.conversation_start_date is not None:
        about.append(f"Current date: {content.conversation_start_date}")
    sections = ["\n".join(about)] if about else []
    if content.reasoning_effort is not None:
        sections.append(f"Reasoning: {content.reasoning_effort}")
    sections += _tools(content.tools)
    rule = content.channel_config
    if rule is not None and rule.valid_channels:
        line = f"# Valid channels: {', '.join(rule.valid_channels)}."
        if rule.channel_required:
            line += " Channel must be included for every message."
        if has_functions:
            line += "\nCalls to these tools must go to the commentary channel: 'functions'."
        sections.append(line)
    return "\n\n".join(sections)


def _developer(content: DeveloperContent) -> str:
    sections = []
    if content.instructions is not None:
        sections += ["# Instructions", content.instructions]
    sections += _tools(content.tools)
    if content.response_formats:
        sections += ["# Response Formats", *map(_response_format, content.response_formats)]
    return "\n\n".join(sections)


def _response_format(response_format: ResponseFormat) -> str:
    description = response_format.description
    comment = [] if description is None else [f"// {line}" for line in _lines(description)]
    return "\n".join([f"## {response_format.name}\n", *comment, json_text(response_format.schema)])


def _tools(namespaces: Mapping[str, ToolNamespace]) -> list[str]:
    if not namespaces:
        return []
    return ["# Tools", *(_namespace(namespaces[key]) for key in sorted(namespaces))]


def _namespace(namespace: ToolNamespace) -> str:
    mark = "// " if namespace.tools else ""
    lines = [f"## {namespace.name}\n"]
    lines += [mark + line for line in _lines(namespace.description or "")]
    if namespace.tools:
        lines.append(f"namespace {namespace.name} {{\n")
        lines += [line for tool in namespace.tools for line in _tool(tool)]
        lines.append(f"}} // namespace {namespace.name}")
    return "\n".join(lines)


def _tool(tool: Tool) -> list[str]:
    arguments = "" if tool.parameters is None else f"_: {type_of(tool.parameters)}"
    described = [f"// {line}" for line in _lines(tool.description)]
    return [*described, f"type {tool.name} = ({arguments}) => any;\n"]


def _lines(text: str) -> list[str]:
    """Lines as Rust's `str::lines` has them: cut at \\n or \\r\\n alone, no empty last one."""
    *lines, last = text.split("\n")
    return [line.removesuffix("\r") for line in lines] + ([last] if last else [])
