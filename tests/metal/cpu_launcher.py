"""The CPU route as a launcher: the engine's own calls of kernels, without a GPU.

Each call computes at once.
"""

from dataclasses import dataclass, field
from typing import Any

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from mlx_engine.kernels.launch import Arrays, Launch, buffer_dtypes
from mlx_engine.metal_source import read_kernel
from tests.metal.cpu_route import Route, run


@dataclass(slots=True)
class CpuLauncher:
    """Notes what it is asked for. `route` runs a kernel, in whichever build."""

    route: Route = run
    launches: list[str] = field(default_factory=list)

    def __call__(self, name: str, call: Launch, inputs: Arrays) -> Arrays:
        self.launches.append(name)
        source = read_kernel(name)
        arrays = {key: _to_numpy(inputs[key]) for key in source.inputs}
        outputs = self.route(source, call, arrays).outputs
        dtypes = buffer_dtypes(source, call)
        return {key: _to_mlx(array, dtypes[key]) for key, array in outputs.items()}


def _to_numpy(array: mx.array) -> NDArray[Any]:
    """bfloat16 as its bits."""
    return np.asarray(array.view(mx.uint16) if array.dtype == mx.bfloat16 else array)


def _to_mlx(array: NDArray[Any], dtype: mx.Dtype) -> mx.array:
    return mx.array(array).view(mx.bfloat16) if dtype == mx.bfloat16 else mx.array(array)
