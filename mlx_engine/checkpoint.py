"""A published gpt-oss checkpoint: from a folder to validated arrays, exactly as they lie there.

Owns the names, dtypes and shapes of the published files and how their bytes reach MLX; knows
nothing of what the network does with them. Nothing is converted, repacked or held twice.

`inspect` reads headers alone. The `safetensors` package parses them, because it refuses what
MLX's own loader would hang or crash on, and every tensor must be the one that the config calls
for before a byte of it is used.
"""

import json
import math
import mmap
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from mlx_engine.config import INDEX_FILE, MXFP4_BLOCK, ModelConfig
from mlx_engine.errors import CheckpointError, ModelNotFound
from mlx_engine.memory import is_out_of_memory
from mlx_engine.weights import Published

SINGLE_FILE = "model.safetensors"

_INDEX_BYTES = 1 << 26
_MLX_DTYPES = {"BF16": mx.bfloat16, "U8": mx.uint8}
_NUMPY_DTYPES = {"BF16": np.uint16, "U8": np.uint8}  # NumPy has no bfloat16
_BYTES = {"BF16": 2, "U8": 1}
_WORTH_MAPPING = 1 << 20  # bytes; smaller tensors are copied, not worth a Metal buffer of their own


@dataclass(frozen=True, slots=True)
class Tensor:
    """What one tensor must be, or is. `dtype` in safetensors' spelling."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * _BYTES[self.dtype]


@dataclass(frozen=True, slots=True)
class Shard:
    """One file. `tensors` are in the order of their bytes, which follow each other without gaps."""

    path: Path
    tensors: Mapping[str, Tensor]

    def placed(self) -> Iterator[tuple[str, Tensor, int]]:
        """Each tensor with the offset of its first byte in the file."""
        with self.path.open("rb") as file:
            offset = 8 + int.from_bytes(file.read(8), "little")  # an 8-byte length, the header
        for name, tensor in self.tensors.items():
            yield name, tensor, offset
            offset += tensor.nbytes


@dataclass(frozen=True, slots=True)
class Inventory:
    """A checkpoint whose headers hold together, before any weight is read."""

    folder: Path
    config: ModelConfig
    shards: tuple[Shard, ...]

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for shard in self.shards for tensor in shard.tensors.values())


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`weights` by their published names: bfloat16, and uint8 for MXFP4 blocks and scales."""

    folder: Path
    config: ModelConfig
    weights: Published
    nbytes: int

    @classmethod
    def open(
        cls,
        folder: Path,
        progress: Callable[[float], None] | None = None,
        *,
        for_numpy: bool = False,
    ) -> "Checkpoint":
        """Read, or on Metal map, every weight. `progress` gets the share done, 0 to 1.

        `for_numpy` maps them as NumPy's arrays, bfloat16 as uint16: MLX on a CPU can't take memory
        that it did not allocate.

        Raises ModelNotFound if there is no such folder, CheckpointError for anything wrong in it.
        When the memory runs out, MLX's error goes through.
        """
        inventory = inspect(folder)
        if for_numpy:
            take: Callable[[Shard], Iterator[tuple[str, Any]]] = _mapped_for_numpy
        else:
            take = _mapped if mx.metal.is_available() else _read
        weights: dict[str, Any] = {}
        done, total = 0, inventory.nbytes
        for shard in inventory.shards:
            try:
                for name, array in take(shard):
                    weights[name] = array
                    done += array.nbytes
                    if progress is not None:
                        progress(done / total)
            except (OSError, RuntimeError) as error:
                if is_out_of_memory(error):
                    raise
                raise CheckpointError(f"{shard.path} can't be read: {error}") from error
        return cls(folder, inventory.config, weights, total)


def inspect(folder: Path) -> Inventory:
    """Check a checkpoint by its config, index and headers. Errors as in `Checkpoint.open`."""
    if not folder.is_dir():
        raise ModelNotFound(f"{folder} is not a folder; choose one with a gpt-oss checkpoint.")
    config = ModelConfig.read(folder)
    placement = _placement(folder)
    shards = tuple(Shard(path, _header(path, names)) for path, names in sorted(placement.items()))
    found = {name: tensor for shard in shards for name, tensor in shard.tensors.items()}
    _compare(found, published_tensors(config), folder)
    return Inventory(folder, config, shards)


