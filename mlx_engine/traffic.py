"""What one decoded token costs: operations run and bytes moved, counted rather than estimated.

MLX hands out the graph of a step with every shape in it. From that follow the bytes that each
operation takes in and gives out, if nothing is fused, cached or copied beyond it. Set against the
fewest bytes that the weights allow, they show what a route wastes. Knows graphs; nothing of time.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mlx.core as mx

from mlx_engine.cache import KeyValueCache
from mlx_engine.checkpoint import published_tensors
from mlx_engine.config import ModelConfig
from mlx_engine.model import Model

# Operations that only look at an array differently: no launch, no bytes.
_VIEWS = frozenset(
    {
        *("AsStrided", "Broadcast", "BroadcastAxes", "Copy", "ExpandDims", "Flatten", "Reshape"),
        *("Slice", "Split", "Squeeze", "StopGradient", "Transpose", "Unflatten", "View"),
    }
)
_EXPERT_MATRICES = "GatherQMM"  # reads only the matrices that its indices name


@dataclass(frozen=True, slots=True)
class Traffic:
    """One decode step."""

    operations: int  # that compute something; a GPU launches at least one kernel for each
    bytes_moved: int  # in and out of all operations
    kinds: Mapping[str, int]  # how many of each operation


def decode_traffic(model: Model, cache: KeyValueCache) -> Traffic:
    """Traces the step after the tokens in `cache`, which is of no use afterwards: clear it."""
    nodes: list[dict[str, Any]] = []
    mx.export_function(nodes.append, lambda token: model(token, cache, 1), mx.array([0]))
    kinds: dict[str, int] = {}
    moved = 0
    for node in nodes:
        if node["type"] == "primitive" and node["name"] not in _VIEWS:
            kinds[node["name"]] = kinds.get(node["name"], 0) + 1
            moved += _bytes_of(node)
    return Traffic(sum(kinds.values()), moved, kinds)


def least_bytes(config: ModelConfig) -> int:
    """What a token can't do without: each weight it uses, as published, once.

    Of the experts those that are chosen, of the embedding one row. Keys and values come on top.
    """
    total = 0.0
    for name, tensor in published_tensors(config).items():
        if ".mlp.experts." in name:
            total += tensor.nbytes * config.num_experts_per_tok / config.num_local_experts
        elif name == "model.embed_tokens.weight":
            total += tensor.nbytes / config.vocab_size
        else:
            total += tensor.nbytes
    return round(total)


def _bytes_of(node: dict[str, Any]) -> int:
    inputs: list[int] = [_nbytes(entry) for entry in node["inputs"]]
    out: int = sum(_nbytes(entry) for entry in node["outputs"])
    if node["name"] == _EXPERT_MATRICES:
        experts: int = node["inputs"][1][1][0]
        chosen: int = math.prod(node["inputs"][-1][1])
        matrices: float = sum(inputs[1:-2]) * min(1.0, chosen / experts)
        return inputs[0] + round(matrices) + sum(inputs[-2:]) + out
    if node["name"].startswith("Gather"):
        return 2 * out  # only the rows that are taken
    if node["name"] in ("SliceUpdate", "DynamicSliceUpdate"):
        return 2 * inputs[1]  # in place, where nothing else holds the array
    return sum(inputs) + out


def _nbytes(entry: tuple[str, tuple[int, ...], mx.Dtype]) -> int:
    _, shape, dtype = entry
    return math.prod(shape) * int(dtype.size)
