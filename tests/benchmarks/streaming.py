"""How smoothly the transcript takes a long answer: `python -m tests.benchmarks.streaming`

Streams an answer of 20,000 tokens at 200 tokens/s into a real transcript, painted offscreen at two
device pixels a point, and measures every frame: all that the window's thread does from one
painting to the next. Not a test: a figure belongs to the machine it was measured on, which is
printed with it.
"""

import argparse
import os
import platform
import random
import time
from collections.abc import Iterator

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_SCALE_FACTOR", "2")

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication

from app.chats.models import ChatMessage, ShownMessage
from app.widgets.answer import Answer
from app.widgets.transcript import FRAME_MS, TranscriptView

TOKEN = 4  # characters
LIMIT_MS = 50.0

_WORDS = (
    "attention calm each first is it layer long memory model of on quiet reader that the to with"
)
_CODE = """def merge(left: list[int], right: list[int]) -> list[int]:
    \"\"\"Two sorted lists as one.\"\"\"
    result, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        if left[i] <= right[j]:  # stable
            result.append(left[i]); i += 1
        else:
            result.append(right[j]); j += 1
    return result + left[i:] + right[j:]
"""
_FORMULAS = (r"\frac{a_{%d}}{b+c}", r"x^{%d}+y^2=z^2", r"\sum_{i=0}^{%d} i^2", r"\sqrt{%d\pi}")


def long_answer(characters: int, seed: int = 0) -> str:
    """Headings, paragraphs, lists, tables, formulas and code, as a model writes them."""
    draw = random.Random(seed)

    def sentence(words: int) -> str:
        return " ".join(draw.choice(_WORDS.split()) for _ in range(words)).capitalize() + "."

    def formula() -> str:
        return draw.choice(_FORMULAS) % draw.randrange(1000)

    text, n = "", 0
    while len(text) < characters:
        n += 1
        paragraph = " ".join(sentence(draw.randrange(8, 20)) for _ in range(4))
        text += f"## {n}. {sentence(3)}\n\n{paragraph} Here **bold**, `code` and ${formula()}$.\n\n"
        text += "".join(f"{i}. {sentence(12)}\n   - {sentence(6)}\n" for i in range(1, 5)) + "\n"
        if n % 2:
            text += f"```python\n{_CODE * draw.randrange(1, 6)}```\n\n"
        if n % 3 == 0:
            rows = "".join(f"| {sentence(2)} | {n} | ${formula()}$ |\n" for _ in range(8))
            text += f"| Name | Number | Formula |\n|---|--:|---|\n{rows}\n"
        if n % 4 == 0:
            text += f"$$\n{formula()}\n$$\n\n"
    return text[:characters]


class Application(QApplication):
    """Sums what the window's thread does from one painting to the next: that is a frame."""

    def __init__(self) -> None:
        super().__init__([])
        self.wall_ms: list[float] = []
        self.cpu_ms: list[float] = []  # own time: what other programs take is not in it
        self._depth = 0
        self._wall = self._cpu = 0.0

    def forget(self) -> None:
        """What came before is not part of the measurement."""
        self.wall_ms.clear()
        self.cpu_ms.clear()
        self._wall = self._cpu = 0.0

    def notify(self, receiver: QObject, event: QEvent) -> bool:
        if self._depth:  # within another event
            return super().notify(receiver, event)
        kind = event.type()
        self._depth += 1
        wall, cpu = time.perf_counter(), time.thread_time()
        done = super().notify(receiver, event)
        self._wall += time.perf_counter() - wall
        self._cpu += time.thread_time() - cpu
        self._depth -= 1
        if kind == QEvent.Type.UpdateRequest:
            self.wall_ms.append(self._wall * 1e3)
            self.cpu_ms.append(self._cpu * 1e3)
            self._wall = self._cpu = 0.0
        return done


def stream(view: TranscriptView, text: str, rate: float, *, waits: bool) -> Iterator[None]:
    """Adds tokens as time passes; one step to a turn of the event loop. If it `waits`, time passes
    only in frames that are done: on a busy machine frames stay as short as on an idle one."""
    begun, frames, at = time.perf_counter(), 0, 0
    while at < len(text):
        frames += view.is_settled
        passed = frames * FRAME_MS / 1e3 if waits else time.perf_counter() - begun
        due = int(passed * rate) * TOKEN
        while at < min(due, len(text)):
            view.add_answer(text[at : at + TOKEN])
            at += TOKEN
        yield


def report(name: str, values: list[float]) -> None:
    ordered = sorted(values)
    p50, p95 = (ordered[int(len(ordered) * share)] for share in (0.5, 0.95))
    over = sum(value > LIMIT_MS for value in ordered)
    print(
        f"{name:>9}: p50 {p50:5.1f}  p95 {p95:5.1f}  max {ordered[-1]:5.1f} ms; "
        f"{over} of {len(ordered)} over {LIMIT_MS:.0f} ms"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tokens", type=int, default=20_000)
    options.add_argument("--there", type=int, default=0, help="tokens that are there already")
    options.add_argument("--rate", type=float, default=200.0, help="tokens/s")
    options.add_argument("--waits", action="store_true", help="the next token waits for its frame")
    chosen = options.parse_args()
    app = Application()
    view = TranscriptView()
    view.resize(1080, 760)
    view.show()
    text = long_answer(chosen.tokens * TOKEN)
    there = chosen.there * TOKEN
    shown = ShownMessage(ChatMessage("a", None, "assistant", status="streaming", text=text[:there]))
    begun = time.perf_counter(), time.thread_time()
    view.begin_reply(shown)
    app.processEvents()
    opened = (time.perf_counter() - begun[0]) * 1e3, (time.thread_time() - begun[1]) * 1e3
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}, {platform.system()}, Python {platform.python_version()}"
    )
    print(f"{chosen.tokens:,} tokens at {chosen.rate:.0f}/s, {len(text) / 1e3:.0f} kB")
    if there:
        print(f"opened with {chosen.there:,} tokens: {opened[0]:.0f} ms, own {opened[1]:.0f} ms")
    steps = stream(view, text[there:], chosen.rate, waits=chosen.waits)
    ticker = QTimer(interval=5)
    ticker.timeout.connect(lambda: None if next(steps, True) is None else app.quit())
    while not view.is_settled:
        app.processEvents()
    app.forget()
    ticker.start()
    app.exec()
    report("wall", app.wall_ms)
    report("own time", app.cpu_ms)
    answer = view.messages[-1]
    assert isinstance(answer, Answer)
    flow = answer.page.flow
    print(f"{len(flow.items)} blocks, {flow.layouts} layouts, {flow.height:.0f} px")


if __name__ == "__main__":
    main()
