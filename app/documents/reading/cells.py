"""Rows of a sheet as lines: every cell under its address, so that it can be cited and found.

Standard library only.
"""

from collections.abc import Sequence


class Rows:
    """Keeps the number of cells in a row steady, as far as the widest row went: what stands under
    what is told by the addresses, that it is one table by the even rows."""

    def __init__(self) -> None:
        self._width = 0

    def cells(self, number: int, values: Sequence[str]) -> list[str]:
        """A row's cells, "B2: Bees"; an empty one is "". No cells if all are empty."""
        filled = len(values)
        while filled and not values[filled - 1]:
            filled -= 1
        if not filled:
            return []
        self._width = max(self._width, filled)
        padded = [*values[:filled], *[""] * (self._width - filled)]
        return [
            f"{column(index)}{number}: {value}" if value else ""
            for index, value in enumerate(padded)
        ]


def column(index: int) -> str:
    """The letters of a column counted from 0: A, …, Z, AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
