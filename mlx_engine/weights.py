"""A checkpoint's weights, gathered as the network uses them. Views of what was read, no copies.

Knows the published names and nothing of how they are read or multiplied. Arrays are MLX's, and
typed so; for the CPU route they are NumPy's views of the mapped files, bfloat16 as uint16, which
only that route's operations look into.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import mlx.core as mx
import numpy as np

from mlx_engine.config import ModelConfig

Published: TypeAlias = Mapping[str, Any]  # arrays of either kind by their published names


@dataclass(frozen=True, slots=True)
class Dense:
    """`weight`: (out, in); `bias`: (out,)."""

    weight: mx.array
    bias: mx.array | None = None


@dataclass(frozen=True, slots=True)
class Experts:
    """One matrix (rows, columns) for each expert, in MXFP4.

    `blocks`: uint32 (experts, rows, columns / 8), eight e2m1 values each, the first in the lowest
    bits; `scales`: uint8 (experts, rows, columns / 32), exponents biased by 127; `bias`:
    (experts, rows).
    """

    blocks: mx.array
    scales: mx.array
    bias: mx.array

    @property
    def count(self) -> int:
        return self.blocks.shape[0]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer's weights, by what they do."""

    banded: bool
    attention_norm: mx.array
    q: Dense
    k: Dense
    v: Dense
    out: Dense
    sinks: mx.array
    experts_norm: mx.array
    router: Dense
    gate_up: Experts
    down: Experts


@dataclass(frozen=True, slots=True)
class Weights:
    """All of a model's weights."""

    embedding: mx.array
    layers: tuple[Layer, ...]
    norm: mx.array
    unembedding: Dense

    @classmethod
    def gather(cls, config: ModelConfig, published: Published) -> "Weights":
        """`published` is as validated by `checkpoint`."""
        return cls(
            embedding=published["model.embed_tokens.weight"],
            layers=tuple(
                _layer(published, f"model.layers.{number}.", banded=kind == "sliding_attention")
                for number, kind in enumerate(config.layer_types)
            ),
            norm=published["model.norm.weight"],
            unembedding=Dense(published["lm_head.weight"]),
        )


def _layer(published: Published, prefix: str, *, banded: bool) -> Layer:
    def dense(name: str) -> Dense:
        return Dense(published[f"{prefix}{name}.weight"], published[f"{prefix}{name}.bias"])

    def experts(name: str) -> Experts:
        blocks, scales, bias = (
            published[f"{prefix}mlp.experts.{name}_{part}"] for part in ("blocks", "scales", "bias")
        )
        return Experts(_words(blocks), scales, bias)

    return Layer(
        banded=banded,
        attention_norm=published[f"{prefix}input_layernorm.weight"],
        q=dense("self_attn.q_proj"),
        k=dense("self_attn.k_proj"),
        v=dense("self_attn.v_proj"),
        out=dense("self_attn.o_proj"),
        sinks=published[f"{prefix}self_attn.sinks"],
        experts_norm=published[f"{prefix}post_attention_layernorm.weight"],
        router=dense("mlp.router"),
        gate_up=experts("gate_up_proj"),
        down=experts("down_proj"),
    )


def _words(blocks: Any) -> Any:
    """uint8 (experts, rows, columns / 32, 16) → uint32 (experts, rows, columns / 8), as it lies."""
    flat = blocks.reshape(*blocks.shape[:2], -1)
    return flat.view(mx.uint32 if isinstance(flat, mx.array) else np.uint32)
