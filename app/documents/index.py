"""Finds the passages of some documents that have to do with a question.

Owns a full-text table of SQLite (FTS5, ranked by BM25) over stems of words, private to this object
and temporary: SQLite keeps it in memory while it is small and on disk beyond that. Making one takes
a second or two for a thousand pages and is no work for the window's thread; asking takes
milliseconds. One thread at a time.
"""

import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from app.documents.document import Document
from app.documents.passages import Passage, passages
from app.documents.query import Wanted
from app.documents.words import stem, words

_CACHE_KIB = 32 << 10
_MOST_POSTINGS = 2_000  # places of words that one search looks at, those of rare words first
_NEIGHBOUR = 0.1  # of a passage's score goes to those beside it, chosen on the retrieval set
_MOST_ABOVE, _NONE = 2, -1  # lines above a passage; where there are fewer
_NUMBERS = 4 + _MOST_ABOVE  # that say where a passage stands

_TABLES = """
CREATE VIRTUAL TABLE word USING fts5(stems, content='', tokenize='unicode61 remove_diacritics 0');
CREATE VIRTUAL TABLE vocabulary USING fts5vocab(word, 'row');
"""


class IndexingCancelled(Exception):
    """Nobody wants the index any more."""


@dataclass(frozen=True, slots=True)
class Hit:
    document: Document
    passage: Passage
    score: float  # greater is better; comparable within one search


class PassageIndex:
    def __init__(
        self, documents: Sequence[Document], is_cancelled: Callable[[], bool] = lambda: False
    ) -> None:
        """Raises IndexingCancelled soon after `is_cancelled` says so."""
        self.documents = tuple(documents)
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._database.executescript(_TABLES)
        self._database.execute("BEGIN")
        self._places = array("q")  # of each passage, `_NUMBERS` of them, by its id from 0
        self._first_passages: set[int] = set()  # of each document; an id counts through them all
        for number, document in enumerate(self.documents):
            self._add(number, document, is_cancelled)
        self._database.execute(
            "CREATE TABLE frequency AS SELECT term AS stem, doc AS passages FROM vocabulary"
        )
        self._database.execute("CREATE UNIQUE INDEX stem ON frequency(stem)")
        self._database.execute("COMMIT")

    @property
    def passage_count(self) -> int:
        return len(self._places) // _NUMBERS

    def close(self) -> None:
        self._database.close()

    def frequency(self, stemmed: str) -> int:
        """How many passages hold a stem."""
        row = self._database.execute(
            "SELECT passages FROM frequency WHERE stem = ?", (stemmed,)
        ).fetchone()
        return row[0] if row else 0

    def search(self, parts: Sequence[Wanted], most: int) -> list[Hit]:
        """The best `most` passages, best first."""
        scores: dict[int, float] = defaultdict(float)
        for part in parts:
            for passage, score in self._matches(part.stems, most):
                scores[passage] += part.weight * score
        joined = dict(scores)
        for number, score in scores.items():
            for beside in (number - 1, number + 1):
                if beside in scores and max(number, beside) not in self._first_passages:
                    joined[beside] += _NEIGHBOUR * score
        best = sorted(joined, key=lambda number: (-joined[number], number))[:most]
        return [Hit(*self._passage(number), joined[number]) for number in best]

    def all(self) -> Iterator[tuple[Document, Passage]]:
        """Every passage, in the order of reading."""
        for document in self.documents:
            for passage in passages(document):
                yield document, passage

    def _add(self, number: int, document: Document, is_cancelled: Callable[[], bool]) -> None:
        lines = document.lines
        page, page_lines = -1, tuple[str, ...]()
        self._first_passages.add(self.passage_count)
        for passage in passages(document):
            if passage.page != page:
                if is_cancelled():
                    self.close()
                    raise IndexingCancelled
                page = passage.page
                page_lines = tuple(line.text for line in document.pages[page].lines)
            start = document.page_starts[page]
            text = " ".join(
                (
                    document.pages[page].label,
                    *(lines[line] for line in passage.above),
                    *page_lines[passage.first - start : passage.last + 1 - start],
                )
            )
            self._database.execute(
                "INSERT INTO word (rowid, stems) VALUES (?, ?)",
                (self.passage_count, " ".join(map(stem, words(text)))),
            )
            above = (*passage.above, _NONE, _NONE)[:_MOST_ABOVE]
            self._places.extend((number, passage.first, passage.last, page, *above))

    def _matches(self, stems: Sequence[str], most: int) -> list[tuple[int, float]]:
        """Passages and their BM25 scores, best first. FTS5's scores are negative."""
        told = [f'"{s}"' for s in self._affordable(stems)]
        if not told:
            return []
        rows = self._database.execute(
            "SELECT rowid, -rank FROM word WHERE word MATCH ? ORDER BY rank LIMIT ?",
            (" OR ".join(told), 2 * most),
        )
        return rows.fetchall()

    def _affordable(self, stems: Sequence[str]) -> Iterator[str]:
        room = _MOST_POSTINGS
        for number, s in sorted((self.frequency(s), s) for s in stems):
            room -= number
            if number and (room >= 0 or room + number == _MOST_POSTINGS):
                yield s

    def _passage(self, number: int) -> tuple[Document, Passage]:
        start = number * _NUMBERS
        document, first, last, page, *above = self._places[start : start + _NUMBERS]
        lines_above = tuple(line for line in above if line != _NONE)
        return self.documents[document], Passage(first, last, page, lines_above)
