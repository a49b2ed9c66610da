"""What a model needs of a device's memory, what the device gives, and what follows from both.

Owns the sums and the words: a model that doesn't fit is refused before it is loaded, because a
Mac that runs out of memory for its GPU freezes. Knows shapes and sizes, not the network.

Refusing early matters elsewhere too: on a CPU, MLX does not check what `malloc` gives it and the
process dies, or the system kills it.

Sizes are shown as macOS shows memory: a "16 GB" Mac has 16 · 2^30 bytes.
"""

import math
import os
import platform
import re
import resource
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import mlx.core as mx

from mlx_engine.cache import SNAPSHOT_BYTES, SPARE_SLOTS
from mlx_engine.config import ModelConfig
from mlx_engine.errors import BadRequest, OutOfMemory

Route = Literal["metal", "cuda", "cpu"]

LEAST_CONTEXT = 4096  # tokens; with less, a conversation is over before it has begun

_PROCESS_BYTES = 256 << 20  # Python, MLX, the vocabulary
_LEAST_EXTRA_BYTES = 860 << 20  # what 120b needs for LEAST_CONTEXT beside its weights; 20b: 805 MB
_SYSTEM_BYTES = 2 << 30  # left to everything else where the device names no limit of its own
_CONTEXT_STEP = 1024
_CHUNK = 512  # tokens that prefill takes at a time
_OUT_OF_MEMORY = re.compile(r"malloc|out of memory|outofmemory|insufficient memory|bad_alloc", re.I)


@dataclass(frozen=True, slots=True)
class Device:
    """Where the arithmetic runs."""

    name: str  # "Apple M2 Max", "NVIDIA H200", "AMD EPYC"
    route: Route
    memory_bytes: int  # that it has
    limit_bytes: int  # that it lets one process hold
    free_bytes: int  # of the limit, as far as the system says; never below 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a model will hold at most, with a context of `context` tokens."""

    context: int
    weight_bytes: int
    cache_bytes: int  # keys, values and snapshots when the context is full
    working_bytes: int  # activations of one prefill chunk, and the process itself

    @property
    def total_bytes(self) -> int:
        return self.weight_bytes + self.cache_bytes + self.working_bytes


