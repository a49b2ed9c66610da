"""The shipped vocabulary: ids that tiktoken and tokenizers agree on."""

from __future__ import annotations

import json
import random
from itertools import islice
from pathlib import Path

import pytest
import tiktoken

from guide import corpus

GUIDE = Path(__file__).parents[2] / "resources" / "guide"
SPECIAL = {
    "<|startoftext|>",
    "<|endoftext|>",
    "<|return|>",
    "<|constrain|>",
    "<|channel|>",
    "<|start|>",
    "<|end|>",
    "<|message|>",
    "<|call|>",
}
tokenizers = pytest.importorskip("tokenizers")
vocabulary = pytest.importorskip("guide.vocabulary")


def test_ordinary_ids_ascend_from_the_bytes_and_special_ones_follow() -> None:
    published = json.loads((GUIDE / "tokenizer.json").read_text(encoding="utf-8"))
    ranks = vocabulary.mergeable_ranks(GUIDE / "tokenizer.json")
    assert sorted(ranks.values()) == list(range(len(ranks)))
    assert {token for token, rank in ranks.items() if rank < 256} == {
        bytes([byte]) for byte in range(256)
    }
    added = published["added_tokens"]
    assert {token["content"] for token in added} == SPECIAL
    assert all(token["special"] for token in added)
    assert min(token["id"] for token in added) == len(ranks)
    config = json.loads((GUIDE / "config.json").read_text(encoding="utf-8"))
    assert len(ranks) + len(added) == config["vocab_size"]


def test_tiktoken_gives_the_same_ids() -> None:
    ours = vocabulary.load(GUIDE / "tokenizer.json")
    theirs = tiktoken.Encoding(
        "guide",
        pat_str=vocabulary.PATTERN,
        mergeable_ranks=vocabulary.mergeable_ranks(GUIDE / "tokenizer.json"),
        special_tokens={},
    )
    rng = random.Random(3)
    texts = ["", "  two  spaces\n\n\tand a tab ", "émoji 🎻 et ‹ 2/3 › ⌘,", "x = 1234567 // 8"]
    for topic in corpus.read_topics():
        texts += topic.answers
        texts += [corpus.choose(line, rng) for line in islice(topic.questions, 20)]
    for text in texts:
        ids = ours.encode(text, add_special_tokens=False).ids
        assert ids == theirs.encode_ordinary(text), text
        assert theirs.decode(ids) == text
