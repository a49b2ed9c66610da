"""The lines that match a question best: what a person gets where the model can't read documents.

It is a search and has to be called one. Standard library only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from app.documents.document import Document
from app.documents.index import Hit, PassageIndex
from app.documents.places import place
from app.documents.query import Wanted, wanted
from app.documents.words import stem, telling, words

_MOST_LINES = 4


@dataclass(frozen=True, slots=True)
class Match:
    """Consecutive lines of a document."""

    document: Document
    first: int
    last: int

    @property
    def text(self) -> str:
        return "\n".join(self.document.lines[self.first : self.last + 1])

    def words(self) -> str:
        """Where it stands, as a citation would: "report.pdf, p. 12, lines 3–5"."""
        return f"{self.document.name}, {place(self.document, self.first, self.last)}"


def best_lines(
    index: PassageIndex, question: str, earlier: Sequence[str] = (), most: int = 5
) -> list[Match]:
    """At most `most` places, best first; none where no telling word of the question is found. Each
    is cut out of a passage: few lines with much of what was looked for, to whole sentences."""
    parts = wanted(" ".join(telling(words(question))), earlier, index.frequency)
    weights = _weights(index, parts)
    return [_best_of(hit, weights) for hit in index.search(parts, most)]


def _weights(index: PassageIndex, parts: Sequence[Wanted]) -> dict[str, float]:
    """What each stem is worth in a line: rare ones more."""
    found: dict[str, float] = {}
    for part in reversed(parts):
        for s in part.stems:
            found[s] = part.weight * log(1 + index.passage_count / (1 + index.frequency(s)))
    return found


def _best_of(hit: Hit, weights: dict[str, float]) -> Match:
    passage, document = hit.passage, hit.document
    texts = document.lines[passage.first : passage.last + 1]
    lines = [set(map(stem, words(text))) for text in texts]
    best, best_worth = (0, 0), -1.0
    for first in range(len(lines)):
        seen: set[str] = set()
        for last in range(first, min(first + _MOST_LINES, len(lines))):
            seen |= lines[last]
            worth = sum(weights.get(s, 0.0) for s in seen) / (2 + last - first)
            if worth > best_worth:
                best, best_worth = (first, last), worth
    first, last = _whole_sentences(texts, *best)
    return Match(document, passage.first + first, passage.first + last)


def _whole_sentences(texts: Sequence[str], first: int, last: int) -> tuple[int, int]:
    """A few lines more where a sentence goes on; a row of a table is complete."""
    for _ in range(_MOST_LINES - (last - first)):
        if first and _goes_on(texts[first - 1], texts[first]):
            first -= 1
        if last + 1 < len(texts) and _goes_on(texts[last], texts[last + 1]):
            last += 1
    return first, last


def _goes_on(line: str, after: str) -> bool:
    is_prose = " | " not in line and line.strip() and after.strip()
    return bool(is_prose) and not line.rstrip().endswith((".", "!", "?", ":", ";"))
