"""How often search gives the model what an answer needs, beside plain BM25 over fixed-size chunks.

    python -m tests.documents_set.recall [--misses]

All documents are attached at once and each question is asked of all of them. A question counts by
page if of each of its answers the right page is among what is given, in part at least, and by line
if all lines of the answer are.
"""

import re
import sqlite3
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from app.documents.document import Document
from app.documents.index import PassageIndex
from app.documents.pages import tokens
from app.documents.select import searched
from tests.documents_set import Question, documents, lines_that_say, questions

BUDGET_TOKENS = 4_000  # less than a fifth of the documents
_CHUNK_WORDS = 120

Lines = set[tuple[str, int]]  # a document's name and a line of it
Search = Callable[[Question], Lines]


@dataclass(frozen=True, slots=True)
class Recall:
    """Shares of questions, from 0 to 1."""

    questions: int
    pages: float
    lines: float
    misses: tuple[Question, ...]  # by page

    def __str__(self) -> str:
        return f"{self.pages:6.1%} by page, {self.lines:6.1%} by line"


def recall(search: Search, asked: Sequence[Question]) -> Recall:
    by_page, by_line, misses = 0, 0, []
    for question in asked:
        given = search(question)
        given_pages = {_page(name, line) for name, line in given}
        answers = [
            [{(question.document, line) for line in _lines(question, words)} for words in answer]
            for answer in question.answers
        ]
        finds_pages = all(
            any({_page(*line) for line in lines} & given_pages for lines in answer)
            for answer in answers
        )
        by_page += finds_pages
        by_line += all(any(lines <= given for lines in answer) for answer in answers)
        if not finds_pages:
            misses.append(question)
    return Recall(len(asked), by_page / len(asked), by_line / len(asked), tuple(misses))


def our_search() -> Search:
    index = PassageIndex(list(documents().values()))

    def search(question: Question) -> Lines:
        selection = searched(index, question.text, question.earlier, BUDGET_TOKENS)
        assert selection.tokens <= BUDGET_TOKENS
        return {
            (_name(shown.document), line)
            for shown in selection.shown
            for first, last in shown.ranges
            for line in range(first, last + 1)
        }

    return search


def plain_search(chunk_words: int = _CHUNK_WORDS) -> Search:
    """SQLite's BM25 as it comes, over chunks of whole lines, any word of the question."""
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE chunk USING fts5(text)")
    chunks = list(_chunks(chunk_words))
    for number, (document, first, last) in enumerate(chunks):
        text = " ".join(document.lines[first : last + 1])
        database.execute("INSERT INTO chunk (rowid, text) VALUES (?, ?)", (number, text))

    def search(question: Question) -> Lines:
        match = " OR ".join(f'"{word}"' for word in re.findall(r"\w+", question.text))
        given: Lines = set()
        room = BUDGET_TOKENS
        for (number,) in database.execute(
            "SELECT rowid FROM chunk WHERE chunk MATCH ? ORDER BY rank", (match,)
        ):
            document, first, last = chunks[number]
            room -= tokens(document.lines[first : last + 1])
            if room < 0:
                break
            given |= {(_name(document), line) for line in range(first, last + 1)}
        return given

    return search


def _chunks(words: int) -> Iterable[tuple[Document, int, int]]:
    for document in documents().values():
        first, count = 0, 0
        for line, text in enumerate(document.lines):
            count += len(text.split())
            if count >= words or line == document.line_count - 1:
                yield document, first, line
                first, count = line + 1, 0


def _name(document: Document) -> str:
    return document.name.rpartition(".")[0]


def _page(name: str, line: int) -> tuple[str, int]:
    return name, documents()[name].place(line)[0].number


def _lines(question: Question, words: str) -> set[int]:
    return lines_that_say(documents()[question.document], words)


def report() -> dict[str, dict[str, Recall]]:
    """Recall of each group of questions, ours and plain BM25's."""
    searches = {"search": our_search(), "plain BM25": plain_search()}
    groups = {name: list(questions(f"{name}.txt")) for name in ("questions", "unseen")}
    groups["all"] = [question for asked in groups.values() for question in asked]
    return {
        group: {name: recall(search, asked) for name, search in searches.items()}
        for group, asked in groups.items()
    }


def table(found: dict[str, dict[str, Recall]]) -> str:
    every = documents().values()
    lines = [
        f"{len(every)} documents, {sum(len(d.pages) for d in every)} pages, "
        f"{sum(tokens(d.lines) for d in every):,} tokens; {BUDGET_TOKENS:,} tokens given"
    ]
    for group, by_search in found.items():
        for name, result in by_search.items():
            lines.append(f"{group:12} {result.questions:4} questions  {name:12} {result}")
    return "\n".join(lines)


if __name__ == "__main__":
    results = report()
    print(table(results))
    if "--misses" in sys.argv:
        for question in results["all"]["search"].misses:
            print(f"  {question.document}: {question.text}")
