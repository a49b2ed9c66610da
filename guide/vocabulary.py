"""Trains the guide's byte-level BPE and writes `tokenizer.json`.

The ordinary ids are the 256 bytes and then the merges in order, so that they serve as tiktoken's
mergeable ranks; Harmony's special tokens come after them. Every way to build a token from two
shorter ones is listed as a merge: that is what tiktoken does, so both give the same ids.
"""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

# The pattern of o200k, as published with gpt-oss.
PATTERN = "|".join(
    [
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)
SPECIAL_TOKENS = (
    "<|startoftext|>",
    "<|endoftext|>",
    "<|return|>",
    "<|constrain|>",
    "<|channel|>",
    "<|start|>",
    "<|end|>",
    "<|message|>",
    "<|call|>",
)
TOTAL = 2560
RANKS = TOTAL - len(SPECIAL_TOKENS)


def byte_level() -> pre_tokenizers.Sequence:
    """The o200k split, then bytes as printable letters."""
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def all_merges(ranks: dict[str, int]) -> list[tuple[str, str]]:
    """Every split of every token into two tokens, in the order of the ids they make."""
    merges = []
    for token, _ in sorted(ranks.items(), key=lambda item: item[1]):
        splits = [(token[:cut], token[cut:]) for cut in range(1, len(token))]
        known = [pair for pair in splits if pair[0] in ranks and pair[1] in ranks]
        merges += sorted(known, key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))
    return merges


def train(texts: list[str]) -> Tokenizer:
    """A tokenizer of `TOTAL` ids from `texts`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = byte_level()
    trainer = trainers.BpeTrainer(
        vocab_size=RANKS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        min_frequency=2,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return assemble(tokenizer.get_vocab())


def assemble(ranks: dict[str, int], dropout: float | None = None) -> Tokenizer:
    """The tokenizer with these ordinary ids; `dropout` skips merges at random, for training."""
    model = models.BPE(ranks, all_merges(ranks), dropout=dropout, ignore_merges=dropout is None)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = byte_level()
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    return tokenizer


def load(path: Path) -> Tokenizer:
    """Read a `tokenizer.json`."""
    return Tokenizer.from_file(str(path))


def ordinary_ranks(tokenizer: Tokenizer) -> dict[str, int]:
    """The ids without the special ones."""
    vocabulary: dict[str, int] = tokenizer.get_vocab(with_added_tokens=False)
    return vocabulary


def mergeable_ranks(tokenizer_json: Path) -> dict[bytes, int]:
    """The ordinary ids of a `tokenizer.json` as tiktoken wants them."""
    letters = byte_letters()
    vocabulary = json.loads(tokenizer_json.read_text(encoding="utf-8"))["model"]["vocab"]
    return {bytes(letters[letter] for letter in token): rank for token, rank in vocabulary.items()}


def byte_letters() -> dict[str, int]:
    """The printable letter that stands for each byte in a byte-level vocabulary."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    letters = {chr(byte): byte for byte in plain}
    return letters | {chr(256 + place): byte for place, byte in enumerate(others)}
