"""Random gpt-oss checkpoints in the published layout: tiny ones for tests, full-size for benches.

    python -m tests.checkpoints --size 20b FOLDER      13.8 GB in about a minute

Weights are random but scaled like trained ones, so that activations and logits stay of order one
and attention, routing and clamping all have something to decide. Bytes are streamed to disk.
"""

import argparse
import json
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlx_engine.checkpoint import Tensor, published_tensors
from mlx_engine.config import CONFIG_FILE, INDEX_FILE, ModelConfig
from mlx_engine.tokenizer import HARMONY_TOKENS

SPECIAL_TOKENS = tuple(HARMONY_TOKENS)
_WORDS = ("the", "in", "er", "on", "an", "th", " t", " a", "he", "analysis", "final", "assistant")

_POOL = 1 << 20  # random values drawn; larger tensors repeat them, shifted from row to row
_PIECE = 1 << 26  # bytes written at a time


def published_config(size: str, **overrides: Any) -> dict[str, Any]:
    """`config.json` for "tiny", "20b" or "120b"; `overrides` by field, `rope_scaling` in parts."""
    sizes: dict[str, dict[str, Any]] = {
        "tiny": {
            "hidden_size": 64,
            "intermediate_size": 96,
            "vocab_size": 320,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 32,
            "num_local_experts": 4,
            "num_experts_per_tok": 2,
        },
        "20b": {"num_hidden_layers": 24, "num_local_experts": 32},
        "120b": {"num_hidden_layers": 36, "num_local_experts": 128},
    }
    config: dict[str, Any] = {
        "architectures": ["GptOssForCausalLM"],
        "model_type": "gpt_oss",
        "hidden_size": 2880,
        "intermediate_size": 2880,
        "vocab_size": 201088,
        "num_attention_heads": 64,
        "num_key_value_heads": 8,
        "head_dim": 64,
        "sliding_window": 128,
        "num_experts_per_tok": 4,
        "rms_norm_eps": 1e-5,
        "swiglu_limit": 7.0,
        "rope_theta": 150000,
        "max_position_embeddings": 131072,
        "attention_bias": True,
        "tie_word_embeddings": False,
        "quantization_config": {"quant_method": "mxfp4"},
        **sizes[size],
    }
    rope = {
        "rope_type": "yarn",
        "factor": 32.0,
        "beta_fast": 32.0,
        "beta_slow": 1.0,
        "original_max_position_embeddings": 4096,
        "truncate": False,
    }
    config["rope_scaling"] = rope | overrides.pop("rope_scaling", {})
    config |= overrides
    layers = range(config["num_hidden_layers"])
    kinds = ("sliding_attention", "full_attention")
    return {"layer_types": [kinds[number % 2] for number in layers]} | config


def write_tiny_checkpoint(folder: Path, *, seed: int = 0, **config_overrides: Any) -> Path:
    """A checkpoint of 350 kB in three shards, with a vocabulary of its own. Returns `folder`."""
    config = published_config("tiny", **config_overrides)
    return write_checkpoint(folder, config, seed, shard_bytes=1 << 17)


