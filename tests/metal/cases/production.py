"""The sizes that the product really runs: what each kernel is compiled for."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from mlx_engine.kernels import geometry
from mlx_engine.kernels.launch import Launch
from mlx_engine.metal_lowering import TemplateValue
from tests.metal.cases import attention, dense, experts, prefill
from tests.metal.cases.case import REAL_20B, REAL_120B, SMALL, TINY, Case, Sizes

PRODUCTION = (REAL_20B, REAL_120B)


# Each kernel at 20b's own sizes: what its report and the slow tests run.
REAL_DECODE: tuple[partial[Case], ...] = (
    partial(dense.qkv_rope, REAL_20B),
    partial(attention.band, REAL_20B, 1000),
    partial(attention.full, REAL_20B, 4096, 16),
    partial(dense.attention_out, REAL_20B),
    partial(dense.router, REAL_20B, "random", 512),
    partial(experts.gate_up, REAL_20B),
    partial(experts.down, REAL_20B),
    partial(dense.unembed, REAL_20B),
    partial(dense.unembed_8bit, REAL_20B, 64),
)
_FEW_EXPERTS = replace(REAL_20B, experts=3, chosen=2)  # the emulated matrix product is slow
REAL_PREFILL: tuple[partial[Case], ...] = (
    partial(prefill.experts_gemm, _FEW_EXPERTS, 10, 8, True),
    partial(prefill.band_flash, replace(REAL_20B, heads=8, kv_heads=1), 129, 100),
)


def templates(sizes: Sizes) -> dict[str, tuple[Mapping[str, TemplateValue], ...]]:
    """What each kernel is compiled for at these sizes: the template arguments of its calls."""
    hidden, inner, size = sizes.hidden, sizes.inner, sizes.head_dim
    heads, chosen = (sizes.heads, sizes.kv_heads, size), sizes.chosen
    calls: dict[str, tuple[Launch, ...]] = {
        "qkv_rope": (geometry.qkv_rope(hidden, *heads),),
        "band_attention": (geometry.band_attention(*heads, sizes.slots),),
        "full_attention": (geometry.full_attention(*heads, 1),),
        "full_attention_merge": (geometry.full_attention_merge(sizes.heads, size),),
        "attention_out": (geometry.attention_out(hidden, sizes.heads * size),),
        "router": (geometry.router(hidden, sizes.experts, chosen),),
        "experts_gate_up": (geometry.experts_gate_up(hidden, inner, chosen),),
        "experts_down": (geometry.experts_down(hidden, inner, chosen),),
        "experts_gemm": tuple(
            geometry.experts_gemm(inputs, outputs, sizes.experts, chosen, 8, tile, gated=gated)
            for tile in (8, 64)
            for inputs, outputs, gated in ((hidden, 2 * inner, True), (inner, hidden, False))
        ),
        "band_flash": (geometry.band_flash(*heads, sizes.window, 1),),
        "unembed": (geometry.unembed(hidden, sizes.vocabulary),),
        "unembed_8bit": (geometry.unembed_8bit(hidden, sizes.vocabulary, 64),),
    }
    return {name: tuple(call.template for call in found) for name, found in calls.items()}


def small_cases() -> dict[str, Case]:
    """One small call of each kernel."""
    cases = [
        dense.qkv_rope(SMALL), dense.attention_out(SMALL), dense.router(SMALL),
        dense.unembed(TINY), dense.unembed_8bit(TINY, 64),
        experts.gate_up(SMALL), experts.down(SMALL),
        attention.band(SMALL, 200), attention.full(SMALL, 100, 2), merge(SMALL, 2),
        prefill.experts_gemm(TINY, 5, 8, True), prefill.band_flash(SMALL, 5, 7),
    ]  # fmt: skip
    return {case.kernel: case for case in cases}


def merge(sizes: Sizes, parts: int) -> Case:
    """A merge by itself; only its shapes matter."""
    full = attention.full(sizes, 100, parts)
    inputs = {name: np.ones(shape, np.float32) for name, shape in full.launch.outputs.items()}
    return Case(
        "full_attention_merge",
        sizes.name,
        geometry.full_attention_merge(sizes.heads, sizes.head_dim),
        {**inputs, "extent": full.inputs["extent"]},
        {},
    )
