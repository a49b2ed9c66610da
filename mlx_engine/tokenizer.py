"""Text to token ids and back: byte-pair encoding on tiktoken.

Owns the two vocabularies (o200k as gpt-oss uses it; a checkpoint's own small one) and the names
of the control tokens. Encodes ordinary text only: nothing a person types becomes a control token.
Knows nothing of Harmony's grammar, see `harmony/`.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mlx_engine.errors import CheckpointError, EngineError
from mlx_engine.resources import resource_path

if TYPE_CHECKING:
    import tiktoken

O200K_SIZE = 201_088
_O200K_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"

# How text is cut into pieces before merging; published with tiktoken's o200k_base.
O200K_PIECES = "|".join(
    (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)

# Ids as in tiktoken's o200k_harmony; every other id from 199,998 to 201,087 is reserved.
HARMONY_TOKENS: Mapping[str, int] = MappingProxyType(
    {
        "<|startoftext|>": 199_998,
        "<|endoftext|>": 199_999,
        "<|return|>": 200_002,
        "<|constrain|>": 200_003,
        "<|channel|>": 200_005,
        "<|start|>": 200_006,
        "<|end|>": 200_007,
        "<|message|>": 200_008,
        "<|call|>": 200_012,
    }
)

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode()
# tiktoken's splitter overflows its stack on a run of about a million blanks, so longer runs are
# cut. Below this length the ids are the same with and without the cut being looked for.
_MOST_BLANKS = 900_000
_BLANK_RUN = re.compile(rf"\s{{{_MOST_BLANKS}}}")


class Tokenizer:
    """One vocabulary. `special` maps the names of control tokens to their ids."""

    def __init__(
        self, ranks: Mapping[bytes, int], special: Mapping[str, int], vocabulary_size: int
    ) -> None:
        """`ranks`: bytes of each ordinary token to its id; ids ascend in merge order."""
        self.special: Mapping[str, int] = MappingProxyType(dict(special))
        self.vocabulary_size = vocabulary_size
        self._ranks = dict(ranks)
        self._special_ids = frozenset(special.values())
        self._bytes = {token: text for text, token in ranks.items()}
        self._bytes.update(dict.fromkeys(self._special_ids, b""))

    @classmethod
    def o200k(cls) -> "Tokenizer":
        """gpt-oss's own vocabulary (201,088 ids), from the ranks that travel with the program."""
        path = resource_path("o200k_base.tiktoken")
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != _O200K_SHA256:
            raise EngineError(f"The program's own file {path} is damaged: install Sordino again.")
        lines = (line.split() for line in data.splitlines())
        ranks = {base64.b64decode(text): int(rank) for text, rank in lines}
        reserved = set(range(len(ranks), O200K_SIZE)) - set(HARMONY_TOKENS.values())
        special = {f"<|reserved_{token}|>": token for token in reserved}
        return cls(ranks, {**HARMONY_TOKENS, **special}, O200K_SIZE)

    @classmethod
    def for_checkpoint(cls, folder: Path, vocabulary_size: int) -> "Tokenizer":
        """The vocabulary of the checkpoint in `folder`, whose config says `vocabulary_size`.

        The published size means o200k; any other is read from the folder's `tokenizer.json`.
        Raises CheckpointError.
        """
        if vocabulary_size == O200K_SIZE:
            return cls.o200k()
        path = folder / "tokenizer.json"
        try:
            document = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise CheckpointError(f"{path} is missing: download the model again.") from None
        except OSError as error:
            raise CheckpointError(f"{path} can't be read ({error.strerror}).") from None
        except (ValueError, RecursionError):
            raise _damaged(path, "it is not JSON") from None
        try:
            ranks, special = _read_vocabulary(document, vocabulary_size)
        except _Damage as damage:
            raise _damaged(path, str(damage)) from None
        return cls(ranks, special, vocabulary_size)

    def encode(self, text: str) -> list[int]:
        """Ids of ordinary text; text that spells a control token stays text.

        A lone surrogate, which has no UTF-8, becomes U+FFFD.
        """
        if len(text) <= _MOST_BLANKS:
            return self._encoding.encode_ordinary(text)
        return [i for piece in _cut(text) for i in self._encoding.encode_ordinary(piece)]

    def decode_bytes(self, ids: Iterable[int]) -> bytes:
        """The text of `ids` as UTF-8, perhaps ending inside a character.

        Control tokens have no text. An id outside the vocabulary becomes U+FFFD.
        """
        table = self._bytes
        return b"".join([table.get(token, _REPLACEMENT) for token in ids])

    def is_special(self, token: int) -> bool:
        return token in self._special_ids

    @cached_property
    def _encoding(self) -> "tiktoken.Encoding":
        import tiktoken

        # No special tokens here: what tiktoken doesn't know, no text can turn into.
        return tiktoken.Encoding(
            "sordino", pat_str=O200K_PIECES, mergeable_ranks=self._ranks, special_tokens={}
        )


