"""The words of a conversation: what the store keeps and the window shows.

A chat is a tree of messages. Every message but the first names its parent; editing a question or
regenerating an answer adds a sibling, and `Chat.leaf_id` says which path is the one on view.
Frozen data, standard library only: nothing here knows SQLite, Qt or the engine.
"""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Literal

from app.documents.document import Document
from app.documents.outline import document_from, outline_of, text_of
from app.documents.pages import Shown, tokens
from app.well_formed import well_formed

Effort = Literal["low", "medium", "high"]
Role = Literal["user", "assistant"]
Status = Literal[
    "streaming",  # being written right now
    "complete",  # ended by itself, or at a limit that `stop` names
    "stopped",  # ended by the person
    "interrupted",  # the engine or the app went away in the middle; what was said is kept
    "failed",  # the engine refused or broke with an error
]
EFFORTS: tuple[Effort, ...] = ("low", "medium", "high")


def new_id() -> str:
    """An identifier for a chat or a message that no other machine has given out."""
    return uuid.uuid4().hex


def now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Attachment:
    """A document as it was read when it was attached: the file may change or vanish later."""

    name: str  # file name, for people
    path: str  # where it lay
    text: str  # what the model reads, lines ended by "\n"
    digest: str = ""  # of the file's bytes, which are kept by that name; "" if they are not
    outline: str = ""  # where its pages end (see `documents/outline.py`); "" is one page

    @staticmethod
    def of(document: Document, path: str) -> "Attachment":
        text = well_formed(text_of(document))
        outline = well_formed(outline_of(document))
        return Attachment(document.name, path, text, document.digest, outline)

    @cached_property
    def document(self) -> Document:
        return document_from(self.name, self.digest, self.text, self.outline)

    @cached_property
    def tokens(self) -> int:
        """About how many the model reads."""
        return tokens(tuple(self.document.lines))


@dataclass(frozen=True, slots=True)
class Reading:
    """What of the documents on its path the model was given for an answer."""

    mode: Literal["all", "search", "passes"]
    # The number of a document among those on the path, and first and last line of each stretch.
    parts: tuple[tuple[int, tuple[tuple[int, int], ...]], ...]


@dataclass(frozen=True, slots=True)
class TurnStatistics:
    """What a turn took. While it runs the numbers grow; when it has ended they are the engine's."""

    model: str = ""  # "Guide", "gpt-oss-20b", …
    prompt_tokens: int = 0
    cached_tokens: int = 0  # of the prompt, held from an earlier turn
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    first_token_s: float = 0.0
    prefill_tokens_per_s: float = 0.0
    decode_tokens_per_s: float = 0.0
    context: int = 0  # tokens that the model can see at once; 0 is unknown
    peak_bytes: int = 0  # the engine's memory
    cache_bytes: int = 0

    @property
    def context_used(self) -> int:
        """Tokens of the context that the conversation takes now."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One question or one answer."""

    id: str
    parent_id: str | None
    role: Role
    text: str = ""  # what was asked or answered; never a thought, never a marker
    thinking: str = ""  # an answer's reasoning
    thinking_s: float = 0.0  # seconds from the first thought to the answer
    status: Status = "complete"
    # The protocol's StopReason once the answer has ended; for "failed" why; for "interrupted"
    # "engine" where that went away, nothing where the app did. "search" is no model's answer.
    stop: str = ""
    model: str = ""  # the name of the model that answered
    effort: Effort = "medium"
    created: datetime = field(default_factory=now)
    attachments: tuple[Attachment, ...] = ()
    statistics: TurnStatistics | None = None
    reading: Reading | None = None  # None for an answer without documents


@dataclass(frozen=True, slots=True)
class Chat:
    """A conversation as the sidebar lists it."""

    id: str
    title: str
    created: datetime
    updated: datetime
    effort: Effort = "medium"
    model: str = ""  # the name of the model that answered last
    leaf_id: str | None = None  # last message of the path on view


@dataclass(frozen=True, slots=True)
class Branch:
    """Which of its siblings a message is: ‹ index/count ›."""

    index: int = 1  # 1 … count, oldest first
    count: int = 1


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A message on the path on view."""

    message: ChatMessage
    branch: Branch = Branch()
    citable: tuple[Shown, ...] = ()  # what an answer's citations may point to
    coverage: str = ""  # what of the documents was read for it, in words


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A chat in which the words were found."""

    chat: Chat
    message_id: str | None  # None where only the title has them
    excerpt: str  # the text around the words, one line
