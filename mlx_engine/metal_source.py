"""Reads a kernel written in Metal and cuts it into the pieces that MLX asks for.

Owns the shape of a file in `metal/` and the rules of its language subset (metal/README.md gives
the reasons); knows nothing of what kernels compute, of arrays, or of MLX.

`mx.fast.metal_kernel` writes a kernel's signature itself and takes only the text before it (the
header) and its body. A file in `metal/` is nevertheless a whole Metal function, so that people,
editors and Apple's compiler can read it. Line directives keep compilers' messages on its lines.
"""

import re
from dataclasses import dataclass
from pathlib import Path

# The parameters that Metal fills in by attribute, and the one type that the subset gives each.
BUILTIN_TYPES = {
    "thread_position_in_grid": "uint3",
    "thread_position_in_threadgroup": "uint3",
    "threadgroup_position_in_grid": "uint3",
    "threads_per_threadgroup": "uint3",
    "threadgroups_per_grid": "uint3",
    "thread_index_in_threadgroup": "uint",
    "thread_index_in_simdgroup": "uint",
    "simdgroup_index_in_threadgroup": "uint",
}

_ROOT = Path(__file__).resolve().parent.parent
_STANDARD = "#include <metal_stdlib>\nusing namespace metal;\n"
_INCLUDE = re.compile(r'#include "(\w+\.h)"')
_KERNEL = re.compile(r"^(?:template <([^>]*)>\n)?\[\[kernel\]\] void (\w+)\(", re.M)
_BUFFER = re.compile(r"(const )?device (\w+)\* (\w+) \[\[buffer\((\d+)\)\]\]")
_BUILTIN = re.compile(r"(\w+) (\w+) \[\[(\w+)\]\]")
_TEMPLATE = re.compile(r"(int|bool|typename) (\w+)")

# What clang's strict check (tests/metal/strict.py) would let through, or can't see.
_FORBIDDEN = (
    (r"(?<![\w.])(\d+\.\d*|\.\d+)([eE][+-]?\d+)?(?![\w.])", "a float literal needs the suffix f"),
    (r"(?<![\w.])\d+[eE][+-]?\d+(?![\w.])", "a float literal needs the suffix f"),
    (r"\bdouble\b", "Metal has no double"),
    (r"\bstd::", "Metal has no std"),
    (r"\[[&=\w, ]*\]\s*\([^)]*\)\s*(mutable\s*)?(->\s*\w+\s*)?\{", "Metal 3.1 has no lambda"),
    (r"^\s*static\b", "static variables are not Metal"),
    (r"\bgoto\b", "Metal has no goto"),
)


class MetalSourceError(ValueError):
    """A kernel file that breaks a rule of the subset: `file:line: what is wrong`."""


@dataclass(frozen=True, slots=True)
class Buffer:
    """A pointer parameter. `type` is Metal's name of the element's type, or a template's."""

    name: str
    type: str
    is_output: bool


@dataclass(frozen=True, slots=True)
class TemplateParameter:
    kind: str  # int, bool or typename
    name: str


