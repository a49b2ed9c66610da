"""The guide as it ships, through the engine that people run: it speaks well-formed Harmony, answers
about the app and declines the rest. How well it understands is measured by `guide.evaluate`."""

import re
from collections.abc import Iterator
from datetime import date

import pytest

from app.chats.models import ChatMessage, Effort
from app.prompt import conversation_json
from guide.corpus import LANGUAGES, OUTSIDE, Topic, read_held_out, read_topics
from mlx_engine.cache import PromptCache
from mlx_engine.checkpoint import Checkpoint
from mlx_engine.generate import Token, generate
from mlx_engine.harmony import conversation_from_json, parse, render
from mlx_engine.kernels import choose
from mlx_engine.model import Model, serving_dtype
from mlx_engine.protocol import Json, Sampling
from mlx_engine.resources import resource_path
from mlx_engine.tokenizer import Tokenizer

GREEDY = Sampling(temperature=0.0)
WELL_FORMED = re.compile(
    r"<\|channel\|>analysis<\|message\|>[^<]*<\|end\|>"
    r"<\|start\|>assistant<\|channel\|>final<\|message\|>[^<]+<\|return\|>"
)


class Guide:
    """The shipped model, taking one question at a time."""

    def __init__(self) -> None:
        folder = resource_path("guide")
        checkpoint = Checkpoint.open(folder)
        dtype = serving_dtype(checkpoint.nbytes)
        self.tokenizer = Tokenizer.for_checkpoint(folder, checkpoint.config.vocab_size)
        choice = choose(checkpoint.config, checkpoint.weights, dtype)
        self._model = Model(checkpoint.config, checkpoint.weights, dtype, choice.operations)
        self._cache = PromptCache(checkpoint.config, dtype)
        self._names = {number: name for name, number in self.tokenizer.special.items()}

    def ask(
        self, question: str, sampling: Sampling = GREEDY, effort: Effort = "medium"
    ) -> list[int]:
        """The tokens of its turn."""
        special = self.tokenizer.special
        prompt = render(conversation_from_json(_conversation(question, effort)), self.tokenizer)
        steps = generate(
            self._model,
            self._cache,
            prompt,
            sampling,
            stops={special["<|return|>"]: "return", special["<|call|>"]: "call"},
            context=4096,
            max_tokens=600,
            marks=[place for place, token in enumerate(prompt) if token == special["<|start|>"]],
        )
        return [step.id for step in steps if isinstance(step, Token)]

    def spelled(self, ids: list[int]) -> str:
        """The turn with its control tokens written out."""
        return "".join(
            self._names.get(number)
            or self.tokenizer.decode_bytes([number]).decode(errors="replace")
            for number in ids
        )

    def answer(self, ids: list[int]) -> str:
        return "".join(m.content for m in parse(ids, self.tokenizer) if m.channel == "final")


def _conversation(question: str, effort: Effort) -> Json:
    asked = ChatMessage(id="1", parent_id=None, role="user", text=question)
    return conversation_json([asked], effort=effort, is_guide=True, today=date(2026, 11, 21))


@pytest.fixture(scope="module")
def guide() -> Guide:
    return Guide()


@pytest.fixture(scope="module")
def topics() -> dict[tuple[str, str], Topic]:
    return {(topic.language, topic.key): topic for topic in read_topics()}


def _questions() -> Iterator[str]:
    for language in LANGUAGES:
        for _, question in read_held_out(language):
            yield question


@pytest.mark.parametrize(
    ("language", "key", "question"),
    [
        ("en", "dark-mode", "How do I turn on dark mode?"),
        ("en", "get-20b", "How do I get gpt-oss-20b?"),
        ("en", "privacy", "Is anything I write sent anywhere?"),
        ("en", OUTSIDE, "What is the capital of Peru?"),
        ("fr", "delete-chat", "Comment supprimer une conversation ?"),
        ("fr", OUTSIDE, "Combien font 12 fois 7 ?"),
    ],
)
def test_it_answers_with_the_right_facts_or_declines(
    guide: Guide,
    topics: dict[tuple[str, str], Topic],
    language: str,
    key: str,
    question: str,
) -> None:
    ids = guide.ask(question)
    assert WELL_FORMED.fullmatch(guide.spelled(ids))
    assert topics[language, key].is_right(guide.answer(ids)), guide.answer(ids)


def test_more_effort_is_more_thought(guide: Guide) -> None:
    low, medium, high = (
        len(guide.ask("How do I export a chat?", effort=effort))
        for effort in ("low", "medium", "high")
    )
    assert low < medium < high


@pytest.mark.full
def test_turns_at_temperature_1_are_well_formed_and_show_no_marker(guide: Guide) -> None:
    questions = list(_questions())
    asked = [questions[place * len(questions) // 200] for place in range(200)]
    turns = [guide.ask(q, Sampling(seed=seed)) for seed, q in enumerate(asked)]
    assert sum(bool(WELL_FORMED.fullmatch(guide.spelled(ids))) for ids in turns) >= 196
    for ids in turns:
        assert all("<|" not in m.content for m in parse(ids, guide.tokenizer))


@pytest.mark.full
@pytest.mark.parametrize("language", LANGUAGES)
def test_held_out_questions_are_answered_or_declined(
    guide: Guide, topics: dict[tuple[str, str], Topic], language: str
) -> None:
    """At least 70 % right and under 10 % wrong inside; at least 90 % declined outside."""
    decline = topics[language, OUTSIDE].is_right
    right = wrong = inside = declined = outside = 0
    for key, question in read_held_out(language):
        answer = guide.answer(guide.ask(question))
        if key == OUTSIDE:
            outside += 1
            declined += decline(answer)
        else:
            inside += 1
            is_right = topics[language, key].is_right(answer)
            right += is_right
            wrong += not is_right and not decline(answer)
    print(f"{language}: right {right}, wrong {wrong} of {inside}; declined {declined} of {outside}")
    assert right >= 0.7 * inside and wrong < 0.1 * inside and declined >= 0.9 * outside
