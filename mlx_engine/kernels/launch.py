"""How a kernel in `metal/` is called: what a call says, and the GPUs that take one.

A launcher is passed to whoever calls kernels, so that the calls that run on a Mac are the calls
that tests run on a CPU. Knows kernels as text with named buffers; nothing of what they compute.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import mlx.core as mx
import numpy as np

from mlx_engine.metal_lowering import TemplateValue, for_cuda
from mlx_engine.metal_source import MetalSource, read_kernel

Shape = tuple[int, ...]
Size = tuple[int, int, int]
Arrays = Mapping[str, mx.array]

MLX_TYPES = {
    "bfloat16_t": mx.bfloat16, "float16_t": mx.float16, "float": mx.float32, "bool": mx.bool_,
    "uint8_t": mx.uint8, "int8_t": mx.int8, "uint16_t": mx.uint16, "int16_t": mx.int16,
    "uint32_t": mx.uint32, "int32_t": mx.int32,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Launch:
    """How a kernel is called, in MLX's terms: `grid` counts threads, not threadgroups."""

    grid: Size
    threadgroup: Size
    template: Mapping[str, TemplateValue]
    outputs: Mapping[str, Shape]

    def with_template(self, template: Mapping[str, TemplateValue]) -> "Launch":
        return replace(self, template=template)


# Kernel, call, inputs by the kernel's names for them → outputs by its names.
Launcher = Callable[[str, Launch, Arrays], Arrays]


def metal_launcher(**options: Any) -> Launcher:
    """On a Mac's GPU. `options` go to every call of MLX's kernels."""
    return _launcher(metal_kernel, options)


def cuda_launcher(**options: Any) -> Launcher:
    """On an NVIDIA GPU."""
    return _launcher(cuda_kernel, options)


def _launcher(build: Callable[[MetalSource], Any], options: Mapping[str, Any]) -> Launcher:
    @cache
    def built(name: str) -> tuple[MetalSource, Any]:
        source = read_kernel(name)
        return source, build(source)

    def launch(name: str, call: Launch, inputs: Arrays) -> Arrays:
        source, kernel = built(name)
        return call_kernel(kernel, source, call, inputs, **options)

    return launch


def metal_kernel(source: MetalSource) -> Any:
    return _mlx_kernel(mx.fast.metal_kernel, source, source.header, source.body)


def cuda_kernel(source: MetalSource) -> Any:
    return _mlx_kernel(mx.fast.cuda_kernel, source, *for_cuda(source))


def _mlx_kernel(make: Callable[..., Any], source: MetalSource, header: str, body: str) -> Any:
    return make(
        name=source.name,
        input_names=list(source.inputs),
        output_names=list(source.outputs),
        header=header,
        source=body,
    )


def call_kernel(
    kernel: Any, source: MetalSource, call: Launch, inputs: Arrays, **options: Any
) -> Arrays:
    """One call of what `metal_kernel` or `cuda_kernel` made; nothing is computed yet."""
    dtypes = buffer_dtypes(source, call)
    outputs = kernel(
        inputs=[inputs[name] for name in source.inputs],
        template=[
            (name, MLX_TYPES[value] if isinstance(value, str) else value)
            for name, value in call.template.items()
        ],
        grid=call.grid,
        threadgroup=call.threadgroup,
        output_shapes=[call.outputs[name] for name in source.outputs],
        output_dtypes=[dtypes[name] for name in source.outputs],
        **options,
    )
    return dict(zip(source.outputs, outputs, strict=True))


def lies_in_order(array: mx.array) -> bool:
    """Whether a kernel can read it as it lies. MLX would copy it first, and say nothing."""
    seen = np.asarray(array.view(mx.uint16) if array.dtype == mx.bfloat16 else array)
    return bool(seen.flags.c_contiguous)


def buffer_dtypes(source: MetalSource, call: Launch) -> Mapping[str, mx.Dtype]:
    """Of each buffer, by name; a template's types are known from the call."""
    types = {name: value for name, value in call.template.items() if isinstance(value, str)}
    return {b.name: MLX_TYPES[types.get(b.type, b.type)] for b in source.buffers}
