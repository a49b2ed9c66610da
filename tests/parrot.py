"""A tiny model that gives one answer, whatever it is asked: for tests of what an answer's text does
on its way through the real engine.

Attention and experts add nothing, so that each token decides the next alone: embeddings are unit
vectors and the unembedding maps each to its successor. Drawn greedily, the answer comes in just the
pieces it was given in; a piece is a token and may be part of a character.
"""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.checkpoints import (
    SPECIAL_TOKENS,
    byte_letters,
    published_config,
    to_bf16,
    tokenizer_json,
    write_checkpoint,
)

_SIZE = 384  # of the vocabulary, and as many dimensions
_SURE = 30.0


def write_parrot_checkpoint(folder: Path, pieces: Sequence[bytes]) -> Path:
    """`pieces` are the answer's tokens, none twice."""
    assert len(set(pieces)) == len(pieces)
    config = published_config(
        "tiny", vocab_size=_SIZE, hidden_size=_SIZE, num_hidden_layers=2, intermediate_size=32
    )
    write_checkpoint(folder, config)
    ids = _write_vocabulary(folder, pieces)
    chain = [
        *("assistant", "<|channel|>", "final", "<|message|>"),
        *(f"piece {n}" for n in range(len(pieces))),
        "<|return|>",
    ]
    unit = np.eye(_SIZE, dtype=np.float32)
    unembed = np.zeros((_SIZE, _SIZE), np.float32)
    for name, after in pairwise(chain):
        unembed[ids[after], ids[name]] = _SURE
    _replace(folder, "model.embed_tokens.weight", unit)
    _replace(folder, "lm_head.weight", unembed)
    for layer in range(2):
        prefix = f"model.layers.{layer}"
        for name in ("self_attn.o_proj.weight", "self_attn.o_proj.bias"):
            _replace(folder, f"{prefix}.{name}", None)
        for name in ("down_proj_blocks", "down_proj_bias"):
            _replace(folder, f"{prefix}.mlp.experts.{name}", None)
    return folder


def _write_vocabulary(folder: Path, pieces: Sequence[bytes]) -> dict[str, int]:
    """The tiny vocabulary, with the pieces as its last ordinary tokens. Ids by name."""
    document: dict[str, Any] = tokenizer_json(_SIZE)
    vocabulary, letters = document["model"]["vocab"], byte_letters()
    ids = {name: vocabulary[name] for name in ("assistant", "final")}
    for number, piece in enumerate(pieces):
        token = "".join(letters[byte] for byte in piece)
        ids[f"piece {number}"] = vocabulary.setdefault(token, len(vocabulary))
    room = _SIZE - len(SPECIAL_TOKENS)
    assert len(vocabulary) <= room
    ids |= {name: room + number for number, name in enumerate(SPECIAL_TOKENS)}
    (folder / "tokenizer.json").write_text(json.dumps(document, ensure_ascii=False), "utf-8")
    return ids


def _replace(folder: Path, name: str, values: NDArray[np.float32] | None) -> None:
    """A tensor's values in its file; None is zero."""
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    path = folder / index["weight_map"][name]
    data = bytearray(path.read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    first, last = (start + at for at in json.loads(data[8:start])[name]["data_offsets"])
    data[first:last] = bytes(last - first) if values is None else to_bf16(values).tobytes()
    path.write_bytes(data)
