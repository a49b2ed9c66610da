"""The piece of a text around the words that were searched for. Text in, one line out.

Done here and not by FTS5's `snippet`, which reads the word index again for every hit: seconds for a
search that finds a hundred chats.
"""

import re
import unicodedata
from collections.abc import Sequence

LENGTH = 80  # characters
BEFORE = 24  # of them before the first word found


def excerpt(text: str, words: Sequence[str]) -> str:
    """One line with the first of `words` that begins a word of `text`, whatever its case and
    accents; the beginning of the text where none does."""
    plain = _without_accents(text)
    starts = (re.search(rf"(?<!\\w){re.escape(_without_accents(word))}", plain) for word in words)
    first = min((match.start() for match in starts if match), default=0)
    begin = max(0, first - BEFORE)
    if begin:  # at the beginning of a word
        begin = first if (space := plain.find(" ", begin, first)) < 0 else space + 1
    end = begin + LENGTH
    line = " ".join(text[begin:end].split())
    return ("…" if begin else "") + line + ("…" if end < len(text) else "")


def _without_accents(text: str) -> str:
    """Lower case, base letters; as many characters as before, so that places stay the same."""
    if text.isascii():
        return text.lower()
    return "".join(unicodedata.normalize("NFD", c)[0].lower()[:1] or c for c in text)