def published_tensors(config: ModelConfig) -> dict[str, Tensor]:
    """Every tensor of a published checkpoint with this config."""
    hidden, inner, experts = config.hidden_size, config.intermediate_size, config.num_local_experts
    queries = config.num_attention_heads * config.head_dim
    keys = config.num_key_value_heads * config.head_dim
    layer = {
        "input_layernorm.weight": _bf16(hidden),
        "post_attention_layernorm.weight": _bf16(hidden),
        "self_attn.q_proj.weight": _bf16(queries, hidden),
        "self_attn.q_proj.bias": _bf16(queries),
        "self_attn.k_proj.weight": _bf16(keys, hidden),
        "self_attn.k_proj.bias": _bf16(keys),
        "self_attn.v_proj.weight": _bf16(keys, hidden),
        "self_attn.v_proj.bias": _bf16(keys),
        "self_attn.o_proj.weight": _bf16(hidden, queries),
        "self_attn.o_proj.bias": _bf16(hidden),
        "self_attn.sinks": _bf16(config.num_attention_heads),
        "mlp.router.weight": _bf16(experts, hidden),
        "mlp.router.bias": _bf16(experts),
        **_mxfp4("mlp.experts.gate_up_proj", experts, 2 * inner, hidden),
        **_mxfp4("mlp.experts.down_proj", experts, hidden, inner),
    }
    return {
        "model.embed_tokens.weight": _bf16(config.vocab_size, hidden),
        **{
            f"model.layers.{number}.{name}": tensor
            for number in range(config.num_hidden_layers)
            for name, tensor in layer.items()
        },
        "model.norm.weight": _bf16(hidden),
        "lm_head.weight": _bf16(config.vocab_size, hidden),
    }


def _bf16(*shape: int) -> Tensor:
    return Tensor("BF16", shape)