@dataclass(frozen=True, slots=True)
class MetalSource:
    """One kernel. `header` and `body` are the pieces for MLX, line directives included."""

    name: str
    header: str
    body: str
    template: tuple[TemplateParameter, ...]
    buffers: tuple[Buffer, ...]  # inputs, then outputs
    builtins: tuple[str, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(buffer.name for buffer in self.buffers if not buffer.is_output)

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(buffer.name for buffer in self.buffers if buffer.is_output)


def metal_folder() -> Path:
    """Where the kernels lie: beside this file in a wheel, at the root of a checkout."""
    installed = Path(__file__).resolve().parent / "metal"
    return installed if installed.is_dir() else _ROOT / "metal"


def read_kernel(name: str) -> MetalSource:
    """The kernel `metal/NAME.metal`. Raises MetalSourceError, FileNotFoundError."""
    path = metal_folder() / f"{name}.metal"
    return parse_kernel(name, path.read_text(encoding="utf-8"))


def parse_kernel(name: str, text: str) -> MetalSource:
    """The kernel `name` from the text of its file. Raises MetalSourceError."""
    _check_lines(f"{name}.metal", text)
    kernels = list(_KERNEL.finditer(text))
    if len(kernels) != 1 or kernels[0].group(2) != name:
        raise MetalSourceError(f"{name}.metal:1: must hold one [[kernel]], called {name}")
    kernel = kernels[0]
    close = _closing(text, kernel.end() - 1)
    body_start = text.index("{", close) + 1
    body_end = _closing(text, body_start - 1)
    if text[body_end + 1 :].strip():
        raise MetalSourceError(f"{name}.metal:{_line(text, body_end)}: the kernel comes last")
    header = _inline_includes(f"{name}.metal", text[: kernel.start()], set())
    body = text[body_start:body_end].strip("\n")
    body_line = _line(text, body_start) + 1
    buffers, builtins = _parameters(f"{name}.metal", text, kernel.end(), close)
    _check_builtins(f"{name}.metal:{_line(text, close)}", body, builtins)
    _check_threadgroup_arrays(f"{name}.metal", header, body, body_line)
    return MetalSource(
        name=name,
        header=header,
        body=f'#line {body_line} "{name}.metal"\n{body}\n',
        template=_template(name, kernel.group(1) or ""),
        buffers=buffers,
        builtins=builtins,
    )


def _inline_includes(file: str, text: str, included: set[str]) -> str:
    """The text with our own headers (such as mxfp4.h) put where they belong, each one once.

    MLX includes Metal's standard library by itself.
    """
    lines = [f'#line 1 "{file}"']
    for number, line in enumerate(text.replace(_STANDARD, "\n\n").split("\n"), 1):
        include = _INCLUDE.fullmatch(line)
        if include is None:
            lines.append("" if line == "#pragma once" else line)
        elif include.group(1) not in included:
            name = include.group(1)
            included.add(name)
            header = (metal_folder() / name).read_text(encoding="utf-8")
            _check_lines(name, header)
            lines += [_inline_includes(name, header, included), f'#line {number + 1} "{file}"']
        else:
            lines.append("")
    return "\n".join(lines) + "\n"


def _template(name: str, text: str) -> tuple[TemplateParameter, ...]:
    parameters = []
    for parameter in filter(None, (part.strip() for part in text.split(","))):
        match = _TEMPLATE.fullmatch(parameter)
        if match is None:
            raise MetalSourceError(
                f"{name}.metal: template parameter {parameter!r} is neither int, bool nor typename"
            )
        parameters.append(TemplateParameter(match.group(1), match.group(2)))
    return tuple(parameters)


def _parameters(
    file: str, text: str, start: int, end: int
) -> tuple[tuple[Buffer, ...], tuple[str, ...]]:
    buffers: list[Buffer] = []
    builtins: list[str] = []
    where = f"{file}:{_line(text, start)}"
    for raw in _without_comments(text[start:end]).split(","):
        parameter = " ".join(raw.split())
        buffer, builtin = _BUFFER.fullmatch(parameter), _BUILTIN.fullmatch(parameter)
        if buffer is not None:
            is_output = buffer.group(1) is None
            if int(buffer.group(4)) != len(buffers):
                raise MetalSourceError(f"{where}: {parameter}: buffers count up from 0")
            if not is_output and any(earlier.is_output for earlier in buffers):
                raise MetalSourceError(f"{where}: {parameter}: inputs come before outputs")
            buffers.append(Buffer(buffer.group(3), buffer.group(2), is_output))
        elif builtin is not None and BUILTIN_TYPES.get(builtin.group(3)) == builtin.group(1):
            if builtin.group(2) != builtin.group(3):
                raise MetalSourceError(f"{where}: {parameter}: name it like its attribute")
            builtins.append(builtin.group(2))
        else:
            raise MetalSourceError(f"{where}: {parameter}: not a parameter of the subset")
    return tuple(buffers), tuple(builtins)


def _check_builtins(where: str, body: str, builtins: tuple[str, ...]) -> None:
    """MLX declares an attribute when its name occurs anywhere in the body, comments included."""
    for name in BUILTIN_TYPES:
        if (name in body) != (name in builtins):
            problem = "used but not declared" if name in body else "declared but not used"
            raise MetalSourceError(f"{where}: {name} is {problem}")


def _check_threadgroup_arrays(file: str, header: str, body: str, body_line: int) -> None:
    """Threadgroup memory is declared at the kernel's own scope: two spaces in, nowhere else."""
    if re.search(r"^\s*threadgroup\s+[\w<>]+\s+\w+\[", header, re.M):
        raise MetalSourceError(f"{file}: threadgroup memory can only be declared in the kernel")
    declaration = re.compile(r"^( *)threadgroup [\w<>, ]+ \w+((?:\[[^\]]*\])+)?(.*)$")
    for number, line in enumerate(body.split("\n"), body_line):
        match = declaration.match(_without_comments(line))
        if match is None or "*" in line.split("[")[0] or "(" in line.split("[")[0]:
            continue
        if match.group(2) is None or len(match.group(1)) != 2 or match.group(3).strip() != ";":
            raise MetalSourceError(
                f"{file}:{number}: write `threadgroup T name[N];`, one a line, at kernel scope"
            )


def _check_lines(file: str, text: str) -> None:
    for number, line in enumerate(_without_comments(text).split("\n"), 1):
        for pattern, reason in _FORBIDDEN:
            if re.search(pattern, line):
                raise MetalSourceError(f"{file}:{number}: {reason}")
    _check_recursion(file, text)


def _check_recursion(file: str, text: str) -> None:
    """Helpers call only helpers above them, so none can come back to itself."""
    code = _without_comments(text)
    for match in re.finditer(r"^inline [^\n(]*?(\w+)\(", code, re.M):
        start = code.index("{", _closing(code, match.end() - 1))
        if re.search(rf"\b{match.group(1)}\(", code[start : _closing(code, start)]):
            raise MetalSourceError(
                f"{file}:{_line(code, match.start())}: {match.group(1)} calls itself"
            )


def _without_comments(text: str) -> str:
    return re.sub(r"//[^\n]*", "", text)


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _closing(text: str, start: int) -> int:
    """Position of the bracket that closes the one at `start`."""
    pairs = {"(": ")", "{": "}"}
    opening, closing = text[start], pairs[text[start]]
    depth = 0
    for position in range(start, len(text)):
        depth += (text[position] == opening) - (text[position] == closing)
        if depth == 0:
            return position
    raise MetalSourceError(f"{opening} at line {_line(text, start)} is never closed")
