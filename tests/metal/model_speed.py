"""How fast a whole model is on this machine's GPU: each route, and mlx-lm, in one run.

    python -m tests.checkpoints --size 20b FOLDER     random weights of the real sizes, 13.8 GB
    python -m tests.metal.model_speed FOLDER [--prompt 2048] [--generate 128]

A JSON line each: tokens a second, and the share of a plain copy's rate that decode reaches by the
fewest bytes a token needs. Everyone appends tokens the same way: chunks of 512, then the likeliest
token, queued upon the one before. mlx-lm is no requirement of Sordino's: it takes part where it is
installed beside the same MLX.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np

from mlx_engine import machine
from mlx_engine.cache import KeyValueCache
from mlx_engine.checkpoint import Checkpoint
from mlx_engine.kernels.choice import choose, routes
from mlx_engine.model import Model
from mlx_engine.traffic import least_bytes

CHUNK = 512
SEED = 20250805


@dataclass(frozen=True, slots=True)
class Sequence:
    """One that grows. `append`: tokens (L,) → logits of the last, (1, vocabulary)."""

    append: Callable[[mx.array], mx.array]
    held: Callable[[], Any]  # what a chunk leaves behind, for `mx.eval`


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.metal.model_speed")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--prompt", type=int, default=2048)
    parser.add_argument("--generate", type=int, default=128)
    options = parser.parse_args()
    copied = machine.copy_bandwidth()
    print("\n".join(machine.lines(machine.describe())))
    print(json.dumps({"copy_gb_per_s": round(copied / 1e9, 1)}), flush=True)
    checkpoint = Checkpoint.open(options.folder)
    config = checkpoint.config
    prompt = np.random.default_rng(SEED).integers(0, config.vocab_size, options.prompt)
    for name, start, notes in _contestants(options.folder, checkpoint):
        _run(start(), mx.array(prompt[: CHUNK + 9]), 4)  # compiles, reads weights
        read, written = _run(start(), mx.array(prompt), options.generate)
        rate = options.generate / written
        line = {
            "who": name,
            "prefill_tokens_per_s": round(options.prompt / read, 1),
            "decode_tokens_per_s": round(rate, 2),
            "decode_share_of_copy": round(rate * least_bytes(config) / copied, 3),
            "notes": notes,
        }
        print(json.dumps(line), flush=True)


def _contestants(
    folder: Path, checkpoint: Checkpoint
) -> Iterator[tuple[str, Callable[[], Sequence], tuple[str, ...]]]:
    config, dtype = checkpoint.config, mx.bfloat16
    for route in (name for name in routes() if name != "cpu"):
        choice = choose(config, checkpoint.weights, dtype, route)
        model = Model(config, checkpoint.weights, dtype, choice.operations)

        def start(model: Model = model) -> Sequence:
            cache = KeyValueCache(config, dtype)
            return Sequence(lambda tokens: model(tokens, cache, 1), lambda: cache.arrays)

        yield f"sordino, {route}", start, choice.replaced
    try:
        from mlx_lm.models.cache import make_prompt_cache
        from mlx_lm.utils import load_model
    except ImportError:
        return
    theirs, _ = load_model(folder)

    def start_theirs() -> Sequence:
        cache = make_prompt_cache(theirs)
        return Sequence(
            lambda tokens: theirs(tokens[None], cache=cache)[0, -1:],
            lambda: [layer.state for layer in cache],
        )

    yield "mlx-lm", start_theirs, ()


def _run(sequence: Sequence, prompt: mx.array, count: int) -> tuple[float, float]:
    """Seconds to read the prompt, and to write `count` tokens after it."""
    mx.eval(prompt)
    started = time.perf_counter()
    for place in range(0, prompt.size - 1, CHUNK):
        sequence.append(prompt[place : min(place + CHUNK, prompt.size - 1)])
        mx.eval(sequence.held())
    token = mx.argmax(sequence.append(prompt[-1:]), axis=-1)
    mx.eval(token)
    read = time.perf_counter()
    for _ in range(count):
        following = mx.argmax(sequence.append(token), axis=-1)
        mx.async_eval(following)  # type: ignore[no-untyped-call]
        token.item()
        token = following
    mx.eval(token)
    return read - started, time.perf_counter() - read


if __name__ == "__main__":
    main()
