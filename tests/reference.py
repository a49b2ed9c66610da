"""gpt-oss in float64 NumPy, written from the definitions: slow, plain, and sharing no code.

What `mlx_engine` computes is held against this. One sequence, no cache, no batch; every layer is
a few lines of the model card (arXiv 2508.10925) and of YaRN (arXiv 2309.00071).
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])


def read_weights(folder: Path) -> dict[str, NDArray[Any]]:
    """All shards of a checkpoint: bfloat16 widened to float64, uint8 as it is."""
    weights: dict[str, NDArray[Any]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        data = path.read_bytes()
        start = 8 + int.from_bytes(data[:8], "little")
        for name, entry in json.loads(data[8:start]).items():
            first, last = (start + offset for offset in entry["data_offsets"])
            weights[name] = _decode(data[first:last], entry["dtype"]).reshape(entry["shape"])
    return weights


def _decode(data: bytes, dtype: str) -> NDArray[Any]:
    if dtype == "U8":
        return np.frombuffer(data, np.uint8)
    bits = np.frombuffer(data, np.uint16).astype(np.uint32) << 16
    return bits.view(np.float32).astype(np.float64)


def mxfp4(blocks: NDArray[np.uint8], scales: NDArray[np.uint8]) -> Floats:
    """(…, rows, blocks, 16) and (…, rows, blocks) → (…, rows, 32 · blocks)."""
    nibbles = np.stack([blocks & 15, blocks >> 4], axis=-1)  # low nibble first
    values = _E2M1[nibbles] * np.exp2(scales.astype(np.float64) - 127)[..., None, None]
    return np.asarray(values.reshape(*blocks.shape[:-2], -1))


def yarn_frequencies(config: Mapping[str, Any]) -> Floats:
    """Radians a token for each pair of a head."""
    yarn, size, base = config["rope_scaling"], config["head_dim"], float(config["rope_theta"])
    frequencies = []
    for pair in range(size // 2):
        plain = base ** (-2 * pair / size)
        # The pair at which a full turn fits `beta` times into the original length.
        fast, slow = (
            size
            * math.log(yarn["original_max_position_embeddings"] / (yarn[beta] * 2 * math.pi))
            / (2 * math.log(base))
            for beta in ("beta_fast", "beta_slow")
        )
        fast, slow = max(fast, 0), min(slow, size - 1)
        stretched = min(max((pair - fast) / (slow - fast), 0), 1)
        frequencies.append(plain / yarn["factor"] * stretched + plain * (1 - stretched))
    return np.array(frequencies)


def logits(
    weights: Mapping[str, NDArray[Any]], config: Mapping[str, Any], tokens: list[int]
) -> Floats:
    """Scores of what follows each token: (len(tokens), vocabulary)."""
    positions = np.arange(len(tokens))
    # The published models' angles are float32 products; in long contexts that rounding shows.
    angles = (positions[:, None] * yarn_frequencies(config).astype(np.float32)).astype(np.float32)
    concentration = 0.1 * math.log(config["rope_scaling"]["factor"]) + 1
    cosines = concentration * np.cos(angles.astype(np.float64))
    sines = concentration * np.sin(angles.astype(np.float64))
    x = weights["model.embed_tokens.weight"][tokens]
    for number, kind in enumerate(config["layer_types"]):
        prefix = f"model.layers.{number}."
        layer = {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}
        window = config["sliding_window"] if kind == "sliding_attention" else len(tokens)
        distance = positions[:, None] - positions
        hidden = (distance < 0) | (distance >= window)
        x = x + _attention(x, layer, config, cosines, sines, hidden)
        x = x + _experts(x, layer, config)
    out: Floats = _norm(x, weights["model.norm.weight"], config) @ weights["lm_head.weight"].T
    return out


def _norm(x: Floats, weight: Floats, config: Mapping[str, Any]) -> Floats:
    mean_square = (x * x).mean(axis=-1, keepdims=True)
    out: Floats = x / np.sqrt(mean_square + config["rms_norm_eps"]) * weight
    return out


def _attention(
    x: Floats,
    layer: Mapping[str, Floats],
    config: Mapping[str, Any],
    cosines: Floats,
    sines: Floats,
    hidden: NDArray[np.bool_],
) -> Floats:
    size = config["head_dim"]
    x = _norm(x, layer["input_layernorm.weight"], config)
    q, k, v = (
        x @ layer[f"self_attn.{name}_proj.weight"].T + layer[f"self_attn.{name}_proj.bias"]
        for name in "qkv"
    )
    queries_per_key = config["num_attention_heads"] // config["num_key_value_heads"]
    heads = []
    for head in range(config["num_attention_heads"]):
        group = head // queries_per_key
        query = _rotate(q[:, head * size : (head + 1) * size], cosines, sines)
        key = _rotate(k[:, group * size : (group + 1) * size], cosines, sines)
        scores = query @ key.T / math.sqrt(size)
        scores[hidden] = -np.inf
        sink = np.full((len(x), 1), layer["self_attn.sinks"][head])
        shares = _softmax(np.concatenate([scores, sink], axis=1))[:, :-1]
        heads.append(shares @ v[:, group * size : (group + 1) * size])
    out = np.concatenate(heads, axis=1)
    return out @ layer["self_attn.o_proj.weight"].T + layer["self_attn.o_proj.bias"]


def _rotate(x: Floats, cosines: Floats, sines: Floats) -> Floats:
    first, second = np.split(x, 2, axis=1)
    return np.concatenate(
        [first * cosines - second * sines, second * cosines + first * sines], axis=1
    )


def _experts(x: Floats, layer: Mapping[str, NDArray[Any]], config: Mapping[str, Any]) -> Floats:
    x = _norm(x, layer["post_attention_layernorm.weight"], config)
    matrices = {
        name: mxfp4(layer[f"mlp.experts.{name}_blocks"], layer[f"mlp.experts.{name}_scales"])
        for name in ("gate_up_proj", "down_proj")
    }
    scores = x @ layer["mlp.router.weight"].T + layer["mlp.router.bias"]
    limit = config["swiglu_limit"]
    out = np.zeros_like(x)
    for token, row in enumerate(x):
        chosen = np.argsort(-scores[token])[: config["num_experts_per_tok"]]
        for expert, share in zip(chosen, _softmax(scores[token, chosen]), strict=True):
            both = matrices["gate_up_proj"][expert] @ row
            both = both + layer["mlp.experts.gate_up_proj_bias"][expert]
            gate, up = np.minimum(both[::2], limit), np.clip(both[1::2], -limit, limit)
            inner = gate / (1 + np.exp(-1.702 * gate)) * (up + 1)
            down = matrices["down_proj"][expert] @ inner
            out[token] += share * (down + layer["mlp.experts.down_proj_bias"][expert])
    return out


def _softmax(x: Floats) -> Floats:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def disagreement(found: NDArray[Any], wanted: NDArray[Any]) -> float:
    """90th percentile over positions of the rms difference, over the reference's spread.

    Both (positions, vocabulary); the spread is the reference's standard deviation.
    """
    difference = np.asarray(found, np.float64) - np.asarray(wanted, np.float64)
    rms = np.sqrt((difference**2).mean(axis=1))
    return float(np.quantile(rms, 0.9) / np.asarray(wanted, np.float64).std())
