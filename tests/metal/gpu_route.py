"""The kernels on a real GPU, through MLX: Metal on a Mac, CUDA on an NVIDIA card.

The calls are the engine's own. Written where neither was at hand: route A's check exports the same
call, so its text is proven; that it runs is not.
"""

from collections.abc import Mapping
from typing import Any

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from mlx_engine.kernels.launch import (
    Launch,
    buffer_dtypes,
    call_kernel,
    cuda_kernel,
    metal_kernel,
)  # fmt: skip
from mlx_engine.metal_source import MetalSource
from tests.metal.cpu_route import Result
from tests.metal.toolchain import Missing


def gpu() -> str | Missing:
    if mx.metal.is_available():
        return "metal"
    if mx.cuda.is_available():
        return "cuda"
    return Missing("MLX finds no GPU on this machine")


def kernel_of(source: MetalSource) -> Any:
    """The kernel as MLX holds it, for `call_kernel`."""
    return metal_kernel(source) if gpu() == "metal" else cuda_kernel(source)


def run(source: MetalSource, launch: Launch, inputs: Mapping[str, NDArray[Any]]) -> Result:
    """As `cpu_route.run`, on the GPU; traffic is not known there."""
    arrays = mlx_inputs(source, launch, inputs)
    outputs = call_kernel(kernel_of(source), source, launch, arrays)
    return Result({name: _to_numpy(array) for name, array in outputs.items()}, {})


def mlx_inputs(
    source: MetalSource, launch: Launch, inputs: Mapping[str, NDArray[Any]]
) -> dict[str, mx.array]:
    """Fresh arrays, by the kernel's names for them."""
    dtypes = buffer_dtypes(source, launch)
    return {name: _to_mlx(inputs[name], dtypes[name]) for name in source.inputs}


def _to_mlx(array: NDArray[Any], dtype: mx.Dtype) -> mx.array:
    return mx.array(array).view(mx.bfloat16) if dtype == mx.bfloat16 else mx.array(array)


def _to_numpy(array: mx.array) -> NDArray[Any]:
    return np.array(array.view(mx.uint16) if array.dtype == mx.bfloat16 else array)
