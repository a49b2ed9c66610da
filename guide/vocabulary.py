"""Trains the guide's byte-level BPE and writes `tokenizer.json`.

The ordinary ids are the 256 bytes and then the merges in order, so that they serve as tiktoken's
mergeable ranks; Harmony's special tokens come after them. Every way to build a token from two
shorter ones is listed as a merge: that is what tiktoken does, so both give the same ids.
"""

from __future__ import annotations

from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from mlx_engine.tokenizer import HARMONY_TOKENS, O200K_PIECES

TOTAL = 2560
RANKS = TOTAL - len(HARMONY_TOKENS)


def byte_level() -> pre_tokenizers.Sequence:
    """The o200k split, then bytes as printable letters."""
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(O200K_PIECES), behavior="isolated"),
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


def assemble(ranks: dict[str, int]) -> Tokenizer:
    """The tokenizer with these ordinary ids."""
    tokenizer = Tokenizer(models.BPE(ranks, all_merges(ranks), ignore_merges=True))
    tokenizer.pre_tokenizer = byte_level()
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(HARMONY_TOKENS))
    return tokenizer


def load(path: Path) -> Tokenizer:
    """Read a `tokenizer.json`."""
    return Tokenizer.from_file(str(path))
