"""Page numbers in words. Standard library only."""

from collections.abc import Sequence
from itertools import groupby


def pages(numbers: Sequence[int], one: str = "Page", several: str = "Pages") -> str:
    """ "Page 3", "Pages 3–5, 8": ascending numbers, those that follow each other joined."""
    runs = []
    for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        found = [number for _, number in run]
        runs.append(f"{found[0]}–{found[-1]}" if len(found) > 1 else str(found[0]))
    return f"{one if len(numbers) == 1 else several} {', '.join(runs)}"
