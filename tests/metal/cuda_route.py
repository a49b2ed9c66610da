"""Route C without a GPU: what MLX's CUDA backend would hand to NVRTC, compiled to machine code.

NVRTC needs no GPU. Running the result does; then `mx.fast.cuda_kernel` takes the same two texts.
"""

import ctypes
import hashlib
from collections.abc import Callable, Mapping
from functools import cache

from mlx_engine.metal_lowering import TemplateValue, for_cuda
from mlx_engine.metal_source import MetalSource
from tests.metal.toolchain import BUILD, Missing, Nvrtc, nvrtc

ARCHITECTURE = "sm_90"  # H100, H200

_CUDA_TYPES = {"float16_t": "__half", "bfloat16_t": "__nv_bfloat16"}


class NvrtcError(AssertionError):
    """NVRTC's log."""


def translation_unit(source: MetalSource, template: Mapping[str, TemplateValue]) -> str:
    """As MLX assembles it (mlx/backend/cuda/custom_kernel.cpp), with the headers that it includes:
    inputs before outputs, template arguments as constants of the function."""
    header, body = for_cuda(source)
    types = {
        name: _CUDA_TYPES.get(value, value)
        for name, value in template.items()
        if isinstance(value, str)
    }
    parameters = ",\n    ".join(
        f"{'' if b.is_output else 'const '}{_cuda_type(types.get(b.type, b.type))}* {b.name}"
        for b in source.buffers
    )
    constants = "".join(
        f"  using {name} = {types[name]};\n"
        if isinstance(value, str)
        else f"  constexpr {'bool' if isinstance(value, bool) else 'int'} {name} = {int(value)};\n"
        for name, value in template.items()
    )
    return (
        "#include <cuda/std/cstdint>\n#include <cuda_bf16.h>\n#include <cuda_fp16.h>\n"
        "#include <cooperative_groups.h>\n"
        "using cuda::std::int8_t, cuda::std::int16_t, cuda::std::int32_t, cuda::std::uint8_t,\n"
        "    cuda::std::uint16_t, cuda::std::uint32_t, cuda::std::uint64_t, cuda::std::size_t;\n"
        f"{header}"
        f"namespace mlx::core::cu {{\n__global__ void custom_kernel_{source.name}(\n"
        f"    {parameters}) {{\n{constants}{body}}}\n}}\n"
    )


def compiled(source: MetalSource, template: Mapping[str, TemplateValue]) -> bytes:
    """The kernel as a cubin, from the cache if nothing changed. Raises NvrtcError."""
    tool = nvrtc()
    if isinstance(tool, Missing):
        raise RuntimeError(tool.reason)
    text = translation_unit(source, template)
    key = hashlib.sha256(f"{tool.library}{ARCHITECTURE}{text}".encode()).hexdigest()[:20]
    path = BUILD / f"{source.name}-{key}.cubin"
    if not path.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_compile(tool, text))
    return path.read_bytes()


def _cuda_type(name: str) -> str:
    return _CUDA_TYPES.get(name, name)


@cache
def _library(tool: Nvrtc) -> ctypes.CDLL:
    for builtins in tool.library.parent.glob("libnvrtc-builtins.so.*"):
        ctypes.CDLL(str(builtins))  # NVRTC looks for it by its bare name
    return ctypes.CDLL(str(tool.library))


def _compile(tool: Nvrtc, text: str) -> bytes:
    library, program = _library(tool), ctypes.c_void_p()
    library.nvrtcCreateProgram(ctypes.byref(program), text.encode(), b"kernel.cu", 0, None, None)
    includes = list(tool.include_folders)
    includes += [folder / "cccl" for folder in tool.include_folders if (folder / "cccl").is_dir()]
    options = [
        "--device-as-default-execution-space",
        f"--gpu-architecture={ARCHITECTURE}",
        *(f"--include-path={folder}" for folder in includes),
    ]
    arguments = (ctypes.c_char_p * len(options))(*[option.encode() for option in options])
    try:
        failed = library.nvrtcCompileProgram(program, len(options), arguments)
        if failed:
            log = _bytes(library.nvrtcGetProgramLogSize, library.nvrtcGetProgramLog, program)
            raise NvrtcError(log.decode(errors="replace").rstrip("\0"))
        return _bytes(library.nvrtcGetCUBINSize, library.nvrtcGetCUBIN, program)
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def _bytes(size: Callable[..., int], get: Callable[..., int], program: ctypes.c_void_p) -> bytes:
    count = ctypes.c_size_t()
    size(program, ctypes.byref(count))
    buffer = ctypes.create_string_buffer(count.value)
    get(program, buffer)
    return buffer.raw
