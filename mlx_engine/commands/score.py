"""`sordino score`: a model's logits over given token ids, for whoever wants to check them.

Owns the file that comes out; the arithmetic is the model's.
"""

import argparse
import os
from pathlib import Path

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from mlx_engine import memory, models
from mlx_engine.cache import KeyValueCache
from mlx_engine.checkpoint import inspect
from mlx_engine.commands import MODEL_HELP, ROUTE_HELP, THREADS_HELP, positive
from mlx_engine.commands.documents import read_ids
from mlx_engine.config import ModelConfig
from mlx_engine.errors import BadRequest, ContextOverflow, OutOfMemory
from mlx_engine.kernels.choice import AUTO, routes
from mlx_engine.model import Model
from mlx_engine.opening import open_network

_DTYPES = {"bfloat16": mx.bfloat16, "float32": mx.float32}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help=MODEL_HELP)
    parser.add_argument(
        "ids",
        metavar="IDS.json",
        help='a JSON list of token ids, or {"ids": […]}; - reads standard input',
    )
    parser.add_argument(
        "--out",
        metavar="OUT.npz",
        type=Path,
        required=True,
        help="gets float32 `logits` [positions, vocabulary]",
    )
    parser.add_argument(
        "--dtype",
        choices=_DTYPES,
        default="bfloat16",
        help="of the arithmetic; float32 shows errors that bfloat16's noise hides. On a CPU "
        "products are float32 either way, and this is the dtype of the keys and values",
    )
    parser.add_argument(
        "--chunk",
        type=positive,
        metavar="N",
        default=512,
        help="tokens read at a time (%(default)s)",
    )
    parser.add_argument(
        "--last", type=positive, metavar="K", help="the last K positions alone, not all"
    )
    parser.add_argument(
        "--route",
        metavar="R",
        default="auto",
        help=ROUTE_HELP,
    )
    parser.add_argument("--threads", type=positive, metavar="N", help=THREADS_HELP)


def run(options: argparse.Namespace) -> int:
    _check_route(options.route, options.dtype)
    _check_place(options.out)
    place = models.resolve(options.model)
    inventory = inspect(place.folder)
    ids = read_ids(options.ids)
    _check_ids(ids, inventory.config)
    count = min(len(ids), options.last or len(ids))
    target = memory.device()
    plan = memory.plan(
        inventory.config, inventory.nbytes, target, name=place.name, context=len(ids)
    )
    logits_bytes = 4 * count * inventory.config.vocab_size
    if plan.total_bytes + logits_bytes > target.free_bytes:
        raise OutOfMemory(
            f"The logits of {count:,} positions take {memory.gigabytes(logits_bytes)}, more than "
            "this machine has left. Ask for fewer with --last."
        )
    memory.respect(plan, target)
    opened = open_network(
        inventory,
        dtype=_DTYPES[options.dtype],
        route=options.route,
        threads=options.threads,
    )
    _write(options.out, score(opened.model, ids, count, options.chunk))
    return 0


def score(model: Model, ids: list[int], count: int, chunk: int) -> NDArray[np.float32]:
    """Logits of what follows each of the last `count` of `ids`: (count, vocabulary)."""
    cache = KeyValueCache(model.config, model.dtype)
    cache.reserve(len(ids))
    logits = np.empty((count, model.config.vocab_size), dtype=np.float32)
    first = len(ids) - count
    for start in range(0, len(ids), chunk):
        stop = min(start + chunk, len(ids))
        wanted = max(0, stop - max(start, first))
        scores = model(mx.array(ids[start:stop]), cache, wanted)
        mx.eval(cache.arrays)
        if wanted:
            logits[stop - wanted - first : stop - first] = np.array(scores)
    return logits


def _check_route(route: str, dtype: str) -> None:
    known = (AUTO, *routes())
    if route not in known:
        raise BadRequest(
            f"There is no route {route!a} on this machine; choose {' or '.join(known)}."
        )
    if route not in (AUTO, "plain") and dtype != "bfloat16":
        raise BadRequest(
            f"The kernels compute in bfloat16 alone; for {dtype} choose --route plain."
        )


def _check_place(path: Path) -> None:
    """Before the work, not after it. A file is replaced; nothing else (/dev/null) may be."""
    if not path.parent.is_dir() or (path.exists() and not path.is_file()):
        raise BadRequest(f"{path} can't be written: name a file in a folder that is there.")


def _check_ids(ids: list[int], config: ModelConfig) -> None:
    if not ids:
        raise BadRequest("The list of token ids is empty; give at least one.")
    for position, token in enumerate(ids):
        if not 0 <= token < config.vocab_size:
            raise BadRequest(
                f"Entry {position} is {token!s:.40}; this model's ids go from 0 to "
                f"{config.vocab_size - 1}."
            )
    if len(ids) > config.max_position_embeddings:
        raise ContextOverflow(
            f"There are {len(ids):,} ids and the model holds {config.max_position_embeddings:,}; "
            "give fewer."
        )


def _write(path: Path, logits: NDArray[np.float32]) -> None:
    """Whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            np.savez(file, logits=logits)
        unfinished.replace(path)
    except OSError as error:
        raise BadRequest(f"{path} can't be written: {error.strerror or error}.") from None
    finally:
        unfinished.unlink(missing_ok=True)  # gone already, unless it failed or was interrupted