def _mxfp4(name: str, experts: int, rows: int, columns: int) -> dict[str, Tensor]:
    blocks = columns // MXFP4_BLOCK
    return {
        f"{name}_blocks": Tensor("U8", (experts, rows, blocks, MXFP4_BLOCK // 2)),
        f"{name}_scales": Tensor("U8", (experts, rows, blocks)),
        f"{name}_bias": _bf16(experts, rows),
    }


def _placement(folder: Path) -> dict[Path, set[str] | None]:
    """The shards, and the tensors that the index promises in each (None: there is no index)."""
    index = folder / INDEX_FILE
    if not index.exists():
        if (folder / SINGLE_FILE).exists():
            return {folder / SINGLE_FILE: None}
        raise CheckpointError(f"{folder} has no {INDEX_FILE}; fetch the checkpoint again.")
    try:
        if index.stat().st_size > _INDEX_BYTES:
            raise CheckpointError(f"{index} is far too large for an index; fetch it again.")
        weight_map = json.loads(index.read_bytes())["weight_map"]
        places = [(name, file) for name, file in weight_map.items() if isinstance(file, str)]
    except OSError as error:
        raise CheckpointError(f"{index} can't be read: {error.strerror}.") from None
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        raise CheckpointError(f"{index} is not an index of shards; fetch it again.") from None
    shards: dict[Path, set[str] | None] = {}
    promised: dict[str, set[str]] = {}
    for name, file in places:
        promised.setdefault(file, set()).add(name)
    if not places or len(places) != len(weight_map):
        raise CheckpointError(f"{index} is not an index of shards; fetch it again.")
    for file, names in promised.items():
        if Path(file).name != file or not file.endswith(".safetensors"):
            raise CheckpointError(f"{index} names {file!r:.80}, which can't be a shard.")
        shards[folder / file] = names
    return shards


def _header(path: Path, promised: set[str] | None) -> dict[str, Tensor]:
    """The tensors of one shard, in the order of their bytes, as its header describes them."""
    if not os.path.isfile(path):  # false, too, for a name that no file can have
        raise CheckpointError(f"{path} is missing; fetch the checkpoint again.")
    try:
        with safe_open(path, framework="numpy") as shard:
            names = shard.offset_keys()
            slices = {name: shard.get_slice(name) for name in names}
            tensors = {
                name: Tensor(view.get_dtype(), tuple(view.get_shape()))
                for name, view in slices.items()
            }
        _refuse_names_told_twice(path)
    except (SafetensorError, OSError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(
            f"{path} is damaged or cut short ({reason:.120}); fetch it again."
        ) from None
    if promised is not None and promised != tensors.keys():
        name = min(promised ^ tensors.keys())
        where = "the index alone" if name in promised else "the shard alone"
        raise CheckpointError(
            f"{INDEX_FILE} and {path.name} disagree: {name!r:.80} is in {where}; "
            "fetch the checkpoint again."
        )
    return tensors


def _refuse_names_told_twice(path: Path) -> None:
    """The one flaw in a header that `safe_open` lets pass: the last of them would count."""

    def unique(pairs: list[tuple[str, object]]) -> None:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a name appears twice in its header")

    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        json.loads(file.read(length), object_pairs_hook=unique)


def _compare(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], folder: Path) -> None:
    for name in wanted:
        if name not in found:
            raise CheckpointError(f"{folder} lacks the tensor {name}; fetch the checkpoint again.")
    for name, tensor in found.items():
        if name not in wanted:
            raise CheckpointError(
                f"{folder} holds {name!r:.80}, which is not part of gpt-oss; "
                "choose a checkpoint as published."
            )
        if tensor != wanted[name]:
            raise CheckpointError(
                f"{name} in {folder} is {_spelt(tensor)} where the config calls for "
                f"{_spelt(wanted[name])}; choose a checkpoint as published."
            )


def _spelt(tensor: Tensor) -> str:
    return f"{tensor.dtype:.20} {list(tensor.shape)!s:.80}"


def _read(shard: Shard) -> Iterator[tuple[str, mx.array]]:
    """Each tensor read once, straight to its place: MLX reads a lazy array when it is evaluated."""
    lazy = mx.load(str(shard.path))
    assert isinstance(lazy, dict)
    for name in shard.tensors:
        array = lazy.pop(name)
        mx.eval(array)
        yield name, array


def _mapped(shard: Shard) -> Iterator[tuple[str, mx.array]]:
    """Each tensor as a view of the mapped file, on a machine with Metal.

    Metal wraps whole pages, so the pages around a tensor are wrapped and the tensor is a view
    within them; file-backed pages are clean, and the system may drop and reread them. Where the
    pages can't be wrapped (the last of a file may be cut short), `copy=None` copies that tensor.
    Wrapping has not been run on a Mac; the views are tested with copied pages.
    """
    file = np.memmap(shard.path, dtype=np.uint8, mode="r")
    for name, tensor, start in shard.placed():
        stop = start + tensor.nbytes
        if tensor.nbytes < _WORTH_MAPPING:
            yield name, _view(mx.array(file[start:stop]), tensor)
            continue
        first = start - start % mmap.PAGESIZE
        last = min(stop + -stop % mmap.PAGESIZE, file.size)
        pages = mx.asarray(file[first:last], copy=None)
        yield name, _view(pages[start - first : stop - first], tensor)


def _mapped_for_numpy(shard: Shard) -> Iterator[tuple[str, NDArray[Any]]]:
    """Each tensor as NumPy's read-only view of the mapped file.

    Its pages are read in now, while somebody waits and sees how far it is, and stay the system's.
    """
    with shard.path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    data = np.frombuffer(mapped, np.uint8)
    for name, tensor, start in shard.placed():
        piece = data[start : start + tensor.nbytes]
        piece[:: mmap.PAGESIZE].max(initial=0)
        yield name, piece.view(_NUMPY_DTYPES[tensor.dtype]).reshape(tensor.shape)


def _view(data: mx.array, tensor: Tensor) -> mx.array:
    """Bytes as the tensor they hold, without a copy. `data`: uint8 (tensor.nbytes,)."""
    return data.view(_MLX_DTYPES[tensor.dtype]).reshape(tensor.shape)
