"""Keys and values held between tokens, between chunks, and between turns.

`KeyValueCache` is what the network writes to and reads from while one sequence grows.
`PromptCache` adds the tokens behind it and the snapshots to go back to, so that the next prompt
re-reads only what is new. Neither knows what the tokens mean.

A full layer keeps everything and is cut back by its length alone. A banded layer keeps a ring:
its window and a few spare slots, so that the last tokens can be taken back; further back leads
only through a snapshot. An MLX array never changes under one who holds it, so a snapshot of a
ring is a reference to it.

Arrays of keys and values are (2, heads, positions, head_dim): keys at 0, values at 1.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import mlx.core as mx
import numpy as np

from mlx_engine.config import ModelConfig

SPARE_SLOTS = 32  # beyond the window: how many tokens can be taken back without a snapshot
SNAPSHOT_BYTES = 256 << 20  # 68 snapshots for 20b, 45 for 120b

_GROWTH = 256  # positions; also an eighth of what is held, so that copying stays linear


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The banded layers after `position` tokens. The rings hold the tokens from `oldest` on."""

    position: int
    oldest: int
    rings: tuple[mx.array, ...]

    @property
    def nbytes(self) -> int:
        return sum(ring.nbytes for ring in self.rings)


@dataclass(slots=True)
class _Chunk:
    """Where one chunk of tokens goes; worked out once for all layers."""

    length: int
    slot: int  # the first in a ring
    by_position: mx.array  # (slots,) slots in the order of the positions they hold
    visible: mx.array  # bool (slots,) slots that a single token may look at
    marks: list[int]
    rings_at_mark: dict[int, list[mx.array]] = field(default_factory=dict)


