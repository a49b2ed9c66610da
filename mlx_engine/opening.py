"""From a checkpoint to a network on the route that serves it on this machine.

Owns the order: the CPU route is compiled and tried before a weight is touched, because it maps the
files where the others read them; a GPU's kernels are tried on the very weights.
"""

from collections.abc import Callable
from dataclasses import dataclass

import mlx.core as mx

from mlx_engine.checkpoint import Checkpoint, Inventory
from mlx_engine.kernels import Choice, choose
from mlx_engine.kernels.choice import AUTO, best_route, choose_cpu
from mlx_engine.model import Model, serving_dtype

# Gets the share done, 0 to 1, of reading the weights (False), and of preparing this machine (True)
# where that is needed: before that for a CPU, after it for a GPU, whose kernels need weights.
Progress = Callable[[float, bool], None]


@dataclass(frozen=True, slots=True)
class Opened:
    checkpoint: Checkpoint
    choice: Choice
    model: Model


def open_network(
    inventory: Inventory,
    *,
    dtype: mx.Dtype | None = None,
    route: str = AUTO,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Opened:
    """`dtype` is that of the caches, by default the best one; `threads` serve the CPU route, by
    default one a core. Errors are those of `Checkpoint.open`."""
    tell = progress or (lambda share, preparing: None)
    dtype = serving_dtype(inventory.nbytes) if dtype is None else dtype
    route = best_route(dtype) if route == AUTO else route
    on_cpu = choose_cpu(threads, lambda share: tell(share, True)) if route == "cpu" else None
    checkpoint = Checkpoint.open(
        inventory.folder,
        lambda share: tell(share, False),
        for_numpy=on_cpu is not None and on_cpu.route == "cpu",
    )
    choice = on_cpu or choose(
        checkpoint.config, checkpoint.weights, dtype, route, lambda share: tell(share, True)
    )
    model = Model(checkpoint.config, checkpoint.weights, dtype, choice.operations)
    return Opened(checkpoint, choice, model)
