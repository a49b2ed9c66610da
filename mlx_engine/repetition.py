"""When a turn has stopped saying anything new. Knows token ids, nothing of their meaning."""

import numpy as np

LONGEST_SPAN = 1024  # tokens
FEWEST_REPEATS = 4
FEWEST_TOKENS = 512


class RepetitionGuard:
    """Finds a turn whose end is one span of tokens over and over.

    The rule: the last tokens are the same span, of 1 to LONGEST_SPAN tokens, at least
    FEWEST_REPEATS times in a row without a single difference, and these repeats take at least
    FEWEST_TOKENS tokens. Rows of a table, items of a list and lines of code differ somewhere (a
    number, a name) and start the count again; a rule of dashes or a block of zeros may be
    hundreds of tokens long.
    """

    def __init__(self) -> None:
        self._recent = np.full(LONGEST_SPAN, -1, dtype=np.int64)  # the latest token last
        # For each span length, how many tokens in a row equalled the one that far back.
        self._runs = np.zeros(LONGEST_SPAN, dtype=np.int64)
        self._lengths = np.arange(LONGEST_SPAN, 0, -1)
        repeats = (FEWEST_REPEATS - 1) * self._lengths
        self._enough = np.maximum(repeats, FEWEST_TOKENS - self._lengths)

    def feed(self, token: int) -> bool:
        """Take the next token; whether the turn now goes in circles."""
        self._runs = np.where(self._recent == token, self._runs + 1, 0)
        self._recent[:-1] = self._recent[1:]
        self._recent[-1] = token
        return bool((self._runs >= self._enough).any())
