"""What a route offers: one callable for each operation of a layer, the same on every route.

`plain` defines what each computes, with shapes and dtypes; other routes agree with it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import mlx.core as mx

from mlx_engine.weights import Dense, Experts

Pair = tuple[mx.array, mx.array]


@dataclass(frozen=True, slots=True)
class Operations:
    """Arguments are positional, as `plain` names them."""

    activations: Callable[[mx.Dtype], mx.Dtype]  # the dtype of `x`, from that of the caches
    embed: Callable[[mx.array, mx.array, mx.Dtype], mx.array]
    qkv_rope: Callable[[mx.array, mx.array, float, Dense, Dense, Dense, mx.array, mx.array], Pair]
    full_attention: Callable[[mx.array, mx.array, int, mx.array], mx.array]
    band_attention: Callable[[mx.array, mx.array, mx.array, mx.array], mx.array]
    band_attention_prefill: Callable[[mx.array, mx.array, int, int, mx.array], mx.array]
    attention_out: Callable[[mx.array, mx.array, Dense], mx.array]
    router: Callable[[mx.array, mx.array, float, Dense, int], tuple[mx.array, mx.array, mx.array]]
    experts: Callable[[mx.array, mx.array, mx.array, mx.array, Experts, Experts, float], mx.array]
    unembed: Callable[[mx.array, mx.array, float, Dense], mx.array]
