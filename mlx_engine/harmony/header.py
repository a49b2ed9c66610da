"""The words before a message's text: role, recipient, channel and content type.

    <|start|>{role}[ to={recipient}][<|channel|>{channel}][ to=…][ <|constrain|>{type}]<|message|>

A model gets about one header in twenty-five wrong, so nothing here fails: what can be told is
read, in any order, and what can't is handed back, for it may be the message's own text. Where
several channels are named, the least visible one counts. Knows words, not tokens.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlx_engine.harmony.messages import CHANNELS, ROLES

START, CHANNEL, CONSTRAIN = "<|start|>", "<|channel|>", "<|constrain|>"


@dataclass(frozen=True, slots=True)
class Segment:
    """Text after one of the control tokens of a header; `mark` is None before the first."""

    mark: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says; None where it says nothing."""

    role: str
    name: str | None = None
    channel: str | None = None  # one of CHANNELS
    recipient: str | None = None
    content_type: str | None = None
    junk: str = ""  # words that mean nothing here
    text: str = ""  # where `<|message|>` is missing: the beginning of the message's text
    is_vague: bool = False  # it should name a channel, and names none that we know
    is_bare: bool = False  # there is no header at all, only text


@dataclass(frozen=True, slots=True)
class _Words:
    """What one segment says."""

    role: str | None = None
    name: str | None = None
    channels: tuple[str, ...] = ()
    recipient: str | None = None
    content_type: str | None = None
    rest: str = ""


_ROLE = "|".join(ROLES)
_CHANNEL = "|".join(CHANNELS)
# A role, perhaps doubled or with a channel's name run into it ("assistantfinal"). It may run into
# a sentence too ("assistantHello"), but not into the name of a tool ("user_search").
_ROLE_WORDS = re.compile(
    rf"\s*(?:{_ROLE})*?({_ROLE})(?::([^\s<]+))?"
    rf"(?:({_CHANNEL})|\s+({_CHANNEL})(?=\s|$)|(?![a-z0-9_.\-]))"
)
# A header of which only the words are left, with the text run into them.
_LOST_MARKS = re.compile(rf"\s*(?:{_ROLE})*\s*(?:analysis|commentary)")
_CHANNEL_WORDS = re.compile(rf"\s*({_CHANNEL})((?:\s*(?:{_CHANNEL}))*)")
_CHANNEL_WORD = re.compile(_CHANNEL)
_RECIPIENT = re.compile(r"\s*to=([^\s<>{}\[\]()\"']*)")
_TOOL = re.compile(r"(?:python|browser|[A-Za-z_][\w\-]*(?:\.[\w\-]+)+)")
_TYPE = re.compile(r"\s*([\w./+\-]+)")
_TYPE_BEFORE_JSON = re.compile(r"\s*(json|code)(?=\s*(?:[\[{]|$))")
_KNOWN_TYPE = re.compile(r"\s*(json|code|text)")


def read_header(segments: Sequence[Segment], role: str, *, is_closed: bool) -> Header:
    """Reads a header; `role` is the speaker where it names none.

    `is_closed`: it ended in `<|message|>`. If not, its last words are likely the message's text.
    """
    if not is_closed and all(segment.mark is None for segment in segments):
        text = "".join(segment.text for segment in segments)
        return Header(role, text=text, is_bare=True, is_vague=bool(_LOST_MARKS.match(text)))
    header = Header(role)
    channels: set[str] = set()
    for segment in segments:
        words = _read_segment(segment, is_closed)
        channels.update(words.channels)
        if segment.mark == CHANNEL and not is_closed:
            # The message's own text can only follow the last channel.
            header = replace(header, junk=header.junk + header.text, text="")
        header = _add(header, words)
    header = _read_unmarked_type(header)
    if is_closed:
        header = _read_bare_words(replace(header, junk=header.text, text=""))
    if channels and header.junk.strip():
        channels.update(_CHANNEL_WORD.findall(header.junk))
    channel = next((name for name in CHANNELS if name in channels), None)
    needs_channel = bool(header.junk.strip()) or any(s.mark == CHANNEL for s in segments)
    return replace(header, channel=channel, is_vague=channel is None and needs_channel)