def device(held_bytes: int = 0) -> Device:
    """The device that MLX uses by default, as it is now.

    `held_bytes` that this process has taken and will give back count as free.
    """
    info = mx.device_info()
    name = str(info.get("device_name", platform.processor()))
    if mx.metal.is_available():
        limit = int(info["max_recommended_working_set_size"])
        free = max(0, limit - mx.get_active_memory() + held_bytes)
        return Device(name, "metal", int(info["memory_size"]), limit, free)
    if mx.cuda.is_available():
        total = int(info["total_memory"])
        free = int(info["free_memory"]) + held_bytes
        return Device(name, "cuda", total, total - total // 16, free)
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = total - min(_SYSTEM_BYTES, total // 8)
    return Device(name, "cpu", total, limit, _available_bytes(limit) + held_bytes)


def plan(
    config: ModelConfig,
    weight_bytes: int,
    target: Device,
    *,
    name: str,
    context: int | None = None,
) -> Plan:
    """The plan for `context` tokens, or for the most that the model and the device allow.

    More than the model was made for is cut to that: the caller shows `Plan.context`. `name` is
    the model's, for the words. Raises BadRequest for a senseless context, OutOfMemory with what
    is needed, what there is, and what to do.
    """
    if context is not None and context < 1:
        raise BadRequest(f"A context of {context} tokens makes no sense; choose 1 or more.")
    most = min(config.max_position_embeddings, context or config.max_position_embeddings)
    wanted = _need(config, weight_bytes, most)
    usable = min(target.limit_bytes, target.free_bytes)
    if wanted.total_bytes <= usable:
        return wanted
    fixed = _need(config, weight_bytes, 0).total_bytes
    fitting = max(0, usable - fixed) // cache_bytes_per_token(config)
    fitting -= fitting % _CONTEXT_STEP
    least = min(LEAST_CONTEXT, config.max_position_embeddings)
    if context is None and fitting >= least:
        return _need(config, weight_bytes, fitting)
    if fitting >= least:
        raise OutOfMemory(
            f"A context of {most:,} tokens with {name} needs {_at_least(wanted.total_bytes)} of "
            f"memory; this machine gives {_at_most(usable)}. "
            f"Choose a context of {fitting:,} tokens or less in Settings."
        )
    smallest = _need(config, weight_bytes, least).total_bytes
    if smallest <= target.limit_bytes:
        raise OutOfMemory(
            f"{name} needs {_at_least(smallest)} of memory and only {_at_most(usable)} is free "
            "now. Close other apps and try again, or choose a smaller model."
        )
    raise OutOfMemory(
        f"{name} needs {_at_least(smallest)} of memory; this machine gives a model "
        f"{_at_most(target.limit_bytes)} of its {gigabytes(target.memory_bytes)}. "
        "Choose a smaller model."
    )


def ensure_room(config: ModelConfig, positions: int, held_bytes: int, target: Device) -> None:
    """Raises OutOfMemory if a conversation of `positions` tokens would outgrow the free memory.

    `held_bytes` of its keys and values there are already.
    """
    grown = _need(config, 0, positions)
    needed = max(0, positions * cache_bytes_per_token(config) - held_bytes)
    needed += grown.working_bytes - _PROCESS_BYTES
    if needed > target.free_bytes:
        raise OutOfMemory(
            f"A conversation of {positions:,} tokens needs {_at_least(needed)} more memory and "
            f"only {_at_most(target.free_bytes)} is free now. Close other apps and try again, or "
            "start a shorter chat."
        )


def fits(weight_bytes: int, target: Device) -> bool:
    """Whether a gpt-oss of this size can ever be loaded here; only `plan` knows exactly."""
    return weight_bytes + _LEAST_EXTRA_BYTES <= target.limit_bytes


def respect(accepted: Plan, target: Device) -> None:
    """Tell MLX the limits of a plan: before anything is loaded.

    On Metal the model may be wired, kept from being swapped out, but never beyond what the device
    recommends: wiring more is what freezes a Mac. Freed buffers are kept for reuse only up to
    the size of the working memory.
    """
    if target.route == "metal":
        mx.set_wired_limit(min(accepted.total_bytes, target.limit_bytes))
    mx.set_memory_limit(target.limit_bytes)
    mx.set_cache_limit(accepted.working_bytes)


def cache_bytes_per_token(config: ModelConfig) -> int:
    """Bytes of keys and values that each token adds: bfloat16, in the full layers alone."""
    full = sum(kind == "full_attention" for kind in config.layer_types)
    return max(1, full * _token_bytes(config))


def peak_bytes() -> int:
    """The most memory this process has held so far, resident or, on a GPU, in MLX's hands."""
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024  # getrusage(2) of each system
    return max(resident * unit, mx.get_peak_memory())


def is_out_of_memory(error: BaseException) -> bool:
    """Whether MLX, or Python, failed for want of memory. MLX says so only in its words."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, RuntimeError) and bool(_OUT_OF_MEMORY.search(str(error)))


def gigabytes(count: int) -> str:
    return f"{count / 2**30:.1f} GB"


def _at_least(count: int) -> str:
    """Rounded up, as `_at_most` rounds down: what is needed never looks like what there is."""
    return f"{math.ceil(10 * count / 2**30) / 10} GB"


def _at_most(count: int) -> str:
    return f"{math.floor(10 * count / 2**30) / 10} GB"


def _need(config: ModelConfig, weight_bytes: int, context: int) -> Plan:
    banded = sum(kind == "sliding_attention" for kind in config.layer_types)
    rings = banded * (config.sliding_window + SPARE_SLOTS) * _token_bytes(config)
    return Plan(
        context=context,
        weight_bytes=weight_bytes,
        cache_bytes=context * cache_bytes_per_token(config) + 2 * rings + SNAPSHOT_BYTES,
        working_bytes=_PROCESS_BYTES + _CHUNK * _activation_bytes(config),
    )


def _token_bytes(config: ModelConfig) -> int:
    """Bytes of one layer's key and value of one token, in bfloat16."""
    return 2 * 2 * config.num_key_value_heads * config.head_dim


def _activation_bytes(config: ModelConfig) -> int:
    """An upper estimate of what one token of a chunk holds while a layer is computed, float32."""
    experts = config.num_experts_per_tok * (4 * config.intermediate_size + 2 * config.hidden_size)
    attention = 4 * config.num_attention_heads * config.head_dim + 4 * config.hidden_size
    return 4 * (experts + attention)


def _available_bytes(otherwise: int) -> int:
    """What Linux says can be had without swapping; macOS has no such figure."""
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.M)
    except OSError:
        return otherwise
    return int(found[1]) * 1024 if found else otherwise
