"""The conversations that the guide learns from, as their files say them."""

from __future__ import annotations

import random
from itertools import islice

import pytest

from guide import corpus
from guide.augment import Augmenter

TOPICS = corpus.read_topics()
NAMES = [topic.name for topic in TOPICS]
FILE = """\
label: dark mode
about: how to change the appearance
must: settings|⌘,
must: dark
answer: Open Settings and choose Dark.
q: (how do i|how can i) (turn on|enable) dark mode
q: the window is too bright
"""


def test_a_topic_file_is_read_field_by_field() -> None:
    topic = corpus.parse_topic(FILE, "en", "dark-mode")
    assert topic.name == "en/dark-mode"
    assert topic.label == "dark mode"
    assert topic.musts == ("settings|⌘,", "dark")
    assert len(topic.questions) == 2
    assert topic.is_right("Press ⌘, and choose Dark.")
    assert not topic.is_right("Open Settings.")


def test_an_unknown_field_is_refused_with_its_place() -> None:
    with pytest.raises(ValueError, match=r"en/dark-mode\.txt:8"):
        corpus.parse_topic(FILE + "question: what", "en", "dark-mode")


def test_a_missing_label_is_refused() -> None:
    with pytest.raises(ValueError, match="label"):
        corpus.parse_topic("about: nothing\n", "en", "empty")


def test_an_alternation_stands_for_every_choice() -> None:
    assert list(corpus.expand("(please |)stop (it|now)")) == [
        "please stop it",
        "please stop now",
        "stop it",
        "stop now",
    ]
    assert list(corpus.expand("plain (no choice) here")) == ["plain (no choice) here"]


def test_a_choice_is_one_of_the_expansions() -> None:
    line = "(a|b|c) and (d|)"
    rng = random.Random(1)
    drawn = {corpus.choose(line, rng) for _ in range(100)}
    assert drawn == set(corpus.expand(line))


def test_wordings_are_compared_without_case_accents_and_marks() -> None:
    assert corpus.normalise("Où  EST l’export ?") == corpus.normalise("ou est l'export")


def test_the_same_topics_exist_in_both_languages() -> None:
    keys = {
        language: {topic.key for topic in TOPICS if topic.language == language}
        for language in corpus.LANGUAGES
    }
    assert keys["en"] == keys["fr"]


@pytest.mark.parametrize("topic", TOPICS, ids=NAMES)
def test_every_answer_holds_the_key_facts(topic: corpus.Topic) -> None:
    assert topic.answers
    assert topic.musts
    for answer in topic.answers:
        assert topic.is_right(answer), answer


@pytest.mark.parametrize("language", corpus.LANGUAGES)
def test_labels_are_unique(language: str) -> None:
    labels = [topic.label for topic in TOPICS if topic.language == language]
    assert len(set(labels)) == len(labels)


def test_there_are_enough_wordings() -> None:
    for topic in TOPICS:
        plain = [line for line in topic.questions if not corpus.ALTERNATION.search(line)]
        least = 400 if topic.key == corpus.OUTSIDE else 40
        assert len(topic.questions) >= least, topic.name
        assert len(plain) >= 25, topic.name


def test_no_plain_line_is_held_out() -> None:
    held_out = corpus.held_out_wordings()
    for topic in TOPICS:
        assert not held_out & {corpus.normalise(line) for line in topic.questions}, topic.name


@pytest.mark.parametrize("language", corpus.LANGUAGES)
def test_held_out_questions_name_known_topics(language: str) -> None:
    known = {topic.key for topic in TOPICS if topic.language == language}
    pairs = corpus.read_held_out(language)
    assert len(pairs) >= 200
    assert {key for key, _ in pairs} <= known


def test_development_lines_are_apart_from_training() -> None:
    for topic in TOPICS:
        kept, apart = topic.training_lines(0.08), topic.development_lines(0.08)
        assert not set(kept) & set(apart)
        assert len(kept) + len(apart) == len(topic.questions)


@pytest.mark.parametrize("language", corpus.LANGUAGES)
def test_roughening_follows_from_the_seed_and_never_empties(language: str) -> None:
    augment = Augmenter(language)
    lines = [line for topic in TOPICS if topic.language == language for line in topic.questions]

    def roughened(seed: int) -> list[str]:
        rng = random.Random(seed)
        return [augment(corpus.choose(line, rng), rng) for line in islice(lines, 300)]

    assert roughened(1) == roughened(1)
    assert roughened(1) != roughened(2)
    assert all(roughened(1))
