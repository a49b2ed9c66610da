"""What the network holds of long documents, kept on disk so that tomorrow they need not be read.

Owns the files: what they are called, how they lie, who may read them, how many there may be. A
file's name is a hash over all that its content follows from: the model's files, this format, MLX,
the device's route, the dtype and the very tokens. So a state is only ever found by the same model
for the same text. Knows layers and tokens; what a document is, it does not.

A file is in the safetensors format: one tensor a layer, as the cache holds it, then a checksum of
each. Everything but those is known before it is read, so a header must be the expected one, byte
for byte. Layers are written and read one at a time: there is never a second copy of the whole.
"""

import contextlib
import hashlib
import json
import math
import os
import shutil
import sys
import time
import zlib
from array import array
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

import mlx.core as mx
import numpy as np

from mlx_engine.cache import PromptCache

VERSION = 1  # rises when a state would mean something else: layout, positions, arithmetic
LEAST_TOKENS = 2048  # fewer are read about as fast as they are loaded
MOST_BYTES = 8 << 30  # 340,000 tokens of gpt-oss-20b
FREE_BYTES = 4 << 30  # that stay free on the disk

_SUFFIX = ".safetensors"
_STALE_S = 3600.0  # a file that nobody has finished since is a dead process's
_CHECKSUMS = "checksums"
_DTYPES = {mx.bfloat16: "BF16", mx.float32: "F32"}


def identity(
    files: Sequence[tuple[str, int, int]], folder: Path, dtype: mx.Dtype, route: str
) -> str:
    """What a state depends on besides its tokens.

    `files`: name, size and time of change of each of the model's.
    """
    return json.dumps([VERSION, version("mlx"), _DTYPES[dtype], route, str(folder), sorted(files)])


