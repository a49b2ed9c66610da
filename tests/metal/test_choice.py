"""Kernels are trusted where they prove themselves, replaced where they don't, and it is remembered.

The engine's own trial, with the CPU route in the GPU's place, and with faults put into it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import mlx.core as mx
import pytest

from mlx_engine import machine
from mlx_engine.checkpoint import Checkpoint
from mlx_engine.kernels import Choice, choice, gpu, plain
from mlx_engine.kernels.choice import trusted
from mlx_engine.kernels.launch import Arrays, Launch
from mlx_engine.kernels.trial import Verdict
from mlx_engine.kernels.verdicts import Verdicts
from tests.checkpoints import write_tiny_checkpoint
from tests.metal.cpu_launcher import CpuLauncher
from tests.metal.toolchain import Missing, cpu_compiler

pytestmark = pytest.mark.skipif(isinstance(cpu_compiler(), Missing), reason=str(cpu_compiler()))

Fault = Callable[[Arrays], Arrays]


@dataclass(slots=True)
class FaultyLauncher:
    """One kernel's outputs are not what it computed."""

    kernel: str = ""
    fault: Fault = dict
    inner: CpuLauncher = field(default_factory=CpuLauncher)

    def __call__(self, name: str, call: Launch, inputs: Arrays) -> Arrays:
        found = self.inner(name, call, inputs)
        return self.fault(found) if name == self.kernel else found


def slightly_off(outputs: Arrays) -> Arrays:
    return {name: array * 1.05 for name, array in outputs.items()}


def not_a_number(outputs: Arrays) -> Arrays:
    return {name: array * float("nan") for name, array in outputs.items()}


def refused(outputs: Arrays) -> Arrays:
    raise RuntimeError("[metal] unable to build\n  program_source:7: error: no such thing")


def other_each_time(outputs: Arrays) -> Arrays:
    return {name: array + mx.random.normal(array.shape) for name, array in outputs.items()}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    folder = tmp_path_factory.mktemp("checkpoint")
    return Checkpoint.open(write_tiny_checkpoint(folder, seed=3, sliding_window=32))


@pytest.fixture(autouse=True)
def twins_as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "on_cpu", lambda: False)
    monkeypatch.setattr(plain, "_activation", lambda: plain._swiglu)  # fusing needs a compiler


def choose(
    checkpoint: Checkpoint,
    verdicts: Verdicts,
    launcher: FaultyLauncher,
    seconds: Callable[[object], float] = lambda _: 1.0,
    progress: Callable[[float], None] = lambda share: None,
) -> Choice:
    """Time is not measured: here a kernel is emulated."""
    config, weights = checkpoint.config, checkpoint.weights
    return trusted("metal", launcher, config, weights, verdicts, seconds, progress)


def settled(checkpoint: Checkpoint, path: Path, *, but: str) -> Verdicts:
    """All kernels but one were found good before."""
    verdicts = Verdicts(path)
    for name in set(gpu.KERNELS) - {but}:
        given = choice._circumstances(name, checkpoint.config, machine.describe())
        verdicts.keep(Verdict(name, 0.0, 1.0, 1.0), given)
    return verdicts


def test_sound_kernels_are_trusted_and_tried_once(checkpoint: Checkpoint, home: Path) -> None:
    launcher, told = FaultyLauncher(), list[float]()
    found = choose(checkpoint, Verdicts(home / "kernels.json"), launcher, progress=told.append)
    assert found.replaced == ()
    assert told == [tried / len(gpu.KERNELS) for tried in range(len(gpu.KERNELS))]
    assert [verdict.kernel for verdict in found.verdicts] == list(gpu.KERNELS)
    assert set(launcher.inner.launches) == {k for names in gpu.KERNELS.values() for k in names}
    launcher.inner.launches.clear()
    again = choose(checkpoint, Verdicts(home / "kernels.json"), launcher, progress=told.append)
    assert again.verdicts == found.verdicts
    assert launcher.inner.launches == []
    assert len(told) == len(gpu.KERNELS)


@pytest.mark.parametrize(
    ("unit", "kernel", "fault", "words"),
    [
        ("attention_out", "attention_out", slightly_off, "differs from MLX's own operations by"),
        ("full_attention", "full_attention_merge", slightly_off, "differs from MLX"),
        ("band_attention", "band_attention", not_a_number, "differs from MLX's own operations by"),
        ("experts", "experts_gate_up", refused, "unable to build program_source:7: error"),
        ("qkv_rope", "qkv_rope", other_each_time, "another result each time"),
    ],
)
def test_a_kernel_that_fails_is_replaced_and_named(
    checkpoint: Checkpoint,
    home: Path,
    capsys: pytest.CaptureFixture[str],
    unit: str,
    kernel: str,
    fault: Fault,
    words: str,
) -> None:
    path = home / "kernels.json"
    launcher = FaultyLauncher(kernel, fault)
    found = choose(checkpoint, settled(checkpoint, path, but=unit), launcher)
    (line,) = found.replaced
    assert line.startswith(f"{unit}: ")
    assert words in line
    assert f"The kernel {unit} is not used: " in capsys.readouterr().err
    launcher.inner.launches.clear()
    again = choose(checkpoint, Verdicts(path), launcher)
    assert again.replaced == found.replaced
    assert launcher.inner.launches == []


def test_a_kernel_slower_than_its_twin_is_replaced(checkpoint: Checkpoint, home: Path) -> None:
    times = iter([2e-3, 1e-3])
    verdicts = settled(checkpoint, home / "kernels.json", but="unembed")
    found = choose(checkpoint, verdicts, FaultyLauncher(), lambda _: next(times))
    assert found.replaced == ("unembed: it takes 2000 µs, MLX's own operations 1000 µs",)


def test_a_kernel_that_twice_took_the_process_with_it_is_not_tried_again(
    checkpoint: Checkpoint, home: Path
) -> None:
    verdicts = settled(checkpoint, home / "kernels.json", but="router")
    given = choice._circumstances("router", checkpoint.config, machine.describe())
    verdicts.begin("router", given)
    assert Verdicts(home / "kernels.json").find("router", given) is None  # someone may have quit
    Verdicts(home / "kernels.json").begin("router", given)
    launcher = FaultyLauncher()
    found = choose(checkpoint, Verdicts(home / "kernels.json"), launcher)
    assert found.replaced == ("router: the engine ended while it was tried, two times",)
    assert launcher.inner.launches == []


def test_a_verdict_holds_for_its_circumstances_alone(checkpoint: Checkpoint, home: Path) -> None:
    verdicts = settled(checkpoint, home / "kernels.json", but="")
    given = choice._circumstances("router", checkpoint.config, machine.describe())
    assert verdicts.find("router", given) is not None
    for name in ("device", "system", "mlx", "sizes", "text"):
        assert verdicts.find("router", replace(given, **{name: "another"})) is None


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', "{", '{"a": {}}'])
def test_a_damaged_file_is_an_empty_one(checkpoint: Checkpoint, home: Path, content: str) -> None:
    home.mkdir()
    (home / "kernels.json").write_text(content)
    given = choice._circumstances("router", checkpoint.config, machine.describe())
    assert Verdicts(home / "kernels.json").find("router", given) is None


def test_a_file_that_cannot_be_written_costs_only_the_memory(
    checkpoint: Checkpoint, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home.write_text("in the way")
    given = choice._circumstances("router", checkpoint.config, machine.describe())
    Verdicts(home / "kernels.json").keep(Verdict("router", 0.0, 1.0, 1.0), given)
    assert "can't be kept" in capsys.readouterr().err
