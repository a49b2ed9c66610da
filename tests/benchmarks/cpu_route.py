"""The CPU route beside mlx-lm and llama.cpp, with the same weights, in one run.

    python -m tests.checkpoints --size 20b FOLDER
    PEERS gguf_file.py FOLDER FILE
    python -m tests.benchmarks.cpu_route FOLDER FILE --peers PEERS

PEERS is the interpreter of an environment of its own with mlx-lm, mlx[cpu], llama-cpp-python and
gguf. The engines take turns, each in a fresh process, so that whatever else the machine does hits
all of them; medians of the rounds are printed as a table in Markdown. mlx-lm takes minutes for a
handful of tokens: `--slow-prompt` and `--slow-generate` are its share.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

CONTENDERS = Path(__file__).with_name("cpu_contenders.py")
FIGURES = (
    *("prefill_tokens_per_s", "prefill_tokens_per_cpu_s"),
    *("decode_tokens_per_s", "decode_tokens_per_cpu_s", "load_s", "peak_bytes"),
)


def measured(python: str, engine: str, path: str, options: list[str]) -> dict[str, Any]:
    command = [python, str(CONTENDERS), engine, path, *options]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    print(json.dumps(result), file=sys.stderr, flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("gguf")
    parser.add_argument("--peers", required=True, metavar="PYTHON")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--generate", type=int, default=16)
    parser.add_argument("--slow-prompt", type=int, default=16)
    parser.add_argument("--slow-generate", type=int, default=2)
    given = parser.parse_args()

    def sizes(prompt: int, generate: int) -> list[str]:
        named = {"--prompt": prompt, "--generate": generate, "--threads": given.threads}
        return [str(part) for pair in named.items() for part in pair]

    usual, slow = sizes(given.prompt, given.generate), sizes(given.slow_prompt, given.slow_generate)
    contenders = (
        ("sordino", sys.executable, given.folder, usual),
        ("llama.cpp", given.peers, given.gguf, usual),
        ("mlx-lm", given.peers, given.folder, slow),
    )
    results: dict[str, list[dict[str, Any]]] = {}
    for _ in range(given.rounds):
        for engine, python, path, options in contenders:
            results.setdefault(engine, []).append(measured(python, engine, path, options))
    print(f"{platform.processor() or platform.machine()}, {given.threads} threads\n")
    print("| | " + " | ".join(FIGURES) + " |\n" + "| --- " * (len(FIGURES) + 1) + "|")
    for engine, rounds in results.items():
        medians = [statistics.median(each[figure] for each in rounds) for figure in FIGURES]
        print(f"| {engine} | " + " | ".join(f"{value:.3g}" for value in medians) + " |")


if __name__ == "__main__":
    main()
