"""What documents will cost before it is paid: tokens, time and memory on this machine.

Owns the words of it. Times and memory are those that the last long answer was measured at; what
was not measured is not told. Standard library only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.amounts import bytes_in_words, speed_in_words
from app.chats.models import Attachment, TurnStatistics

_LEAST_READ = 200  # tokens; a shorter prompt tells nothing about a long one's speed
_LEAST_HELD = 500
_ANSWER_SHARE = 4  # a quarter of the context stays free for thoughts and the answer …
_ANSWER_TOKENS = 8_192  # … up to so much
_SEARCH_TOKENS = 8_000  # more finds little more and takes long to read
_FRAME_TOKENS = 400  # system message, advice on citing


@dataclass(frozen=True, slots=True)
class Speed:
    """What was measured with a model; 0 is unknown."""

    model: str = ""
    tokens_per_s: float = 0.0
    bytes_a_token: float = 0.0

    def with_turn(self, turn: TurnStatistics) -> "Speed":
        """What is known after another turn."""
        before = self if turn.model == self.model else Speed(turn.model)
        speed, held = before.tokens_per_s, before.bytes_a_token
        if turn.prompt_tokens - turn.cached_tokens >= _LEAST_READ and turn.prefill_tokens_per_s:
            speed = turn.prefill_tokens_per_s
        if turn.context_used >= _LEAST_HELD and turn.cache_bytes:
            held = turn.cache_bytes / turn.context_used
        return Speed(turn.model, speed, held)


def room_for_documents(context: int, taken: int = 0) -> int:
    """How many tokens of documents a prompt can take beside `taken`, the thoughts and the
    answer."""
    answer = min(_ANSWER_TOKENS, context // _ANSWER_SHARE)
    return max(0, context - answer - _FRAME_TOKENS - taken)


def search_tokens(room: int) -> int:
    """How much a search gives the model for one question; the rest is for later ones."""
    return min(room // 2, _SEARCH_TOKENS)


def forecast(attachments: Sequence[Attachment], context: int, taken: int, speed: Speed) -> str:
    """One paragraph about the documents of the next question. `context` is 0 while no model is
    open, `taken` of it are in use."""
    tokens = sum(attachment.tokens for attachment in attachments)
    room = room_for_documents(context, taken)
    fits = not context or tokens <= room
    read = tokens if fits else search_tokens(room)
    told = [f"About {rounded(tokens)} tokens" if fits else _what_is_searched(attachments, read)]
    if speed.tokens_per_s:
        pace = speed_in_words(speed.tokens_per_s)
        told.append(f"{duration(read / speed.tokens_per_s)} to read, at {pace}")
    if speed.bytes_a_token:
        told.append(f"{bytes_in_words(read * speed.bytes_a_token)} of memory")
    sentences = [" · ".join(told) + "."]
    if not fits:
        too_much = f"About {rounded(tokens)} tokens are more than the {rounded(room)} that fit."
        sentences = [too_much, *sentences, "Asked for a summary, it reads all in passes."]
        if not read:
            sentences = [too_much, "Begin a new chat, or attach a part."]
    elif context:
        sentences.append(_what_is_read(attachments))
    sentences += [note for attachment in attachments for note in attachment.document.notes]
    return " ".join(sentences)


def _what_is_read(attachments: Sequence[Attachment]) -> str:
    pages = sum(len(attachment.document.pages) for attachment in attachments)
    whole = pages == len(attachments)  # no document has more than one
    return (
        "The model will read all of it." if whole else f"The model will read all {pages:,} pages."
    )


def _what_is_searched(attachments: Sequence[Attachment], read: int) -> str:
    tokens = sum(attachment.tokens for attachment in attachments)
    pages = sum(len(attachment.document.pages) for attachment in attachments)
    found = int(pages * read / max(1, tokens))
    what = f"{rounded(found)} of {pages:,} pages" if found else f"{rounded(read)} tokens"
    return f"For each question the model gets what a search finds, about {what}"


def rounded(tokens: int) -> str:
    """To two digits and a half: a forecast knows no more."""
    step = 10 ** max(0, len(str(tokens)) - 2)
    return f"{max(1, round(tokens / step)) * step:,}" if tokens else "no"


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min"
