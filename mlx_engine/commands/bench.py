"""`sordino bench`: how fast a model is on this machine, and how fast it could be.

Times alone say little, so they stand beside ratios: bytes moved per token against the fewest
possible, and the share of the memory bandwidth that a large copy reaches in the same run.
Owns the measurement and its report.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import mlx.core as mx
import numpy as np

from mlx_engine import machine, memory, models
from mlx_engine.cache import KeyValueCache, PromptCache
from mlx_engine.checkpoint import Checkpoint, inspect
from mlx_engine.commands import MODEL_HELP, ROUTE_HELP, THREADS_HELP, positive
from mlx_engine.config import ModelConfig
from mlx_engine.errors import EngineError
from mlx_engine.generate import Finished, generate
from mlx_engine.kernels import Choice, gpu
from mlx_engine.kernels.choice import AUTO, routes
from mlx_engine.model import Model
from mlx_engine.opening import open_network
from mlx_engine.protocol import Sampling
from mlx_engine.sampling import Sampler
from mlx_engine.tokenizer import Tokenizer
from mlx_engine.traffic import CopyCounter, Traffic, decode_traffic, draw_traffic, least_bytes

_SEED = 20250805
_ON_CPU = "a CPU launches no kernels; see operations"
_ON_CPU_ROUTE = "compiled loops launch no kernels"
_LEAST = "each operation is at least one launch"


@dataclass(frozen=True, slots=True)
class Speed:
    tokens: int
    seconds: float
    tokens_per_s: float | None  # None where there was nothing to measure


@dataclass(frozen=True, slots=True)
class BytesPerToken:
    """Of one decoded token. `moved` is counted on the graph: in and out of every operation; None
    on the CPU route, which has none: its loops read each weight where it lies, once."""

    least: int
    moved: int | None
    moved_over_least: float | None


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """`share`: of the least bytes per token times tokens a second, of what a copy reaches."""

    copy_bytes_per_s: float
    least_share: float | None
    moved_share: float | None


@dataclass(frozen=True, slots=True)
class Launches:
    """`operations`: those of the network by kind. `copies`: inputs of kernels, in a decoded token,
    that MLX has to bring into order first; None where no kernel of our own runs."""

    per_token: int | None
    per_layer: float | None  # of the network's, spread over its layers
    why: str
    operations_per_token: int | None
    operations_to_draw: int
    operations: dict[str, int]
    copies: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class PeakMemory:
    """The most that the process held from its start to the last token."""

    loaded_bytes: int  # … when the model was loaded
    peak_bytes: int
    peak_over_checkpoint: float
    cache_bytes: int


@dataclass(frozen=True, slots=True)
class Report:
    machine: machine.Machine
    model: str
    folder: str
    checkpoint_bytes: int
    dtype: str
    load_s: float
    prefill: Speed
    decode: Speed
    bytes_per_token: BytesPerToken
    bandwidth: Bandwidth
    launches: Launches
    memory: PeakMemory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument(
        "--prompt", type=positive, metavar="N", default=512, help="tokens to read (%(default)s)"
    )
    parser.add_argument(
        "--generate", type=positive, metavar="N", default=64, help="tokens to write (%(default)s)"
    )
    parser.add_argument("--route", choices=(AUTO, *routes()), default=AUTO, help=ROUTE_HELP)
    parser.add_argument("--threads", type=positive, metavar="N", help=THREADS_HELP)
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(options: argparse.Namespace) -> int:
    report = measure(
        options.model, options.prompt, options.generate, options.route, options.threads
    )
    print(json.dumps(asdict(report), indent=1) if options.json else "\n".join(lines(report)))
    return 0


def measure(
    name: str,
    prompt_tokens: int,
    new_tokens: int,
    route: str = AUTO,
    threads: int | None = None,
) -> Report:
    """Load, read random tokens, write some; then count and copy."""
    described = machine.describe()
    place = models.resolve(name)
    inventory = inspect(place.folder)
    config, positions = inventory.config, prompt_tokens + new_tokens
    if positions > config.max_position_embeddings:
        raise EngineError(
            f"{positions:,} tokens are more than the {config.max_position_embeddings:,} that "
            f"{place.name} holds; ask for fewer."
        )
    target = memory.device()
    plan = memory.plan(config, inventory.nbytes, target, name=place.name, context=positions)
    memory.respect(plan, target)

    started = time.perf_counter()
    opened = open_network(inventory, route=route, threads=threads)
    checkpoint, choice, model = opened.checkpoint, opened.choice, opened.model
    dtype = model.dtype
    tokenizer = Tokenizer.for_checkpoint(place.folder, config.vocab_size)
    load_s = time.perf_counter() - started
    loaded_bytes = memory.peak_bytes()

    cache = PromptCache(config, dtype)
    prompt = _random_prompt(tokenizer, prompt_tokens)
    _turn(model, cache, prompt[:1], 1)  # what compiles or is read for the first time, does it now
    cache.clear()
    finished = _turn(model, cache, prompt, new_tokens)
    peak_bytes, cache_bytes = memory.peak_bytes(), cache.nbytes
    least = least_bytes(config)
    traffic = None if choice.route == "cpu" else decode_traffic(model, cache.layers)
    cache.clear()
    draw = draw_traffic(Sampler(Sampling(seed=_SEED)), config.vocab_size)
    copies = _copies(config, checkpoint, dtype, choice)
    copied = machine.copy_bandwidth()

    decoded = finished.completion_tokens - 1  # the first token belongs to the prompt
    rate = finished.decode_tokens_per_s if decoded else None
    moved = None if traffic is None else traffic.bytes_moved
    return Report(
        machine=described,
        model=place.name,
        folder=str(place.folder),
        checkpoint_bytes=checkpoint.nbytes,
        dtype=str(dtype).removeprefix("mlx.core."),
        load_s=load_s,
        prefill=Speed(len(prompt), finished.prefill_s, finished.prefill_tokens_per_s),
        decode=Speed(decoded, finished.decode_s, rate),
        bytes_per_token=BytesPerToken(least, moved, moved and moved / least),
        bandwidth=Bandwidth(
            copied, rate and least * rate / copied, rate and moved and moved * rate / copied
        ),
        launches=_launches(described.route, traffic, draw, config.num_hidden_layers, copies),
        memory=PeakMemory(loaded_bytes, peak_bytes, peak_bytes / checkpoint.nbytes, cache_bytes),
    )


def _launches(
    device: str, step: Traffic | None, draw: Traffic, layers: int, copies: tuple[str, ...] | None
) -> Launches:
    if step is None:
        return Launches(None, None, _ON_CPU_ROUTE, None, draw.operations, {}, copies)
    on_cpu, total = device == "cpu", step.operations + draw.operations
    return Launches(
        per_token=None if on_cpu else total,
        per_layer=None if on_cpu else step.operations / layers,
        why=_ON_CPU if on_cpu else _LEAST,
        operations_per_token=total,
        operations_to_draw=draw.operations,
        operations=dict(sorted(step.kinds.items(), key=lambda kind: -kind[1])),
        copies=copies,
    )


def _copies(
    config: ModelConfig, checkpoint: Checkpoint, dtype: mx.Dtype, choice: Choice
) -> tuple[str, ...] | None:
    """Of one decoded token, after a chunk of a few."""
    if choice.launch is None:
        return None
    counter = CopyCounter(choice.launch)
    operations = gpu.operations(counter, choice.sound)
    model, cache = (
        Model(config, checkpoint.weights, dtype, operations),
        KeyValueCache(config, dtype),
    )
    mx.eval(model(mx.array([0, 1, 2]), cache, 1))
    counter.copies.clear()
    mx.eval(model(mx.array([3]), cache, 1))
    return tuple(counter.copies)


def _random_prompt(tokenizer: Tokenizer, length: int) -> list[int]:
    """Ordinary tokens, the same in every run."""
    ordinary = [t for t in range(tokenizer.vocabulary_size) if not tokenizer.is_special(t)]
    return [int(t) for t in np.random.default_rng(_SEED).choice(ordinary, length)]


def _turn(model: Model, cache: PromptCache, prompt: list[int], new_tokens: int) -> Finished:
    """No token ends the turn, so that all runs do the same work."""
    context = len(prompt) + new_tokens + 1
    sampling = Sampling(seed=_SEED)
    steps = generate(
        model, cache, prompt, sampling, stops={}, context=context, max_tokens=new_tokens
    )
    *_, finished = steps
    assert isinstance(finished, Finished)
    mx.synchronize()
    return finished


def lines(report: Report) -> Iterator[str]:
    """The report as a person reads it."""
    moved, bandwidth, held = report.bytes_per_token, report.bandwidth, report.memory
    yield from machine.lines(report.machine)
    yield f"Model      {report.model}, {report.checkpoint_bytes / 1e9:.3f} GB, {report.dtype}"
    yield f"           {report.folder}"
    yield ""
    yield f"Load       {report.load_s:.2f} s"
    yield f"Prefill    {_speed(report.prefill)}"
    yield f"Decode     {_speed(report.decode)}"
    counted = "not counted"
    if moved.moved is not None and moved.moved_over_least is not None:
        counted = f"{moved.moved / 1e6:,.1f} MB moved, ratio {moved.moved_over_least:.2f}"
    yield f"Bytes      {moved.least / 1e6:,.1f} MB per token at least; on the graph {counted}"
    yield (
        f"Bandwidth  a large copy reaches {bandwidth.copy_bytes_per_s / 1e9:.1f} GB/s; decode uses "
        f"{_share(bandwidth.least_share)} of it by the least bytes, "
        f"{_share(bandwidth.moved_share)} by those counted"
    )
    launches = report.launches
    known = "not counted"
    if launches.per_token is not None and launches.per_layer is not None:
        known = f"{launches.per_token:,} per token, {launches.per_layer:.1f} a layer"
    yield f"Launches   {known}: {launches.why}"
    if launches.operations_per_token is not None:
        yield (
            f"Operations {launches.operations_per_token:,} per token, "
            f"{launches.operations_to_draw} of them to draw it"
        )
    if launches.copies is not None:
        yield f"Copies     {len(launches.copies)} per token of inputs that don't lie in order"
    yield (
        f"Memory     {peak_in_words(held.peak_bytes, report.checkpoint_bytes)}; "
        f"{held.loaded_bytes / 1e9:.3f} GB once loaded; caches {held.cache_bytes / 1e6:.1f} MB"
    )


def peak_in_words(peak_bytes: int, checkpoint_bytes: int) -> str:
    """A ratio says nothing where the program itself is larger than the model."""
    beside = peak_bytes - checkpoint_bytes
    if beside > checkpoint_bytes:
        return f"peak {peak_bytes / 1e9:.3f} GB, {beside / 1e9:.3f} GB over the checkpoint"
    return f"peak {peak_bytes / 1e9:.3f} GB, {peak_bytes / checkpoint_bytes:.3f} of the checkpoint"


def _speed(speed: Speed) -> str:
    if speed.tokens_per_s is None:
        return "not measured: it takes two tokens at least"
    rate = f"{speed.tokens_per_s:.1f}" if speed.tokens_per_s >= 1 else f"{speed.tokens_per_s:.3f}"
    return f"{rate} tokens/s ({speed.tokens} in {speed.seconds:.2f} s)"


def _share(share: float | None) -> str:
    return "an unknown share" if share is None else f"{share:.1%}"
