"""One engine's speed with a checkpoint on this machine's CPU: a JSON line on standard output.

    python cpu_contenders.py sordino|mlx-lm|llama.cpp PATH --prompt N --generate M --threads T

Each engine runs in a process and an interpreter of its own, so this file imports nothing of the
project but for its own engine. PATH is the checkpoint's folder, for llama.cpp its GGUF file.
Seconds of the processor stand beside those of the clock: on a machine that others use too, the
former say more, as long as no thread waits busily, that is with one thread.
"""

import argparse
import json
import random
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Append = Callable[[list[int]], int]  # appends tokens and returns the likeliest next one


def sordino(path: str, threads: int) -> Append:
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from mlx_engine.blas import prefer_openblas

    prefer_openblas()
    import mlx.core as mx

    from mlx_engine.cache import KeyValueCache
    from mlx_engine.checkpoint import inspect
    from mlx_engine.opening import open_network

    model = open_network(inspect(Path(path)), dtype=mx.bfloat16, threads=threads).model
    cache = KeyValueCache(model.config, model.dtype)
    cache.reserve(1024)

    def append(tokens: list[int]) -> int:
        return int(mx.argmax(model(mx.array(tokens), cache, 1)).item())  # type: ignore[arg-type]

    return append


def mlx_lm(path: str, threads: int) -> Append:
    import mlx.core as mx
    from mlx_lm.models.cache import make_prompt_cache
    from mlx_lm.utils import load_model

    model, _ = load_model(Path(path), lazy=False)
    cache = make_prompt_cache(model)

    def append(tokens: list[int]) -> int:
        return int(mx.argmax(model(mx.array([tokens]), cache=cache)[:, -1]).item())  # type: ignore[arg-type]

    return append


def llama_cpp(path: str, threads: int) -> Append:
    from llama_cpp import Llama

    model = Llama(path, n_ctx=1024, n_batch=512, n_threads=threads, n_threads_batch=threads,
                  verbose=False)  # fmt: skip

    def append(tokens: list[int]) -> int:
        model.eval(tokens)
        logits = model._ctx.get_logits_ith(-1)
        return max(range(0, 200_000, 1000), key=lambda token: float(logits[token]))

    return append


ENGINES: dict[str, Callable[[str, int], Append]] = {
    "sordino": sordino,
    "mlx-lm": mlx_lm,
    "llama.cpp": llama_cpp,
}


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    clock, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - clock, time.process_time() - processor


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("path")
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--generate", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()

    append, load_s, load_cpu_s = timed(
        lambda: ENGINES[options.engine](options.path, options.threads)
    )
    prompt = random.Random(1).choices(range(1000, 190_000), k=options.prompt)
    token, prefill_s, prefill_cpu_s = timed(lambda: append(prompt))

    def decode() -> None:
        following = token
        for _ in range(options.generate):
            following = append([following])

    _, decode_s, decode_cpu_s = timed(decode)
    result = {
        "engine": options.engine,
        "threads": options.threads,
        "prompt": options.prompt,
        "generated": options.generate,
        "load_s": load_s,
        "load_cpu_s": load_cpu_s,
        "prefill_tokens_per_s": options.prompt / prefill_s,
        "prefill_tokens_per_cpu_s": options.prompt / prefill_cpu_s,
        "decode_tokens_per_s": options.generate / decode_s,
        "decode_tokens_per_cpu_s": options.generate / decode_cpu_s,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
