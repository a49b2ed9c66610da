"""A reply while it is being written: what has come so far, how long it thought, how fast it is.

Owns the words until they are a finished message. Knows the protocol's events; neither engine,
store nor Qt.
"""

import time
from dataclasses import replace

from app.chats.models import ChatMessage, Reading, Status, TurnStatistics
from mlx_engine.protocol import Delta, Done, ModelInfo, Prefill


class Reply:
    """Grows from an empty message to a whole one."""

    def __init__(self, empty: ChatMessage) -> None:
        self._empty = empty
        self._text: list[str] = []
        self._thinking: list[str] = []
        self._model: ModelInfo | None = None
        self._prompt_tokens = 0
        self._tokens = 0
        self.has_news = False  # words have come since the last `message`
        self._first_token: float | None = None  # moments of time.monotonic()
        self._last_token = 0.0
        self._thinking_since: float | None = None
        self._thinking_s = 0.0
        self._final: TurnStatistics | None = None

    @property
    def id(self) -> str:
        return self._empty.id

    @property
    def has_words(self) -> bool:
        return bool(self._text or self._thinking)

    def set_model(self, model: ModelInfo) -> None:
        self._model = model

    def set_reading(self, reading: Reading | None) -> None:
        self._empty = replace(self._empty, reading=reading)
        self.has_news = True

    def take_prefill(self, progress: Prefill) -> None:
        self._prompt_tokens = progress.total

    def take(self, delta: Delta) -> bool:
        """Adds a piece; True if it belongs to the answer, False if to the thoughts. What a model
        says on the commentary channel is no answer."""
        now = time.monotonic()
        self._first_token = self._first_token or now
        self._last_token = now
        self._tokens += 1
        self.has_news = True
        if delta.channel == "final":
            self._end_thinking(now)
            self._text.append(delta.text)
            return True
        self._thinking_since = self._thinking_since or now
        self._thinking.append(delta.text)
        return False

    def _end_thinking(self, now: float) -> None:
        if self._thinking_since is not None:
            self._thinking_s += now - self._thinking_since
            self._thinking_since = None

    def take_numbers(self, done: Done) -> None:
        """The engine's own numbers, which replace what could be told from here."""
        self._final = TurnStatistics(
            model=self._model.name if self._model else "",
            prompt_tokens=done.usage.prompt_tokens,
            cached_tokens=done.usage.cached_tokens,
            completion_tokens=done.usage.completion_tokens,
            reasoning_tokens=done.usage.reasoning_tokens,
            first_token_s=done.timing.first_token_s,
            prefill_tokens_per_s=done.timing.prefill_tokens_per_s,
            decode_tokens_per_s=done.timing.decode_tokens_per_s,
            context=self._model.context if self._model else 0,
            peak_bytes=done.memory.peak_bytes,
            cache_bytes=done.memory.cache_bytes,
        )

    def statistics(self) -> TurnStatistics:
        """While it runs, a piece of text counts as a token."""
        if self._final is not None:
            return self._final
        elapsed = self._last_token - (self._first_token or 0.0)
        return TurnStatistics(
            model=self._model.name if self._model else "",
            prompt_tokens=self._prompt_tokens,
            completion_tokens=self._tokens,
            decode_tokens_per_s=(self._tokens - 1) / elapsed if elapsed > 0 else 0.0,
            context=self._model.context if self._model else 0,
        )

    def message(self, status: Status = "streaming", stop: str = "") -> ChatMessage:
        """The reply as far as it has come."""
        self.has_news = False
        thinking_s = self._thinking_s
        if self._thinking_since is not None:
            thinking_s += time.monotonic() - self._thinking_since
        return replace(
            self._empty,
            text="".join(self._text),
            thinking="".join(self._thinking),
            thinking_s=thinking_s,
            status=status,
            stop=stop,
            model=self._model.name if self._model else "",
            statistics=self.statistics() if self._tokens else None,
        )
