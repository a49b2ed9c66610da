"""Which route serves a model on this machine, and which of its kernels are trusted.

A route is "metal", "cuda", "cpu" or "plain". On a GPU each kernel stands a trial when a model of
its sizes is first opened there; one that fails is replaced by its plain twin. The CPU route is
tried as a whole whenever it is chosen. Never silently: a choice says what was replaced, stderr says
so when it is found, `ready` and `sordino doctor` whenever they are asked.
"""

import hashlib
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec

import mlx.core as mx

from mlx_engine import machine
from mlx_engine.blas import one_thread_a_call
from mlx_engine.config import ModelConfig
from mlx_engine.kernels import gpu
from mlx_engine.kernels.launch import Launcher, cuda_launcher, metal_launcher
from mlx_engine.kernels.operations import Operations
from mlx_engine.kernels.plain import PLAIN, on_cpu
from mlx_engine.kernels.trial import Stopwatch, Verdict, seconds, try_kernel
from mlx_engine.kernels.verdicts import Circumstances, Verdicts, default_path
from mlx_engine.metal_source import read_kernel
from mlx_engine.weights import Weights

AUTO = "auto"

_LONG_S = 3.0  # compiled code is loaded sooner; what takes longer is compiling


@dataclass(frozen=True, slots=True)
class Choice:
    """`verdicts`: on each kernel of the route; `launch`: what launches them. None on "plain"."""

    route: str
    operations: Operations
    verdicts: tuple[Verdict, ...] = ()
    launch: Launcher | None = None

    @property
    def sound(self) -> frozenset[str]:
        """The kernels that are trusted."""
        return frozenset(v.kernel for v in self.verdicts if v.objection is None)

    @property
    def replaced(self) -> tuple[str, ...]:
        """A line for each kernel that its plain twin serves for."""
        return tuple(
            f"{verdict.kernel}: {verdict.objection}"
            for verdict in self.verdicts
            if verdict.objection is not None
        )


def routes() -> tuple[str, ...]:
    """Those that this machine has, the best first."""
    there = {
        "metal": mx.metal.is_available(),
        "cuda": mx.cuda.is_available(),
        "cpu": on_cpu() and find_spec("numba") is not None,
    }
    return (*(name for name, is_there in there.items() if is_there), "plain")


def best_route(dtype: mx.Dtype) -> str:
    """`dtype` is the caches': float32 is for exactness and for models that are small enough."""
    return routes()[0] if dtype == mx.bfloat16 else "plain"


def choose_cpu(threads: int | None, progress: Callable[[float], None]) -> Choice:
    """The CPU route, compiled and tried; where it fails, the plain one, and why.

    From now on this process lets others go first. `progress` is told only where it takes long.
    """
    machine.give_way()
    started = time.monotonic()
    try:
        from mlx_engine.kernels import cpu, cpu_trial

        one_thread_a_call()
        operations = cpu.operations(threads)
        objection = cpu_trial.try_route(
            operations,
            lambda share: progress(share) if time.monotonic() - started > _LONG_S else None,
        )
    except (ImportError, OSError, RuntimeError) as error:  # no place for its cache, too
        objection = f"Numba can't be used: {' '.join(str(error).split()):.200}"
    if objection is None:
        return Choice("cpu", operations)
    print(f"The CPU route is not used: {objection}", file=sys.stderr)
    nothing = float("nan")
    return Choice("plain", PLAIN, (Verdict("cpu", nothing, nothing, nothing, objection),))


def choose(
    config: ModelConfig,
    published: Mapping[str, mx.array],
    dtype: mx.Dtype,
    route: str = AUTO,
    progress: Callable[[float], None] = lambda share: None,
) -> Choice:
    """One of `routes`, or the best of them. `dtype` is the caches': kernels know bfloat16 alone.

    `progress` gets the share that is tried, where anything has to be.
    """
    if route == AUTO:
        route = best_route(dtype)
    if route == "plain":
        return Choice(route, PLAIN)
    verdicts = Verdicts(default_path())
    return trusted(route, _launcher(route), config, published, verdicts, progress=progress)


def untried(route: str) -> Operations:
    """A route with all of its kernels, trusted or not."""
    if route == "cpu":
        from mlx_engine.kernels import cpu

        return cpu.operations()
    return PLAIN if route == "plain" else gpu.operations(_launcher(route))


def _launcher(route: str) -> Launcher:
    return metal_launcher() if route == "metal" else cuda_launcher()


def trusted(
    route: str,
    launch: Launcher,
    config: ModelConfig,
    published: Mapping[str, mx.array],
    verdicts: Verdicts,
    stopwatch: Stopwatch = seconds,
    progress: Callable[[float], None] = lambda share: None,
) -> Choice:
    """The kernels' operations, as far as they pass on this machine. Tries what was never tried."""
    weights, described = Weights.gather(config, published), machine.describe()
    found: list[Verdict] = []
    for name in gpu.KERNELS:
        given = _circumstances(name, config, described)
        verdict = verdicts.find(name, given)
        if verdict is None:
            progress(len(found) / len(gpu.KERNELS))
            verdicts.begin(name, given)
            verdict = try_kernel(name, config, weights, launch, stopwatch)
            verdicts.keep(verdict, given)
            if verdict.objection is not None:
                print(f"The kernel {name} is not used: {verdict.objection}", file=sys.stderr)
        found.append(verdict)
    choice = Choice(route, PLAIN, tuple(found), launch)
    return replace(choice, operations=gpu.operations(launch, choice.sound))


def _circumstances(name: str, config: ModelConfig, described: machine.Machine) -> Circumstances:
    sources = [read_kernel(kernel) for kernel in gpu.KERNELS[name]]
    text = "".join(source.header + source.body for source in sources)
    sizes = (
        *(config.hidden_size, config.intermediate_size, config.vocab_size),
        *(config.num_attention_heads, config.num_key_value_heads, config.head_dim),
        *(config.num_local_experts, config.num_experts_per_tok, config.sliding_window),
    )
    return Circumstances(
        device=described.device,
        system=described.os,
        mlx=described.mlx,
        sizes=" ".join(map(str, sizes)),
        text=hashlib.sha256(text.encode()).hexdigest(),
    )
