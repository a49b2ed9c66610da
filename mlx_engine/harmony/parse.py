"""What the model writes, token by token, to messages.

Equals openai-harmony 0.0.8 on well-formed turns. A malformed or cut-off turn is repaired by three
rules, in this order: nothing raises; reasoning never reaches the answer; no text is lost.

- Text is the answer only if its header says `final`, or if it has no header and it is clear that
  nothing else will be: the turn ends with it. Until then such text is held back. It can't be
  shown at once, for it often is reasoning, with the well-formed messages still to come.
- Text whose header should name a channel, and names none that is known, is taken for reasoning;
  so is text among the words of a header.
- A message that lacks its `<|message|>` is the text that follows the words of its header.
- Control tokens have no text. One that can't stand where it does ends a message or is ignored.
"""

import codecs
from collections.abc import Iterable
from dataclasses import dataclass, field

from mlx_engine.harmony.header import (
    CHANNEL,
    CONSTRAIN,
    START,
    Header,
    Segment,
    is_cut_word,
    read_header,
)
from mlx_engine.harmony.messages import CHANNELS, Message
from mlx_engine.tokenizer import Tokenizer

_MESSAGE, _END, _CALL = "<|message|>", "<|end|>", "<|call|>"
_TURN_ENDS = ("<|return|>", "<|endoftext|>")
_MARKS = (START, CHANNEL, CONSTRAIN, _MESSAGE, _END, _CALL, *_TURN_ENDS)
_MESSAGE_ENDS = (_END, _CALL, START, *_TURN_ENDS)
_REASONING, _PREAMBLE, _ANSWER = CHANNELS
_NO_TOOL = (None, "all", "user", "assistant")


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a message's text. `channel` says where it belongs: one of CHANNELS."""

    channel: str
    recipient: str | None
    text: str


Event = Delta | Message


@dataclass(slots=True)
class _Body:
    """A message being written. `place` is the channel it is shown on, None while held back."""

    header: Header
    place: str | None
    pieces: list[str] = field(default_factory=list)