def _cut(text: str) -> Iterator[str]:
    start = 0
    for run in _BLANK_RUN.finditer(text):
        yield text[start : run.end()]
        start = run.end()
    yield text[start:]


# tokenizer.json ----------------------------------------------------------------------------------


class _Damage(Exception):
    """What is wrong with a tokenizer.json."""


def _damaged(path: Path, what: str) -> CheckpointError:
    return CheckpointError(f"{path} is damaged ({what}): download the model again.")


def _read_vocabulary(
    document: Any, vocabulary_size: int
) -> tuple[dict[bytes, int], dict[str, int]]:
    """Ranks and control tokens of a byte-level BPE in Hugging Face's `tokenizers` format."""
    model = document.get("model") if isinstance(document, dict) else None
    if not isinstance(model, dict) or model.get("type", "BPE") != "BPE":
        raise _Damage("it holds no BPE model")
    special = _read_added_tokens(document.get("added_tokens"))
    vocabulary = model.get("vocab")
    if not isinstance(vocabulary, dict):
        raise _Damage("it holds no vocabulary")
    ranks = {
        _bytes_of(text): token for text, token in vocabulary.items() if special.get(text) != token
    }
    ids = [*ranks.values(), *special.values()]
    # `type` rather than isinstance: JSON's true is an int to Python.
    if any(type(token) is not int or not 0 <= token < vocabulary_size for token in ids):
        raise _Damage(f"an id is not between 0 and {vocabulary_size - 1}")
    if len(set(ids)) < len(ids):
        raise _Damage("two tokens share an id")
    if any(bytes([byte]) not in ranks for byte in range(256)):
        raise _Damage("a byte has no token")
    _check_merge_order(model.get("merges"), vocabulary)
    return ranks, special


def _read_added_tokens(entries: Any) -> dict[str, int]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise _Damage("it holds no control tokens")
    special = {str(entry.get("content")): entry.get("id") for entry in entries}
    missing = sorted(HARMONY_TOKENS.keys() - special.keys())
    if missing:
        raise _Damage(f"control token {missing[0]} is missing")
    return special


def _check_merge_order(merges: Any, vocabulary: Mapping[str, int]) -> None:
    """tiktoken merges by ascending id, the file by the order of its list: they must agree."""
    if not isinstance(merges, list):
        raise _Damage("it holds no merges")
    last = -1
    for merge in merges:
        pair = merge.split(" ") if isinstance(merge, str) else merge
        if not isinstance(pair, list) or not all(isinstance(part, str) for part in pair):
            raise _Damage("a merge is not a pair of tokens")
        token = vocabulary.get("".join(pair), -1)
        if token < last:  # several pairs may make one token, as in files made from ranks
            raise _Damage("its merges are not in the order of their ids")
        last = token


def _alphabet() -> dict[str, int]:
    """GPT-2's one character for each byte: itself where printable, from U+0100 on elsewhere."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = [byte for byte in range(256) if byte not in printable]
    return {
        **{chr(byte): byte for byte in printable},
        **{chr(256 + n): byte for n, byte in enumerate(others)},
    }


_ALPHABET = _alphabet()


def _bytes_of(text: str) -> bytes:
    try:
        return bytes(_ALPHABET[character] for character in text)
    except KeyError:
        raise _Damage(f"token {text!a} is not made of bytes") from None
