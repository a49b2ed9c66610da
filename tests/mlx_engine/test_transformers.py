"""The network against transformers' own GptOssForCausalLM, where that is installed.

In float32 the two agree to rounding; in bfloat16 ours lies no further from their float32 run than
their own bfloat16 run does.
"""

from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from numpy.typing import NDArray

from mlx_engine.cache import KeyValueCache
from mlx_engine.checkpoint import Checkpoint
from mlx_engine.kernels import PLAIN
from mlx_engine.model import Model
from tests.checkpoints import write_tiny_checkpoint
from tests.reference import disagreement

pytestmark = [pytest.mark.full, pytest.mark.filterwarnings("ignore")]

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

LENGTHS = (1, 5, 127, 128, 129, 300)


def tokens_of(length: int) -> list[int]:
    drawn = np.random.default_rng(length).integers(0, 320, length)
    return [int(token) for token in drawn]


def theirs(folder: Path, dtype: str) -> Any:
    return transformers.GptOssForCausalLM.from_pretrained(
        folder,
        quantization_config=transformers.Mxfp4Config(dequantize=True),
        dtype=getattr(torch, dtype),
        attn_implementation="eager",
    )


def their_logits(network: Any, tokens: list[int]) -> NDArray[Any]:
    with torch.no_grad():
        return np.asarray(network(torch.tensor([tokens])).logits[0].float().numpy())


def our_logits(folder: Path, dtype: mx.Dtype, tokens: list[int]) -> NDArray[Any]:
    opened = Checkpoint.open(folder)
    network, cache = (
        Model(opened.config, opened.weights, dtype, PLAIN),
        KeyValueCache(opened.config, dtype),
    )
    pieces = [network(mx.array(tokens[n : n + 512]), cache) for n in range(0, len(tokens), 512)]
    return np.array(mx.concatenate(pieces))


@pytest.mark.parametrize(
    ("original_length", "truncate", "lengths"),
    [(64, False, LENGTHS), (64, True, (300,)), (4096, False, (300, 4400))],
)
def test_logits_agree(
    tmp_path: Path, original_length: int, truncate: bool, lengths: tuple[int, ...]
) -> None:
    rope = {"original_max_position_embeddings": original_length, "truncate": truncate}
    folder = write_tiny_checkpoint(tmp_path, seed=original_length, rope_scaling=rope)
    exact, rough = theirs(folder, "float32"), theirs(folder, "bfloat16")
    for length in lengths:
        tokens = tokens_of(length)
        wanted = their_logits(exact, tokens)
        assert disagreement(our_logits(folder, mx.float32, tokens), wanted) < 5e-6
        noise = disagreement(their_logits(rough, tokens), wanted)
        assert disagreement(our_logits(folder, mx.bfloat16, tokens), wanted) < noise
