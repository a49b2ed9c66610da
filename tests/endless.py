"""A tiny random model that never stops by itself, for tests that need a turn to be under way.

Every token's embedding has one large coordinate that survives the whole network, and the control
tokens' scores count it heavily against them: only ordinary text is ever drawn.
"""

import json
from pathlib import Path

import numpy as np

from tests.checkpoints import SPECIAL_TOKENS, to_bf16, write_tiny_checkpoint

_LARGE = 40.0


def write_endless_checkpoint(folder: Path, *, seed: int = 0) -> Path:
    """A tiny checkpoint whose turns end by length, context, cancel or repetition alone."""
    write_tiny_checkpoint(folder, seed=seed)
    vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]
    controls = slice(vocabulary - len(SPECIAL_TOKENS), vocabulary)
    _set_column(folder, "model.embed_tokens.weight", slice(None), _LARGE)
    _set_column(folder, "lm_head.weight", controls, -_LARGE)
    return folder


def _set_column(folder: Path, name: str, rows: slice, value: float) -> None:
    """Column 0 of some rows of a bfloat16 matrix, changed in its file."""
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    path = folder / index["weight_map"][name]
    data = bytearray(path.read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    entry = json.loads(data[8:start])[name]
    first, last = (start + offset for offset in entry["data_offsets"])
    matrix = np.frombuffer(data[first:last], np.uint16).reshape(entry["shape"]).copy()
    matrix[rows, 0] = to_bf16(np.array([value], dtype=np.float32))[0]
    data[first:last] = matrix.tobytes()
    path.write_bytes(data)
