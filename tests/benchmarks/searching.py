"""How fast a long document is indexed and searched: `python -m tests.benchmarks.searching`

A thousand pages of 45 lines, made of the lines of the retrieval set with rare words strewn in. Not
a test: a figure belongs to the machine it was measured on. Each question is asked three times and
the best counts; processor time is given beside the clock's, for machines that have other work.
"""

import argparse
import random
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import TypeVar

from app.documents.document import Document, Line, Page
from app.documents.index import PassageIndex
from app.documents.query import wanted
from app.documents.select import searched
from tests.documents_set import documents, questions

_LINES = 45
_T = TypeVar("_T")


def long_document(pages: int, seed: int = 0) -> Document:
    draw = random.Random(seed)
    lines = [line for document in documents().values() for line in document.lines]

    def line() -> Line:
        rare = f" w{draw.randrange(50_000)}" if draw.random() < 0.3 else ""
        return Line(draw.choice(lines) + rare)

    made = (Page(n, "", tuple(line() for _ in range(_LINES))) for n in range(1, pages + 1))
    return Document("long.pdf", "", "pdf", tuple(made))


def timed(work: Callable[[], _T]) -> tuple[_T, float, float]:
    """What it gives, seconds by the clock, seconds of processor."""
    clock, processor = time.perf_counter(), time.process_time()
    found = work()
    return found, time.perf_counter() - clock, time.process_time() - processor


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.searching")
    parser.add_argument("--pages", type=int, default=1000)
    pages = parser.parse_args().pages
    document = long_document(pages)
    index, clock, processor = timed(lambda: PassageIndex([document]))
    print(f"{pages:,} pages, {index.passage_count:,} passages")
    print(f"index   {clock:8.2f} s    processor {processor:8.2f} s")

    def search(text: str) -> None:
        index.search(wanted(text, (), index.frequency), 400)

    def select(text: str) -> None:
        searched(index, text, (), 8_000)

    asked = [question.text for question in questions("unseen.txt")]
    for name, work in (("query", search), ("choice of 8,000 tokens", select)):
        clocks, processors = [], []
        for text in asked:
            runs = [timed(partial(work, text)) for _ in range(3)]
            clocks.append(1000 * min(clock for _, clock, _ in runs))
            processors.append(1000 * min(processor for _, _, processor in runs))
        print(
            f"{name}: median {median(clocks):.1f} ms, worst {max(clocks):.1f} ms; "
            f"processor {median(processors):.1f} ms, worst {max(processors):.1f} ms"
        )


if __name__ == "__main__":
    main()
