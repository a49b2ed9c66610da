"""The model's half of a turn: its tokens, as they come, to the protocol's events.

Owns what `answer_now` means in tokens, and the count of those spent on reasoning. Knows Harmony
and the protocol; nothing of MLX.
"""

from collections.abc import Callable, Sequence

from mlx_engine import harmony
from mlx_engine.harmony import Message, StreamParser
from mlx_engine.protocol import Delta, Event, MessageDone
from mlx_engine.tokenizer import Tokenizer

_REASONING, _ANSWER = "analysis", "final"
_PATIENCE = 48  # tokens; a header that names a channel is shorter, even of a call by a long name


class Reply:
    """Feeds on tokens. Events leave through `emit`; `force` gets tokens to go on from."""

    def __init__(
        self,
        request_id: str,
        tokenizer: Tokenizer,
        emit: Callable[[Event], None],
        force: Callable[[Sequence[int]], None],
    ) -> None:
        self._id = request_id
        self._tokenizer = tokenizer
        self._emit = emit
        self._force = force
        self._parser = StreamParser(tokenizer)
        self._started = False
        self._undecided = 0  # tokens since it was last clear which channel is written to
        self._answer_forced = False
        self.reasoning_tokens = 0

    def take(self, token: int) -> None:
        """One token of the turn, sampled or forced."""
        self._started = True
        self.reasoning_tokens += self._parser.current_channel == _REASONING
        self._publish(self._parser.feed(token))
        self._undecided = 0 if self._parser.current_channel else self._undecided + 1

    def finish(self) -> None:
        """The turn is over, by a token or because it was cut off."""
        self._publish(self._parser.finish())

    def answer_now(self) -> None:
        """End the thinking and open the answer: at once where that is possible.

        Between two messages, and in a header, it is not clear yet whether there is any thinking
        to end: then this does nothing, and is to be called again after the next token. A call is
        left alone, for half of one is none.
        """
        parser = self._parser
        if self._answer_forced or parser.is_calling or parser.current_channel == _ANSWER:
            return
        special, encode = self._tokenizer.special, self._tokenizer.encode
        opening = [special["<|channel|>"], *encode(_ANSWER), special["<|message|>"]]
        if not self._started:
            self._force(opening)
        elif parser.current_channel == _REASONING or self._undecided > _PATIENCE:
            self._force([special["<|end|>"], special["<|start|>"], *encode("assistant"), *opening])
        else:
            return
        self._answer_forced = True

    def _publish(self, parsed: Sequence[harmony.Delta | Message]) -> None:
        for piece in parsed:
            if isinstance(piece, Message):
                self._emit(MessageDone(self._id, piece.to_json()))
            else:
                self._emit(Delta(self._id, piece.channel, piece.recipient, piece.text))
