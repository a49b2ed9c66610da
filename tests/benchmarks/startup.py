"""How long a person waits: launch → first paint → engine ready → first token, and tokens/s.

`python -m tests.benchmarks.startup [RUNS]` starts the real app, with the guide and no display, in a
process and a home of its own each time, asks one question and prints the times in seconds since
the launch, with the machine they were taken on.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

QUESTION = "What can you do?"
MARKS = ("imported", "painted", "ready", "first_token", "finished")


def _child() -> None:
    """The app as `sordino` starts it; a mark on stdout at each step, in monotonic seconds."""
    from app.application import launch
    from app.desktop import Application, Desktop

    marks: dict[str, float] = {"imported": time.monotonic()}

    def mark(name: str) -> Callable[..., object]:
        return lambda *_: marks.setdefault(name, time.monotonic())

    from PySide6.QtCore import QEvent, QObject, QTimer

    class Paints(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint:
                QTimer.singleShot(0, mark("painted"))
            return False

    application = Application([])
    desktop = Desktop(application)
    sordino = launch(application, desktop)
    paints = Paints()
    sordino.window.installEventFilter(paints)
    sordino.engine.ready.connect(mark("ready"))
    sordino.engine.ready.connect(lambda _: sordino.conversation.send(QUESTION))
    sordino.conversation.thinking_added.connect(mark("first_token"))
    sordino.conversation.answer_added.connect(mark("first_token"))
    sordino.conversation.statistics_changed.connect(
        lambda s: marks.update(tokens_per_s=s.decode_tokens_per_s)
    )
    sordino.conversation.reply_finished.connect(mark("finished"))
    sordino.conversation.reply_finished.connect(lambda _: QTimer.singleShot(50, application.quit))
    application.exec()
    print(json.dumps(marks))


def _one_run() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"SORDINO_HOME": home}
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
        launched = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.startup", "--child"],
            env=environment,
            capture_output=True,
            check=True,
            timeout=120,
        )
    marks: dict[str, float] = json.loads(done.stdout)
    return {k: v if k == "tokens_per_s" else v - launched for k, v in marks.items()}


def main(runs: int) -> None:
    load = os.getloadavg()[0]
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {load:.1f}")
    results = [_one_run() for _ in range(runs)]
    for name in (*MARKS, "tokens_per_s"):
        values = sorted(result[name] for result in results)
        middle = statistics.median(values)
        print(f"{name:13} median {middle:7.2f}   best {values[0]:7.2f}   worst {values[-1]:7.2f}")


if __name__ == "__main__":
    if "--child" in sys.argv:
        _child()
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
