"""The shipped vocabulary: ids that the engine and the trainer agree on."""

from __future__ import annotations

import json
import random
from itertools import islice
from pathlib import Path

import pytest

from guide import corpus
from mlx_engine.tokenizer import HARMONY_TOKENS, Tokenizer

GUIDE = Path(__file__).parents[2] / "resources" / "guide"


@pytest.fixture(scope="module")
def shipped() -> Tokenizer:
    config = json.loads((GUIDE / "config.json").read_text(encoding="utf-8"))
    return Tokenizer.for_checkpoint(GUIDE, config["vocab_size"])


def texts() -> list[str]:
    """Odd texts, every answer, some questions."""
    rng = random.Random(3)
    found = ["", "  two  spaces\n\n\tand a tab ", "émoji 🎻 et ‹ 2/3 › ⌘,", "x = 1234567 // 8"]
    for topic in corpus.read_topics():
        found += topic.answers
        found += [corpus.choose(line, rng) for line in islice(topic.questions, 20)]
    return found


def test_ordinary_ids_ascend_from_the_bytes_and_special_ones_follow(shipped: Tokenizer) -> None:
    size, ordinary = shipped.vocabulary_size, shipped.vocabulary_size - len(HARMONY_TOKENS)
    assert sorted(shipped.special.values()) == list(range(ordinary, size))
    assert shipped.special.keys() == HARMONY_TOKENS.keys()
    tokens = [shipped.decode_bytes([number]) for number in range(ordinary)]
    assert set(tokens[:256]) == {bytes([byte]) for byte in range(256)}
    assert len(set(tokens)) == ordinary


def test_text_survives_the_round_trip(shipped: Tokenizer) -> None:
    for text in texts():
        assert shipped.decode_bytes(shipped.encode(text)).decode() == text


def test_the_engine_gives_the_same_ids_as_the_trainer(shipped: Tokenizer) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    trainers = tokenizers.Tokenizer.from_file(str(GUIDE / "tokenizer.json"))
    for text in texts():
        ids = trainers.encode(text, add_special_tokens=False).ids
        assert ids == shipped.encode(text), text