class StreamParser:
    """Feeds on the tokens of one assistant turn, after the prompt's `<|start|>assistant`.

    `feed` returns what became known: pieces of text as they are written, and each message when
    it ends, after the last of its pieces. The pieces of a message add up to its content.
    """

    def __init__(
        self, tokenizer: Tokenizer, role: str = "assistant", *, places_channels: bool = True
    ) -> None:
        """`role` speaks where a header names nobody.

        `places_channels`: an assistant's message always gets the channel that its text was shown
        on. If not, a sound header that names no channel gives None, as in openai-harmony.
        """
        self._tokenizer = tokenizer
        self._role = role
        self._places_channels = places_channels
        self._marks = {tokenizer.special[m]: m for m in _MARKS if m in tokenizer.special}
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        # The header so far, when no body is open: its control tokens and the text after each.
        self._header: list[tuple[str | None, list[str]]] = [(None, [])]
        self._body: _Body | None = None
        self._held: _Body | None = None  # ended, but whether as the answer isn't known
        self._message_count = 0

    @property
    def current_channel(self) -> str | None:
        """Where the text being written belongs; None in a header or while it is held back."""
        return self._body.place if self._body else None

    @property
    def is_calling(self) -> bool:
        """Whether the text being written is a tool's arguments."""
        return self._body is not None and self._body.header.recipient not in _NO_TOOL

    def feed(self, token: int) -> list[Event]:
        mark = self._marks.get(token)
        if mark is None:
            return self._take(self._utf8.decode(self._tokenizer.decode_bytes((token,))))
        events = self._flush()
        if mark == _MESSAGE:
            return events + self._open()
        if mark == CONSTRAIN and self._body is not None:
            return events
        if mark in _MESSAGE_ENDS or self._body is not None:
            events += self._close(mark)
        if mark in (START, CHANNEL, CONSTRAIN):
            events += self._release()
            if self._header[-1] != (mark, []):  # doubled, it says no more
                self._header.append((mark, []))
        if mark in _TURN_ENDS:
            events += self._release(ends_turn=True, returned=True)
        return events

    def finish(self) -> list[Event]:
        """What is still held when the turn has ended, by a token or because it was cut off."""
        return self._flush() + self._close(None) + self._release(ends_turn=True)

    def _flush(self) -> list[Event]:
        """A character that a control token or the turn's end cuts in two becomes U+FFFD."""
        return self._take(self._utf8.decode(b"", final=True))

    def _take(self, text: str) -> list[Event]:
        if not text:
            return []
        body = self._body
        if body is not None:
            body.pieces.append(text)
            return [Delta(body.place, body.header.recipient, text)] if body.place else []
        self._header[-1][1].append(text)
        return [] if text.isspace() else self._release()

    def _open(self) -> list[Event]:
        """`<|message|>`: the header is complete."""
        if self._body is not None:
            return []
        events = self._release()
        header = self._read_header(is_closed=True)
        self._header = [(None, [])]
        self._body = _Body(header, _place(header))
        return events + self._emit_junk(header)

    def _close(self, mark: str | None) -> list[Event]:
        """The message ends at `mark`; None is the end of the turn."""
        body, self._body = self._body, None
        if body is None:
            return self._close_header(mark)
        if body.place is not None:
            return [self._message(body, body.place)]
        return self._hold(body, mark)

    def _close_header(self, mark: str | None) -> list[Event]:
        """The message ends before its `<|message|>`: the words after the header are its text."""
        header = self._read_header(is_closed=False)
        text = header.text if header.is_bare else header.text.lstrip()
        if mark is None and is_cut_word(text.strip(), header):
            # With nothing before it, a single word is the whole of a short answer.
            text = text if header.is_bare and self._message_count == 0 else ""
        events = self._emit_junk(header)
        is_message = text.strip() or header.recipient or header.name
        if not is_message and not events and mark not in (START, None):
            return []  # a stray token among the words of a header, which go on
        self._header = [(None, [])]
        if not is_message:
            return events
        body = _Body(header, _place(header), [text])
        if body.place is not None:
            return events + self._emit(body, body.place)
        return events + self._hold(body, mark)

    def _hold(self, body: _Body, mark: str | None) -> list[Event]:
        if mark == _CALL:
            return self._emit(body, _REASONING)
        events, self._held = self._release(), body
        return events

    def _release(self, *, ends_turn: bool = False, returned: bool = False) -> list[Event]:
        """Gives out what is held back, as the answer if the turn ends with it."""
        body, self._held = self._held, None
        if body is None:
            return []
        is_answer = ends_turn and (returned or self._message_count == 0)
        return self._emit(body, _ANSWER if is_answer else _REASONING)

    def _read_header(self, *, is_closed: bool) -> Header:
        segments = [Segment(mark, "".join(pieces)) for mark, pieces in self._header]
        return read_header(segments, self._role, is_closed=is_closed)

    def _emit_junk(self, header: Header) -> list[Event]:
        if not header.junk.strip():
            return []
        return self._emit(_Body(Header(self._role, is_vague=True), None, [header.junk]), _REASONING)

    def _emit(self, body: _Body, place: str) -> list[Event]:
        """A message none of which has been shown yet."""
        message = self._message(body, place)
        delta = Delta(place, message.recipient, message.content)
        return [delta, message] if message.content else [message]

    def _message(self, body: _Body, place: str) -> Message:
        self._message_count += 1
        header = body.header
        is_sound = not header.is_vague and not header.is_bare
        keeps_channel = header.role != "assistant" or (is_sound and not self._places_channels)
        return Message(
            role=header.role,
            content="".join(body.pieces),
            name=header.name,
            channel=header.channel if keeps_channel else place,
            recipient=header.recipient,
            content_type=header.content_type,
        )


def _place(header: Header) -> str | None:
    """The channel on which a message is shown; None if that depends on what follows."""
    if header.is_vague:
        return _REASONING
    if header.role != "assistant":  # somebody else's words: never the answer
        return _PREAMBLE if header.channel == _PREAMBLE else _REASONING
    if header.recipient not in _NO_TOOL:  # a tool's arguments: neither
        return _REASONING if header.channel == _REASONING else _PREAMBLE
    return header.channel


def parse(ids: Iterable[int], tokenizer: Tokenizer) -> list[Message]:
    """The messages of a whole assistant turn, with the channels that their headers name."""
    parser = StreamParser(tokenizer, places_channels=False)
    events = [event for token in ids for event in parser.feed(token)]
    return [event for event in events + parser.finish() if isinstance(event, Message)]