def _add(header: Header, words: _Words) -> Header:
    text = header.text
    if header.recipient and words.recipient not in (None, header.recipient):
        text += f" to={words.recipient}"  # can't have two: the first counts
    if header.content_type and words.content_type not in (None, header.content_type):
        text += f" {words.content_type.removeprefix(CONSTRAIN)}"
    return replace(
        header,
        role=words.role or header.role,
        name=words.name or header.name,
        recipient=header.recipient or words.recipient,
        content_type=header.content_type or words.content_type,
        text=text + words.rest,
    )


def is_cut_word(text: str, header: Header) -> bool:
    """Whether `text` may be the beginning of the next word of `header`, cut off."""
    words = ("to=",) if header.channel else ("to=", *ROLES, *CHANNELS)
    return any(word.startswith(text) for word in words)


def _read_segment(segment: Segment, is_closed: bool) -> _Words:
    text = segment.text
    if segment.mark is None:
        # Words before any control token count only if there is nothing else among them.
        words = _read_role(text) if _ROLE_WORDS.match(text) else _read_channel(text, True)
        spare = 1 if words.recipient else 0  # a content type may follow a recipient
        return words if len(words.rest.split()) <= spare else _Words(rest=text)
    if segment.mark == START:
        return _read_role(text)
    if segment.mark == CHANNEL:
        return _read_channel(text, is_closed)
    kind = (_TYPE if is_closed else _KNOWN_TYPE).match(text)
    recipient, rest = _read_recipient(text[kind.end() :] if kind else text)
    return _Words(
        content_type=CONSTRAIN + kind[1] if kind else None, recipient=recipient, rest=rest
    )


def _read_role(text: str) -> _Words:
    match = _ROLE_WORDS.match(text)
    if match:
        recipient, rest = _read_recipient(text[match.end() :])
        channels = tuple(name for name in match.group(3, 4) if name)
        return _Words(match[1], match[2], channels, recipient, rest=rest)
    word, *_ = text.split(maxsplit=1) or [""]
    recipient, rest = _read_recipient(text[text.index(word) + len(word) :])
    if word and (recipient or _TOOL.fullmatch(word)):
        return _Words("tool", word, recipient=recipient, rest=rest)
    return _Words(rest=text)


def _read_channel(text: str, is_closed: bool) -> _Words:
    recipient, text = _read_recipient(text)
    match = _CHANNEL_WORDS.match(text)
    if not match:
        return _Words(recipient=recipient, rest=text)
    rest = text[match.end() :]
    if recipient is None:
        recipient, rest = _read_recipient(rest)
    if rest.strip() or not is_closed:
        rest = match[2] + rest  # the further names may be words of the message's text
    channels = (match[1], *_CHANNEL_WORD.findall(match[2]))
    return _Words(channels=channels, recipient=recipient, rest=rest)


def _read_recipient(text: str) -> tuple[str | None, str]:
    match = _RECIPIENT.match(text)
    return (match[1] or None, text[match.end() :]) if match else (None, text)


def _read_unmarked_type(header: Header) -> Header:
    """A content type without `<|constrain|>`, right before a call's arguments."""
    match = _TYPE_BEFORE_JSON.match(header.text)
    if header.recipient is None or header.content_type is not None or match is None:
        return header
    return replace(header, content_type=match[1], text=header.text[match.end() :])


def _read_bare_words(header: Header) -> Header:
    """A recipient without `to=` and a content type without `<|constrain|>`, in a closed header."""
    words = header.junk.split()
    recipient, content_type = header.recipient, header.content_type
    if recipient is None and words and _TOOL.fullmatch(words[0]):
        recipient, *words = words
    if (
        content_type is None
        and len(words) == 1
        and (_KNOWN_TYPE.fullmatch(words[0]) or (recipient and _TYPE.fullmatch(words[0])))
    ):
        content_type, *words = words
    if words:
        return header
    return replace(header, recipient=recipient, content_type=content_type, junk="")