def write_checkpoint(
    folder: Path, config: Mapping[str, Any], seed: int = 0, *, shard_bytes: int = 5 << 30
) -> Path:
    """Write `config` (published fields) with random weights; a new shard after `shard_bytes`."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = published_tensors(ModelConfig.from_json(dict(config)))
    shards: list[dict[str, Tensor]] = [{}]
    for name, tensor in tensors.items():
        if sum(other.nbytes for other in shards[-1].values()) > shard_bytes:
            shards.append({})
        shards[-1][name] = tensor
    rng = np.random.default_rng(seed)
    weight_map: dict[str, str] = {}
    for number, shard in enumerate(shards, start=1):
        file = f"model-{number:05}-of-{len(shards):05}.safetensors"
        _write_shard(folder / file, shard, rng)
        weight_map |= dict.fromkeys(shard, file)
    total = sum(tensor.nbytes for tensor in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / INDEX_FILE).write_text(json.dumps(index, indent=1))
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=1))
    if config["vocab_size"] < 200_000:  # o200k's ranks are part of the engine
        vocabulary = json.dumps(tokenizer_json(config["vocab_size"]), ensure_ascii=False)
        (folder / "tokenizer.json").write_text(vocabulary, encoding="utf-8")
    return folder


def _write_shard(path: Path, tensors: Mapping[str, Tensor], rng: np.random.Generator) -> None:
    header, offset = {}, 0
    for name, tensor in tensors.items():
        end = offset + tensor.nbytes
        header[name] = {
            "dtype": tensor.dtype,
            "shape": tensor.shape,
            "data_offsets": [offset, end],
        }
        offset = end
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(encoded)) + encoded)
        for name, tensor in tensors.items():
            for piece in _random_bytes(name, tensor, rng):
                file.write(piece)


def _random_bytes(name: str, tensor: Tensor, rng: np.random.Generator) -> Iterator[memoryview]:
    """The tensor's bytes, piece by piece."""
    values: NDArray[Any]
    pool = min(_POOL, int(np.prod(tensor.shape)))
    if name.endswith("_blocks"):
        values = rng.integers(0, 256, size=pool, dtype=np.uint8)
    elif name.endswith("_scales"):
        columns = tensor.shape[-1] * 32
        # A uniformly drawn e2m1 value has a standard deviation of 2.93.
        exponent = int(np.round(127 - np.log2(2.93 * np.sqrt(columns))))
        values = rng.integers(exponent - 1, exponent + 2, size=pool, dtype=np.uint8)
    else:
        mean, deviation = _distribution(name, tensor)
        values = to_bf16(rng.normal(mean, deviation, size=pool).astype(np.float32))
    # A pool that is no multiple of a row's length starts every row elsewhere.
    values = values[: len(values) - 1] if len(values) == _POOL else values
    data = values.tobytes()
    left = tensor.nbytes
    whole = memoryview(data * max(1, min(_PIECE, left) // len(data)))
    while left:
        piece = whole[: min(left, len(whole))]
        yield piece
        left -= len(piece)


def _distribution(name: str, tensor: Tensor) -> tuple[float, float]:
    """Mean and standard deviation of a bfloat16 tensor."""
    if "norm" in name:
        return 1.0, 0.1
    if name.endswith("bias"):
        return 0.0, 0.1
    if name.endswith("sinks") or name.startswith("model.embed_tokens"):
        return 0.0, 1.0
    return 0.0, float(tensor.shape[-1]) ** -0.5


def to_bf16(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Round to nearest, ties to even; the bits of bfloat16 are the upper half of float32's."""
    bits = values.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def tokenizer_json(vocabulary_size: int) -> dict[str, Any]:
    """A byte-level BPE vocabulary in Hugging Face's form: bytes, a few merges, the special tokens.

    Ids ascend in merge order; the special tokens are the last of the vocabulary.
    """
    letters = byte_letters()
    vocabulary = {letter: number for number, letter in enumerate(letters)}
    merges: list[tuple[str, str]] = []
    room = vocabulary_size - len(SPECIAL_TOKENS)
    for word in _WORDS:
        left = letters[ord(word[0])]
        for character in word[1:]:
            right = letters[ord(character)]
            if left + right not in vocabulary and len(vocabulary) < room:
                vocabulary[left + right] = len(vocabulary)
                merges.append((left, right))
            if left + right not in vocabulary:
                break
            left += right
    added = [
        {
            "id": room + number,
            "content": name,
            "special": True,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
        }
        for number, name in enumerate(SPECIAL_TOKENS)
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
    return {
        "version": "1.0",
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {"type": "BPE", "vocab": vocabulary, "merges": merges},
    }


def byte_letters() -> list[str]:
    """The printable letter that byte-level BPE writes for each byte, as GPT-2's vocabulary did."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.checkpoints", description=__doc__)
    parser.add_argument("--size", choices=("tiny", "20b", "120b"), default="tiny")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if arguments.size == "tiny":
        write_tiny_checkpoint(arguments.folder, seed=arguments.seed)
    else:
        config = published_config(arguments.size)
        write_checkpoint(arguments.folder, config, arguments.seed)


if __name__ == "__main__":
    main()