class SavedStates:
    """The states of one model in a folder that other models' states share.

    Nothing here fails: what can't be written is not kept, what can't be read is dropped, and
    stderr says so.
    """

    def __init__(
        self,
        folder: Path,
        identity: str,
        *,
        most_bytes: int = MOST_BYTES,
        free_bytes: int = FREE_BYTES,
    ) -> None:
        self._folder = folder
        self._identity = identity.encode()
        self._most_bytes = most_bytes
        self._free_bytes = free_bytes

    def has(self, tokens: Sequence[int]) -> bool:
        return self._path(tokens).is_file()

    def save(self, cache: PromptCache, position: int, is_awaited: Callable[[], bool]) -> bool:
        """Keep what `cache` holds of its first `position` tokens, if it has a snapshot there.

        Asks after every layer whether somebody waits, and gives up if so. Returns False then.
        """
        layers = cache.layers_at(position)
        path = self._path(cache.tokens[:position])
        if layers is None or path.is_file():
            return True
        header = _header([layer.shape for layer in layers], layers[0].dtype)
        nbytes = len(header) + sum(layer.nbytes for layer in layers) + 4 * len(layers)
        fresh = path.with_name(f"{path.stem}.{os.getpid()}.new")
        try:
            self._prepare()
            if not self._make_room(nbytes):
                return True
            # O_EXCL: nothing that lies there already, no link above all, is written through.
            file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(file, "wb") as out:
                is_whole = _write(out, header, layers, is_awaited)
            if is_whole:
                os.replace(fresh, path)
            return is_whole
        except (OSError, RuntimeError, MemoryError) as error:  # the disk's, MLX's, Python's
            _log(f"A document's state was not saved: {error}")
            return True
        finally:
            _drop(fresh)

    def restore(
        self,
        cache: PromptCache,
        tokens: Sequence[int],
        capacity: int,
        go_on: Callable[[float], bool],
    ) -> bool:
        """Make `cache` hold `tokens`, with room for `capacity`, if their state is here.

        `go_on` is told the share done after every layer and may stop it. Where it returns False
        after it has begun, `cache` is empty.
        """
        path = self._path(tokens)
        if not path.is_file():
            return False
        try:
            cache.restore(tokens, self._layers(path, cache, len(tokens), go_on), capacity)
            with contextlib.suppress(OSError):
                os.utime(path)  # used just now
            return True
        except _Stopped:
            pass
        except (OSError, RuntimeError, MemoryError, ValueError) as error:
            _log(f"A saved document's state can't be used and is dropped: {error}")
            _drop(path)
        cache.clear()
        return False

    def _layers(
        self, path: Path, cache: PromptCache, position: int, go_on: Callable[[float], bool]
    ) -> Iterator[mx.array]:
        """Raises ValueError for anything that is not as it was written."""
        shapes, dtype = cache.layers.shapes_at(position), cache.layers.dtype
        expected = _header(shapes, dtype)
        data = sum(math.prod(shape) * dtype.size for shape in shapes) + 4 * len(shapes)
        with path.open("rb") as file:
            if file.read(len(expected)) != expected:
                raise ValueError(f"{path.name} has another header than it should")
            if os.fstat(file.fileno()).st_size != len(expected) + data:
                raise ValueError(f"{path.name} is cut short")
        lazy = mx.load(str(path))  # read when evaluated, layer by layer
        assert isinstance(lazy, dict)
        checksums = np.array(lazy.pop(_CHECKSUMS)).tolist()
        for number, checksum in enumerate(checksums):
            layer = lazy.pop(_name(number))
            mx.eval(layer)
            if zlib.crc32(_bytes(layer)) != checksum:
                raise ValueError(f"{path.name} is damaged")
            yield layer
            if not go_on((number + 1) / len(checksums)):
                raise _Stopped

    def _path(self, tokens: Sequence[int]) -> Path:
        digest = hashlib.sha256(self._identity)
        digest.update(b"\0" + array("q", tokens).tobytes())
        return self._folder / f"{digest.hexdigest()}{_SUFFIX}"

    def _prepare(self) -> None:
        """The folder, for its owner alone."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)
        for path in self._folder.glob("*.new"):
            if time.time() - path.stat().st_mtime > _STALE_S:
                _drop(path)

    def _make_room(self, nbytes: int) -> bool:
        """Drop the least recently used until `nbytes` more are allowed; False if they never are."""
        found = [(path.stat(), path) for path in self._folder.glob(f"*{_SUFFIX}")]
        held = sum(stat.st_size for stat, _ in found)
        free = shutil.disk_usage(self._folder).free
        if nbytes > self._most_bytes or nbytes > free + held - self._free_bytes:
            return False
        excess = max(held + nbytes - self._most_bytes, nbytes - (free - self._free_bytes))
        for stat, path in sorted(found, key=lambda entry: entry[0].st_mtime_ns):
            if excess <= 0:
                break
            _drop(path)
            excess -= stat.st_size
        return True


class _Stopped(Exception):
    """Somebody asked to stop."""


def _header(shapes: Sequence[tuple[int, ...]], dtype: mx.Dtype) -> bytes:
    """A safetensors file up to its data: the length of the JSON in 8 bytes, then the JSON."""
    tensors: dict[str, object] = {}
    start = 0
    for number, shape in enumerate(shapes):
        end = start + math.prod(shape) * dtype.size
        tensors[_name(number)] = _tensor(_DTYPES[dtype], shape, start, end)
        start = end
    tensors[_CHECKSUMS] = _tensor("U32", (len(shapes),), start, start + 4 * len(shapes))
    text = json.dumps(tensors).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _tensor(dtype: str, shape: tuple[int, ...], start: int, end: int) -> dict[str, object]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}


def _name(layer: int) -> str:
    return f"layer.{layer}"


def _write(
    out: BinaryIO, header: bytes, layers: Sequence[mx.array], is_awaited: Callable[[], bool]
) -> bool:
    """False if somebody came to wait for it."""
    out.write(header)
    checksums = []
    for layer in layers:
        if is_awaited():
            return False
        data = _bytes(mx.contiguous(layer))
        checksums.append(zlib.crc32(data))
        out.write(data)
    out.write(np.array(checksums, dtype="<u4").tobytes())
    return True


def _bytes(layer: mx.array) -> memoryview:
    """The bytes of a contiguous array, without a copy where the device shares its memory."""
    words = layer.view(mx.uint16 if layer.dtype == mx.bfloat16 else mx.uint32)
    return np.asarray(words).data.cast("B")


def _drop(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _log(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
