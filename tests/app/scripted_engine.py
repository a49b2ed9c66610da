"""An engine without a model: a process of its own that speaks the real protocol and does what the
real one can't be made to do on demand. What happens follows from the words of the last question:

    die in prefill | die in decode     SIGKILL at that point
    freeze                             SIGSTOP in the middle of the answer
    long prefill                       no word for a while, but the reading thread answers pings
    forever                            thinks word by word until cancelled or told to answer
    overflow                           refused: longer than the context
    fail                               an error in the middle
    only think                         ends without an answer
    stop STOP                          ends with that stop reason
    show the conversation              answers with the conversation's JSON
    anything else                      thinks "Let me see." and repeats the question

and from the model: "missing" can't be loaded, "deadly" kills the process while loading, "slow"
stays loading until the file named by --gate exists.

    python tests/app/scripted_engine.py [--stubborn] [--mute] [--chatty] [--gate FILE]

--stubborn: stays when its input ends. --mute: never says a word. --chatty: fills stderr.
"""

import argparse
import json
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path

from mlx_engine.protocol import (
    AnswerNow,
    Cancel,
    Delta,
    Done,
    Event,
    Failed,
    Generate,
    Hello,
    Json,
    ListModels,
    Load,
    Loading,
    Memory,
    ModelInfo,
    ModelList,
    Ping,
    Pong,
    Prefill,
    Ready,
    Request,
    Stats,
    StatsReport,
    Timing,
    Unload,
    Unloaded,
    Usage,
    decode_request,
    encode,
)

WORD_S = 0.005


class ScriptedEngine:
    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._cancelled: set[str] = set()
        self._answering: set[str] = set()
        self._lock = threading.Lock()

    def run(self) -> None:
        if self._options.chatty:
            sys.stderr.write("chatter " * 600_000)
            sys.stderr.flush()
        if self._options.mute:
            time.sleep(60)
        self._emit(Hello())
        threading.Thread(target=self._read, daemon=True).start()
        while request := self._requests.get():
            self._handle(request)

    def _emit(self, event: Event) -> None:
        with self._lock:
            sys.stdout.buffer.write(encode(event))
            sys.stdout.buffer.flush()

    def _read(self) -> None:
        for line in sys.stdin.buffer:
            match request := decode_request(line):
                case Cancel():
                    self._cancelled.add(request.id)
                case AnswerNow():
                    self._answering.add(request.id)
                case Ping():
                    self._emit(Pong(request.id))
                case _:
                    self._requests.put(request)
        if self._options.stubborn:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(60)
        os._exit(0)

    def _handle(self, request: Request) -> None:
        match request:
            case Load():
                self._load(request)
            case Generate():
                self._generate(request)
            case Stats():
                self._emit(StatsReport(request.id, "test", "cpu", 1, 2, 3, 4, None))
            case ListModels():
                self._emit(ModelList(request.id, ()))
            case Unload():
                self._emit(Unloaded(request.id))

    def _load(self, request: Load) -> None:
        if request.model == "missing":
            self._emit(Failed(request.id, "model", "There is no model missing. Choose another."))
            return
        self._emit(Loading(request.id, 0.5))
        if request.model == "deadly":
            os.kill(os.getpid(), signal.SIGKILL)
        while request.model == "slow" and not Path(self._options.gate).exists():
            time.sleep(WORD_S)
        info = ModelInfo(
            name=request.model.capitalize(),
            path="/models/" + request.model,
            context=min(request.context or 4096, 131_072),
            checkpoint_bytes=1,
            layers=1,
            experts=1,
            vocabulary=1,
            is_guide=request.model == "guide",
        )
        self._emit(Ready(request.id, info))

    def _generate(self, request: Generate) -> None:
        asked = _last_words(request.conversation)
        self._emit(Prefill(request.id, 0, 8, 0))
        match asked:
            case "overflow":
                words = "The conversation has 9,000 tokens; the context holds 4,096. Shorten it."
                self._emit(Failed(request.id, "context", words))
                return
            case "die in prefill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "long prefill":
                time.sleep(4.0)
        self._emit(Prefill(request.id, 8, 8, 0))
        self._delta(request, "analysis", "Let me see.")
        stop = "return"
        match asked:
            case "die in decode" | "freeze":
                self._delta(request, "final", "Half an ")
                self._delta(request, "final", "answer")
                dies = asked == "die in decode"
                os.kill(os.getpid(), signal.SIGKILL if dies else signal.SIGSTOP)
            case "fail":
                self._delta(request, "final", "Half")
                self._emit(Failed(request.id, "engine", "The engine failed. Try again."))
                return
            case "forever":
                stop = self._think_forever(request)
            case "only think":
                pass
            case "show the conversation":
                self._delta(request, "final", json.dumps(request.conversation))
            case _ if asked.startswith("stop "):
                stop = asked.removeprefix("stop ")
                self._delta(request, "final", "As far as it goes")
            case _:
                for word in f"You said: {asked}".split(" "):
                    self._delta(request, "final", word + " ")
        usage = Usage(8, 2, 6, 3)
        self._emit(Done(request.id, usage, Timing(0.1, 0.2, 40.0, 30.0), Memory(5, 6), stop))  # type: ignore[arg-type]

    def _think_forever(self, request: Generate) -> str:
        while request.id not in self._cancelled:
            time.sleep(WORD_S)
            if request.id in self._answering:
                self._delta(request, "final", "So be it.")
                return "return"
            self._delta(request, "analysis", "and ")
        return "cancel"

    def _delta(self, request: Generate, channel: str, text: str) -> None:
        self._emit(Delta(request.id, channel, None, text))


def _last_words(conversation: Json) -> str:
    content = conversation["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--stubborn", action="store_true")
    parser.add_argument("--mute", action="store_true")
    parser.add_argument("--chatty", action="store_true")
    parser.add_argument("--gate", default="")
    ScriptedEngine(parser.parse_args()).run()


if __name__ == "__main__":
    main()
