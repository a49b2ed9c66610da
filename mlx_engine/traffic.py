"""What one decoded token costs: operations run and bytes moved, counted rather than estimated.

MLX hands out the graph of a step with every shape in it. From that follow the bytes that each
operation takes in and gives out, if nothing is fused, cached or copied beyond it. Set against the
fewest bytes that the weights allow, they show what a route wastes. What the graph doesn't show,
copies of inputs that don't lie in order, is found by looking at them. Nothing of time here.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import mlx.core as mx

from mlx_engine.cache import KeyValueCache
from mlx_engine.checkpoint import published_tensors
from mlx_engine.config import ModelConfig
from mlx_engine.kernels.launch import Arrays, Launch, Launcher, lies_in_order
from mlx_engine.metal_source import read_kernel
from mlx_engine.model import Model

# Operations that only look at an array differently: no launch, no bytes.
_VIEWS = frozenset(
    {
        *("AsStrided", "Broadcast", "BroadcastAxes", "Copy", "ExpandDims", "Flatten", "Reshape"),
        *("Slice", "Split", "Squeeze", "StopGradient", "Transpose", "Unflatten", "View"),
    }
)
_EXPERT_MATRICES = "GatherQMM"  # reads only the matrices that its indices name
_KERNEL = re.compile(r"custom_kernel_(\w+?)__")  # how MLX calls a kernel of our own


@dataclass(frozen=True, slots=True)
class Traffic:
    """One decode step."""

    operations: int  # that compute something; a GPU launches at least one kernel for each
    bytes_moved: int  # in and out of all operations
    kinds: Mapping[str, int]  # how many of each operation


def decode_traffic(model: Model, cache: KeyValueCache) -> Traffic:
    """Traces the step after the tokens in `cache`, which is of no use afterwards: clear it."""
    cache.reserve(cache.offset + 1)  # growing is no part of a step
    held = {  # the part of an input that is read
        "ring": model.config.sliding_window / cache.slots,
        "kv": (cache.offset + 1) / cache.capacity,
    }
    return _traffic(lambda token: model(token, cache, 1), mx.array([0]), held)


def draw_traffic(draw: Callable[[mx.array], mx.array], vocabulary: int) -> Traffic:
    """What it takes to draw a token from its logits."""
    return _traffic(draw, mx.zeros((1, vocabulary)), {})


def _traffic(
    step: Callable[[mx.array], mx.array], argument: mx.array, held: Mapping[str, float]
) -> Traffic:
    mx.eval(argument)
    nodes: list[dict[str, Any]] = []
    mx.export_function(nodes.append, step, argument)
    kinds: dict[str, int] = {}
    moved = 0
    for node in nodes:
        if node["type"] == "primitive" and node["name"] not in _VIEWS:
            kernel = _KERNEL.match(str(node["arguments"][0])) if node["arguments"] else None
            name = kernel[1] if kernel else node["name"]
            kinds[name] = kinds.get(name, 0) + 1
            moved += _bytes_of_kernel(kernel[1], node, held) if kernel else _bytes_of(node)
    return Traffic(sum(kinds.values()), moved, kinds)


@dataclass(slots=True)
class CopyCounter:
    """A launcher that looks at each input before it passes the call on. For a count, not for use:
    it waits for every input."""

    launch: Launcher
    copies: list[str] = field(default_factory=list)  # kernel and input

    def __call__(self, name: str, call: Launch, inputs: Arrays) -> Arrays:
        mx.eval(list(inputs.values()))
        self.copies += [f"{name}: {key}" for key, x in inputs.items() if not lies_in_order(x)]
        return self.launch(name, call, inputs)


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


def _bytes_of_kernel(name: str, node: dict[str, Any], held: Mapping[str, float]) -> int:
    """Of a kernel of our own: of experts and caches it reads the chosen and what is held."""
    inputs = dict(zip(read_kernel(name).inputs, node["inputs"], strict=True))
    shares = dict(held)
    if "blocks" in inputs:
        chosen = math.prod(inputs["chosen"][1]) / inputs["blocks"][1][0]
        shares |= dict.fromkeys(("blocks", "scales", "bias"), min(1.0, chosen))
    read = sum(_nbytes(entry) * shares.get(key, 1.0) for key, entry in inputs.items())
    return round(read) + sum(_nbytes(entry) for entry in node["outputs"])


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
