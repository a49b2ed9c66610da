"""The kernels on a real GPU, through MLX: Metal on a Mac, CUDA on an NVIDIA card.

Written where neither was at hand. Route A's check exports the same call, so its text is proven;
that it runs is not.
"""

from collections.abc import Mapping
from typing import Any

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from mlx_engine.metal_lowering import for_cuda
from mlx_engine.metal_source import MetalSource
from tests.metal.cpu_route import Launch, Result
from tests.metal.toolchain import Missing

MLX_TYPES = {
    "bfloat16_t": mx.bfloat16, "float16_t": mx.float16, "float": mx.float32, "bool": mx.bool_,
    "uint8_t": mx.uint8, "int8_t": mx.int8, "uint16_t": mx.uint16, "int16_t": mx.int16,
    "uint32_t": mx.uint32, "int32_t": mx.int32,
}  # fmt: skip


def gpu() -> str | Missing:
    if mx.metal.is_available():
        return "metal"
    if mx.cuda.is_available():
        return "cuda"
    return Missing("MLX finds no GPU on this machine")


def metal_kernel(source: MetalSource) -> Any:
    return mx.fast.metal_kernel(
        name=source.name,
        input_names=list(source.inputs),
        output_names=list(source.outputs),
        header=source.header,
        source=source.body,
    )


def cuda_kernel(source: MetalSource) -> Any:
    header, body = for_cuda(source)
    return mx.fast.cuda_kernel(
        name=source.name,
        input_names=list(source.inputs),
        output_names=list(source.outputs),
        header=header,
        source=body,
    )


def dtypes(source: MetalSource, launch: Launch) -> Mapping[str, mx.Dtype]:
    """Of each buffer, by name; a template's types are known from the launch."""
    types = {name: value for name, value in launch.template.items() if isinstance(value, str)}
    return {b.name: MLX_TYPES[types.get(b.type, b.type)] for b in source.buffers}


def call(
    kernel: Any, source: MetalSource, launch: Launch, arrays: list[mx.array], **options: Any
) -> list[mx.array]:
    dtype = dtypes(source, launch)
    outputs: list[mx.array] = kernel(
        inputs=arrays,
        template=[
            (name, MLX_TYPES[value] if isinstance(value, str) else value)
            for name, value in launch.template.items()
        ],
        grid=launch.grid,
        threadgroup=launch.threadgroup,
        output_shapes=[launch.outputs[name] for name in source.outputs],
        output_dtypes=[dtype[name] for name in source.outputs],
        **options,
    )
    return outputs


def run(source: MetalSource, launch: Launch, inputs: Mapping[str, NDArray[Any]]) -> Result:
    """As `cpu_route.run`, on the GPU; traffic is not known there."""
    arrays = mlx_inputs(source, launch, inputs)
    kernel = metal_kernel(source) if gpu() == "metal" else cuda_kernel(source)
    outputs = call(kernel, source, launch, arrays)
    found = zip(source.outputs, outputs, strict=True)
    return Result({name: _to_numpy(array) for name, array in found}, {})


def mlx_inputs(
    source: MetalSource, launch: Launch, inputs: Mapping[str, NDArray[Any]]
) -> list[mx.array]:
    """Fresh arrays, in the order of the kernel's parameters."""
    dtype = dtypes(source, launch)
    return [_to_mlx(inputs[name], dtype[name]) for name in source.inputs]


def _to_mlx(array: NDArray[Any], dtype: mx.Dtype) -> mx.array:
    return mx.array(array).view(mx.bfloat16) if dtype == mx.bfloat16 else mx.array(array)


def _to_numpy(array: mx.array) -> NDArray[Any]:
    return np.array(array.view(mx.uint16) if array.dtype == mx.bfloat16 else array)
