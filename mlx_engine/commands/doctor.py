"""`sordino doctor`: is everything the engine stands on in order on this machine?

Owns the report; the checks are `selfcheck`'s. Exit 1 if anything is wrong.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from mlx_engine import machine, memory, models
from mlx_engine.checkpoint import inspect
from mlx_engine.errors import EngineError
from mlx_engine.kernels.verdicts import Remembered, Verdicts, default_path
from mlx_engine.selfcheck import Check, check_operations
from mlx_engine.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class Diagnosis:
    machine: machine.Machine
    free_bytes: int  # of what the device lets a process hold
    operations: tuple[Check, ...]
    kernels: tuple[Remembered, ...]  # as tried when models were opened here
    problems: tuple[str, ...]  # what is wrong, in words; empty if nothing is
    advice: tuple[str, ...]  # what works and could work better


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="one JSON document")


def run(options: argparse.Namespace) -> int:
    checks = []
    for check in check_operations():
        checks.append(check)
        if not options.json and sys.stderr.isatty():
            print(f"\rChecked {check.operation:40}", end="", file=sys.stderr, flush=True)
    if not options.json and sys.stderr.isatty():
        print(f"\r{'':50}\r", end="", file=sys.stderr)
    diagnosis = diagnose(tuple(checks))
    if options.json:
        print(json.dumps(_document(diagnosis), indent=1))
    else:
        print("\n".join(_report(diagnosis)))
    return 1 if diagnosis.problems else 0


def diagnose(checks: tuple[Check, ...]) -> Diagnosis:
    """Puts together what the checks found and what else must be there."""
    described = machine.describe()
    return Diagnosis(
        machine=described,
        free_bytes=memory.device().free_bytes,
        operations=checks,
        kernels=Verdicts(default_path()).on(described.device),
        problems=(*_wrong_operations(checks), *_missing_files()),
        advice=tuple(_advice(described)),
    )


def _wrong_operations(checks: tuple[Check, ...]) -> Iterator[str]:
    for check in checks:
        if check.failure is not None:
            yield f"{_full_name(check)} failed: {check.failure}"
        elif not check.is_good:
            yield (
                f"{_full_name(check)} is off by {check.error:.1e} "
                f"where {check.limit:.0e} is allowed: {_consequence(check)}"
            )


def _consequence(check: Check) -> str:
    if check.route == "plain":
        return "answers can't be trusted."
    return "the engine, which tries each kernel when it opens a model, should leave it to MLX."


def _full_name(check: Check) -> str:
    return f"{check.operation} in {check.dtype} on the {check.route} route"


def _missing_files() -> Iterator[str]:
    """The program's own files: the vocabulary and the guide."""
    try:
        Tokenizer.o200k()
        inspect(models.resolve(models.GUIDE.key).folder)
    except EngineError as error:
        yield str(error)


def _advice(described: machine.Machine) -> Iterator[str]:
    if described.route == "cpu" and sys.platform == "linux":
        if "openblas" not in (described.blas or ""):
            yield (
                "MLX's own BLAS multiplies float32 about thirty times slower than OpenBLAS: "
                "install libopenblas0-pthread."
            )
        yield "There is no GPU for MLX here: gpt-oss works, and is slow."


def _document(diagnosis: Diagnosis) -> dict[str, object]:
    document = asdict(diagnosis)
    document["operations"] = [
        {**asdict(check), "ok": check.is_good} for check in diagnosis.operations
    ]
    document["kernels"] = [
        {**asdict(kernel.given), **asdict(kernel.verdict), "objection": kernel.verdict.objection}
        for kernel in diagnosis.kernels
    ]
    for entry in (*document["operations"], *document["kernels"]):
        for key, value in entry.items():
            entry[key] = None if value != value else value  # JSON has no NaN
    return {"ok": not diagnosis.problems, **document}


def _kernels(remembered: tuple[Remembered, ...]) -> Iterator[str]:
    if not remembered:
        return
    yield ""
    yield "Each kernel beside MLX's own operations, tried when a model was first opened here:"
    for kernel in remembered:
        verdict = kernel.verdict
        use = "used" if verdict.objection is None else f"NOT USED: {verdict.objection}"
        figures = (
            f"{verdict.error:9.1e}{verdict.own_s * 1e6:9.0f} µs{verdict.twin_s * 1e6:9.0f} µs"
            if verdict.failure is None
            else f"{'not measured':>33}"
        )
        yield f"  {verdict.kernel:20}{figures}  {use}"
        yield f"    {kernel.given.sizes}; MLX {kernel.given.mlx}, {kernel.given.system}"


def _report(diagnosis: Diagnosis) -> Iterator[str]:
    yield from machine.lines(diagnosis.machine)
    yield f"Free now   {memory.gigabytes(diagnosis.free_bytes)} of what a process may hold"
    yield ""
    yield "Each operation, computed once more in float64 by NumPy:"
    yield f"  {'operation':38}{'route':8}{'dtype':10}{'error':>9}{'limit':>9}{'time':>12}"
    for check in diagnosis.operations:
        verdict = "" if check.is_good else "  WRONG"
        yield (
            f"  {check.operation:38}{check.route:8}{check.dtype:10}{check.error:9.1e}"
            f"{check.limit:9.0e}{check.median_s * 1e3:9.2f} ms{verdict}"
        )
    yield "  plain: MLX's own operations; metal, cuda: Sordino's kernels, decode in 1 token's."
    yield from _kernels(diagnosis.kernels)
    yield ""
    yield from (f"Note: {line}" for line in diagnosis.advice)
    yield from (f"Wrong: {line}" for line in diagnosis.problems)
    if not diagnosis.problems:
        yield "All is well."
