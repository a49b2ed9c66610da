"""The shipped vocabulary: ids that tiktoken and tokenizers agree on."""

from __future__ import annotations

import json
import random
from itertools import islice
from pathlib import Path

import pytest
import tiktoken

from guide import corpus, ranks

GUIDE = Path(__file__).parents[2] / "resources" / "guide"


def encoding() -> tiktoken.Encoding:
    """The guide's vocabulary in tiktoken."""
    return tiktoken.Encoding(
        "guide",
        pat_str=ranks.PATTERN,
        mergeable_ranks=ranks.mergeable_ranks(GUIDE / "tokenizer.json"),
        special_tokens={},
    )


def texts() -> list[str]:
    """Odd texts, every answer, some questions."""
    rng = random.Random(3)
    found = ["", "  two  spaces\n\n\tand a tab ", "émoji 🎻 et ‹ 2/3 › ⌘,", "x = 1234567 // 8"]
    for topic in corpus.read_topics():
        found += topic.answers
        found += [corpus.choose(line, rng) for line in islice(topic.questions, 20)]
    return found


def test_ordinary_ids_ascend_from_the_bytes_and_special_ones_follow() -> None:
    published = json.loads((GUIDE / "tokenizer.json").read_text(encoding="utf-8"))
    found = ranks.mergeable_ranks(GUIDE / "tokenizer.json")
    assert sorted(found.values()) == list(range(len(found)))
    assert {token for token, rank in found.items() if rank < 256} == {
        bytes([byte]) for byte in range(256)
    }
    added = published["added_tokens"]
    assert {token["content"] for token in added} == set(ranks.SPECIAL_TOKENS)
    assert all(token["special"] for token in added)
    assert min(token["id"] for token in added) == len(found)
    config = json.loads((GUIDE / "config.json").read_text(encoding="utf-8"))
    assert len(found) + len(added) == config["vocab_size"]


def test_text_survives_the_round_trip() -> None:
    tokens = encoding()
    for text in texts():
        assert tokens.decode(tokens.encode_ordinary(text)) == text


def test_tiktoken_gives_the_same_ids_as_tokenizers() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    ours = tokenizers.Tokenizer.from_file(str(GUIDE / "tokenizer.json"))
    theirs = encoding()
    for text in texts():
        ids = ours.encode(text, add_special_tokens=False).ids
        assert ids == theirs.encode_ordinary(text), text