class KeyValueCache:
    """Keys and values of one sequence, for all layers.

    The network writes a chunk with `begin`, one `append` a layer, and `commit`.
    """

    def __init__(self, config: ModelConfig, dtype: mx.Dtype) -> None:
        self._banded = [kind == "sliding_attention" for kind in config.layer_types]
        self._heads, self._head_dim = config.num_key_value_heads, config.head_dim
        self.dtype = dtype
        self.window = config.sliding_window
        self.slots = config.sliding_window + SPARE_SLOTS
        self.clear()

    def clear(self) -> None:
        """Hold nothing, and give the memory back."""
        self.offset = 0  # tokens held
        self.marks: Sequence[int] = ()  # positions at which to take a snapshot in passing
        self.captured: list[Snapshot] = []  # … which end up here
        self._oldest = 0  # the first token that the rings hold
        self._capacity = 0  # positions in a full layer
        self._layers = [self._zeros(self.slots if banded else 0) for banded in self._banded]
        self._chunk: _Chunk | None = None

    @property
    def capacity(self) -> int:
        """Positions that the full layers have room for."""
        return self._capacity

    @property
    def arrays(self) -> list[mx.array]:
        """All that is held, for `mx.eval`."""
        return self._layers + [ring for snapshot in self.captured for ring in snapshot.rings]

    @property
    def nbytes(self) -> int:
        return sum(layer.nbytes for layer in self._layers)

    @property
    def snapshot_nbytes(self) -> int:
        """What one snapshot takes."""
        ring = 2 * self._heads * self.slots * self._head_dim * self.dtype.size
        return ring * sum(self._banded)

    def reserve(self, positions: int) -> None:
        """Make room in the full layers, so that growing to `positions` copies nothing more."""
        if positions > self._capacity:
            self._resize(positions)

    def begin(self, length: int) -> None:
        """Prepare to append `length` tokens."""
        end = self.offset + length
        if end > self._capacity:
            self._resize(end + max(_GROWTH, end // 8))
        slot = self.offset % self.slots
        ages = (slot - np.arange(self.slots)) % self.slots  # how long ago a slot was written
        self._chunk = _Chunk(
            length=length,
            slot=slot,
            by_position=mx.array((slot + np.arange(self.slots)) % self.slots),
            visible=mx.array((ages < self.window) & (ages <= self.offset)),
            marks=[mark for mark in self.marks if self.offset < mark <= end],
        )

    def append(self, layer: int, fresh: mx.array) -> mx.array:
        """Add the chunk's keys and values to one layer; return those its tokens may look at.

        `fresh`: (2, heads, length, head_dim). A full layer returns all its positions, those not yet
        written included. A banded
        layer returns its ring for a single token (`visible_slots` says which to look at), and for
        a longer chunk the `window` positions before it, then the chunk.
        """
        chunk = self._chunk
        assert chunk is not None
        fresh = fresh.astype(self.dtype)
        held = self._layers[layer]
        if not self._banded[layer]:
            self._layers[layer] = _written(held, fresh, self.offset)
            return self._layers[layer]
        if chunk.length == 1:
            seen = ring = _written(held, fresh, chunk.slot)
            rings = [ring] * len(chunk.marks)
        else:
            row = mx.concatenate([mx.take(held, chunk.by_position, axis=2), fresh], axis=2)
            ring = self._ring_of(row, chunk.length)
            rings = [self._ring_of(row, mark - self.offset) for mark in chunk.marks]
            seen = row[:, :, self.slots - self.window :]
        self._layers[layer] = ring
        for mark, at_mark in zip(chunk.marks, rings, strict=True):
            chunk.rings_at_mark.setdefault(mark, []).append(at_mark)
        return seen

    def visible_slots(self) -> mx.array:
        """Which slots of a ring the single token being appended may look at: bool (slots,)."""
        assert self._chunk is not None
        return self._chunk.visible

    def commit(self) -> None:
        """The chunk is in every layer."""
        chunk, self._chunk = self._chunk, None
        assert chunk is not None
        for mark, rings in chunk.rings_at_mark.items():
            oldest = max(self._oldest, mark - self.slots)
            self.captured.append(Snapshot(mark, oldest, tuple(rings)))
        self.offset += chunk.length
        self._oldest = max(self._oldest, self.offset - self.slots)

    def can_rewind(self, position: int) -> bool:
        """Whether the rings still hold all that the token at `position` would see before it."""
        first_seen = max(0, position - self.window + 1)
        return position == 0 or (position <= self.offset and self._oldest <= first_seen)

    def rewind(self, position: int, snapshot: Snapshot | None = None) -> None:
        """Forget the tokens from `position` on; needs `can_rewind`, or a snapshot taken there."""
        if position == 0:
            self.clear()
            return
        if snapshot is not None:
            rings = iter(snapshot.rings)
            self._layers = [
                next(rings) if banded else held
                for held, banded in zip(self._layers, self._banded, strict=True)
            ]
            self._oldest = snapshot.oldest
        self.offset = position
        if self._capacity > 4 * (position + 4 * _GROWTH):  # a long conversation gave way to a short
            self._resize(position + _GROWTH)

    def shapes_at(self, position: int) -> list[tuple[int, ...]]:
        """Those of `at`."""
        rows = (self.slots if banded else position for banded in self._banded)
        return [(2, self._heads, count, self._head_dim) for count in rows]

    def at(self, snapshot: Snapshot) -> list[mx.array]:
        """Each layer after `snapshot.position` tokens: a ring, or all of them in their order."""
        rings = iter(snapshot.rings)
        return [
            next(rings) if banded else held[:, :, : snapshot.position]
            for held, banded in zip(self._layers, self._banded, strict=True)
        ]

    def restore(self, position: int, layers: Iterable[mx.array], capacity: int) -> Snapshot:
        """Hold what `at` gave, with room for `capacity` positions.

        Takes one layer at a time and evaluates it, so that only one is ever there twice.
        """
        self.clear()
        for number, (layer, banded) in enumerate(zip(layers, self._banded, strict=True)):
            if not banded:
                layer = mx.concatenate([layer, self._zeros(capacity - position)], axis=2)
            mx.eval(layer)
            self._layers[number] = layer
        self.offset, self._capacity = position, capacity
        self._oldest = max(0, position - self.window + 1)  # of the spare slots nothing is known
        rings = (held for held, banded in zip(self._layers, self._banded, strict=True) if banded)
        return Snapshot(position, self._oldest, tuple(rings))

    def _ring_of(self, row: mx.array, count: int) -> mx.array:
        """The ring after `count` tokens of a chunk. `row`: a ring by position, then the chunk."""
        ages = (self.offset + count - 1 - np.arange(self.slots)) % self.slots
        ring = mx.take(row, mx.array(self.slots + count - 1 - ages), axis=2)
        return mx.contiguous(ring)  # `take` may leave its axes in another order, and for good

    def _resize(self, positions: int) -> None:
        for number, banded in enumerate(self._banded):
            if not banded:
                kept = self._layers[number][:, :, : min(self.offset, positions)]
                room = self._zeros(positions - kept.shape[2])
                self._layers[number] = mx.concatenate([kept, room], axis=2)
        self._capacity = positions

    def _zeros(self, positions: int) -> mx.array:
        return mx.zeros((2, self._heads, positions, self._head_dim), dtype=self.dtype)


def _written(held: mx.array, fresh: mx.array, start: int) -> mx.array:
    """`held` with `fresh` from position `start` on; in place, where nothing else holds the array.

    A slice of known bounds is one launch on a GPU; `mx.slice_update` takes two, since the place is
    an array to it.
    """
    written = held[...]  # another name for it: assignment changes what a name stands for
    written[:, :, start : start + fresh.shape[2]] = fresh
    return written


class PromptCache:
    """One sequence's keys and values with its tokens, reused from prompt to prompt.

    Harmony drops old reasoning, so the next prompt usually leaves the held tokens in their midst.
    There the cache is cut back to the last place at which the banded layers are known: the place
    itself when it is recent, else the nearest snapshot before it.
    """

    def __init__(
        self, config: ModelConfig, dtype: mx.Dtype, *, snapshot_bytes: int = SNAPSHOT_BYTES
    ) -> None:
        self.layers = KeyValueCache(config, dtype)
        self.tokens: list[int] = []  # those that `layers` holds
        self._snapshots: dict[int, Snapshot] = {}  # by position, least recently used first
        self._snapshot_bytes = snapshot_bytes

    @property
    def nbytes(self) -> int:
        """Keys, values and snapshots."""
        return self.layers.nbytes + sum(s.nbytes for s in self._snapshots.values())

    @property
    def snapshot_positions(self) -> list[int]:
        return sorted(self._snapshots)

    def clear(self) -> None:
        """Hold nothing."""
        self.layers.clear()
        self.tokens = []
        self._snapshots = {}

    def match(self, prompt: Sequence[int]) -> int:
        """How many leading tokens of `prompt` need not be read again.

        Always fewer than the prompt has: its last token is read again, for its logits.
        """
        common = 0
        for held, wanted in zip(self.tokens, prompt[:-1], strict=False):
            if held != wanted:
                break
            common += 1
        if self.layers.can_rewind(common):
            return common
        return max((place for place in self._snapshots if place <= common), default=0)

    def reuse(self, prompt: Sequence[int]) -> int:
        """Cut back to what `match` finds, and return it. The caller appends `prompt`'s rest."""
        position = self.match(prompt)
        snapshot = self._snapshots.pop(position, None)
        needed = not self.layers.can_rewind(position)
        self.layers.rewind(position, snapshot if needed else None)
        self.tokens = self.tokens[:position]
        self._snapshots = {p: s for p, s in self._snapshots.items() if p < position}
        if snapshot is not None:
            self._keep(snapshot)
        return position

    def mark(self, positions: Iterable[int]) -> None:
        """Take a snapshot at each of these positions while the coming tokens are appended."""
        most = self._snapshot_bytes // max(1, self.layers.snapshot_nbytes)
        ahead = sorted({p for p in positions if p > self.layers.offset})
        self.layers.marks = ahead[-most:] if most else []

    def record(self, tokens: Iterable[int]) -> None:
        """Note the tokens just appended to `layers`, and keep the snapshots taken on the way."""
        self.tokens.extend(tokens)
        for snapshot in self.layers.captured:
            self._keep(snapshot)
        self.layers.captured = []

    def layers_at(self, position: int) -> list[mx.array] | None:
        """What is held of the first `position` tokens, by layer; None without a snapshot there."""
        snapshot = self._snapshots.get(position)
        return None if snapshot is None else self.layers.at(snapshot)

    def restore(self, tokens: Sequence[int], layers: Iterable[mx.array], capacity: int) -> None:
        """Hold `tokens` alone, for which `layers_at` once gave these layers."""
        self.clear()
        self._keep(self.layers.restore(len(tokens), layers, capacity))
        self.tokens = list(tokens)

    def _keep(self, snapshot: Snapshot) -> None:
        self._snapshots[snapshot.position] = snapshot
        total = sum(s.nbytes for s in self._snapshots.values())
        for position in list(self._snapshots):
            if total <= self._snapshot_bytes:
                break
            total -= self._snapshots.pop(position).nbytes
