"""Many lines in little memory: packed in blocks of text, made one by one when they are looked at.

A book has a million lines; as many objects would take several times the room of its text. Standard
library only.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import overload

BLOCK = 256  # lines that lie in one string
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it stands in the file, without its end."""

    text: str
    box: Box | None = None  # on its page: left, bottom, right, top in PDF points; None if unknown


@dataclass(frozen=True, slots=True)
class Block:
    """Up to `BLOCK` lines: their texts joined by "\\n", and four numbers each where they have
    boxes."""

    text: str
    boxes: "array[float] | None" = None

    def lines(self) -> Iterator[Line]:
        for index, text in enumerate(self.text.split("\n")):
            yield Line(text, self._box(index))

    def _box(self, index: int) -> Box | None:
        if self.boxes is None:
            return None
        left, bottom, right, top = self.boxes[4 * index : 4 * index + 4]
        return left, bottom, right, top


class PackedLines(Sequence[Line]):
    """Lines in blocks, all but the last of which are full."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self._blocks = tuple(blocks)
        last = self._blocks[-1].text.count("\n") + 1 if self._blocks else 0
        self._length = BLOCK * max(0, len(self._blocks) - 1) + last

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Line]:
        for block in self._blocks:
            yield from block.lines()

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Line]: ...
    def __getitem__(self, index: int | slice) -> Line | Sequence[Line]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(self._length)))
        if not -self._length <= index < self._length:
            raise IndexError(index)
        block, within = divmod(index % self._length, BLOCK)
        return next(islice(self._blocks[block].lines(), within, None))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))
