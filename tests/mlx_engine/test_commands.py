"""The engine's own commands: what they print, what they refuse, and their exit codes."""

import io
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest
from numpy.typing import NDArray

from mlx_engine import machine, selfcheck
from mlx_engine.commands import bench, doctor, run_command
from mlx_engine.harmony import conversation_from_json, render
from mlx_engine.kernels import PLAIN
from mlx_engine.kernels.trial import Verdict
from mlx_engine.kernels.verdicts import Circumstances, Verdicts, default_path
from mlx_engine.selfcheck import Check
from mlx_engine.tokenizer import Tokenizer
from mlx_engine.traffic import least_bytes
from tests import reference
from tests.checkpoints import published_config, write_tiny_checkpoint

ROOT = Path(__file__).parents[2]
IDS = [int(token) for token in np.random.default_rng(1).integers(0, 300, 40)]
CONVERSATION = {"messages": [{"role": "user", "content": "Salut à tous <|end|>"}]}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def o200k() -> Tokenizer:
    return Tokenizer.o200k()


@pytest.fixture
def write(tmp_path: Path) -> Callable[[object], str]:
    """Writes a JSON document and returns its path."""
    numbers = itertools.count()

    def to_file(document: object) -> str:
        path = tmp_path / f"{next(numbers)}.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return str(path)

    return to_file


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line on stderr of a command that fails."""
    assert run_command(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1 and err.endswith("\n")
    assert "Traceback" not in err
    return err


# score -------------------------------------------------------------------------------------------


def scores(tiny: Path, ids: str, out: Path, *more: str) -> NDArray[np.float32]:
    assert run_command(["score", str(tiny), ids, "--out", str(out), *more]) == 0
    with np.load(out) as saved:
        assert saved.files == ["logits"]
        logits: NDArray[np.float32] = saved["logits"]
    assert logits.dtype == np.float32
    return logits


def test_scores_are_the_networks(
    tiny: Path, tmp_path: Path, write: Callable[[object], str]
) -> None:
    found = scores(tiny, write(IDS), tmp_path / "out.npz", "--dtype", "float32")
    config = json.loads((tiny / "config.json").read_text())
    wanted = reference.logits(reference.read_weights(tiny), config, IDS)
    assert found.shape == (40, 320)
    assert reference.disagreement(found, wanted) < 5e-6


def test_scores_in_bfloat16_are_close(
    tiny: Path, tmp_path: Path, write: Callable[[object], str]
) -> None:
    ids = write(IDS)
    exact = scores(tiny, ids, tmp_path / "a.npz", "--dtype", "float32")
    rough = scores(tiny, ids, tmp_path / "b.npz")
    assert 0 < reference.disagreement(rough, exact) < 0.1


@pytest.mark.parametrize("chunk", ["1", "7", "40", "999"])
@pytest.mark.parametrize("last", ["1", "9", "40", "99"])
def test_chunks_and_the_last_positions_change_no_score(
    tiny: Path, tmp_path: Path, write: Callable[[object], str], chunk: str, last: str
) -> None:
    ids = write({"ids": IDS})  # as `render` writes them
    whole = scores(tiny, ids, tmp_path / "a.npz", "--dtype", "float32")
    options = ("--dtype", "float32", "--chunk", chunk, "--last", last, "--route", "plain")
    part = scores(tiny, ids, tmp_path / "no suffix", *options)
    assert len(part) == min(40, int(last))
    np.testing.assert_allclose(part, whole[-int(last) :], atol=2e-5)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "empty"),
        ([1, 2, 320], "Entry 2 is 320; this model's ids go from 0 to 319"),
        ([-1], "Entry 0 is -1"),
        ([1.0], "no token id"),
        ([True], "no token id"),
        (["1"], "no token id"),
        ({"tokens": [1]}, "not a JSON list"),
        ("[1, 2", "not JSON"),
        ("", "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[" + "9" * 5000 + "]", "thousands of digits"),
        ([1] * 131_073, "131,073 ids and the model holds 131,072"),
    ],
)
def test_ids_that_make_no_sense_are_refused(
    tiny: Path,
    tmp_path: Path,
    write: Callable[[object], str],
    capsys: pytest.CaptureFixture[str],
    document: object,
    words: str,
) -> None:
    out = tmp_path / "out.npz"
    assert words in refusal(capsys, "score", str(tiny), write(document), "--out", str(out))
    assert not out.exists()


def test_what_can_not_be_scored_is_said(
    tiny: Path, tmp_path: Path, write: Callable[[object], str], capsys: pytest.CaptureFixture[str]
) -> None:
    ids, out = write(IDS), str(tmp_path / "out.npz")
    assert "no folder" in refusal(capsys, "score", "/no/model", ids, "--out", out)
    assert "can't be read" in refusal(capsys, "score", str(tiny), "/no/ids", "--out", out)
    os.mkfifo(pipe := tmp_path / "pipe")
    # All said before any work; what is no file is not replaced by one.
    for lost in (str(tmp_path / "no" / "out.npz"), str(tmp_path), ".", str(pipe)):
        assert "can't be written" in refusal(capsys, "score", "/no/model", ids, "--out", lost)
    routed = ("--out", out, "--route", "teleport")
    assert "no route 'teleport'" in refusal(capsys, "score", str(tiny), ids, *routed)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.json", "pipe"]
    assert pipe.is_fifo()


# render and parse --------------------------------------------------------------------------------


def test_a_conversation_is_rendered_for_the_assistants_turn(
    write: Callable[[object], str], capsys: pytest.CaptureFixture[str], o200k: Tokenizer
) -> None:
    assert run_command(["render", write(CONVERSATION)]) == 0
    ids = printed(capsys)["ids"]
    assert ids == render(conversation_from_json(CONVERSATION), o200k)
    assert ids[-2:] == [o200k.special["<|start|>"], *o200k.encode("assistant")]
    assert ids.count(o200k.special["<|end|>"]) == 1


def test_standard_input_serves_in_place_of_a_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(json.dumps(CONVERSATION).encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert run_command(["render", "-"]) == 0
    assert len(printed(capsys)["ids"]) > 5


@pytest.mark.parametrize("document", ["{", "[]", {"messages": [{"role": "wizard"}]}, "\x00"])
def test_what_is_no_conversation_is_refused(
    write: Callable[[object], str], capsys: pytest.CaptureFixture[str], document: object
) -> None:
    assert refusal(capsys, "render", write(document)).startswith("sordino render: ")


def test_an_assistants_turn_is_parsed_to_messages(
    write: Callable[[object], str], capsys: pytest.CaptureFixture[str], o200k: Tokenizer
) -> None:
    special = o200k.special
    ids = [special["<|channel|>"], *o200k.encode("analysis"), special["<|message|>"]]
    ids += [*o200k.encode("Hm."), special["<|end|>"], special["<|start|>"]]
    ids += [*o200k.encode("assistant"), special["<|channel|>"], *o200k.encode("final")]
    ids += [special["<|message|>"], *o200k.encode("Bonjour à tous"), special["<|return|>"]]
    assert run_command(["parse", write(ids)]) == 0
    thought, answer = printed(capsys)["messages"]
    assert (thought["channel"], thought["content"]) == ("analysis", "Hm.")
    assert answer == {
        "role": "assistant",
        "name": None,
        "recipient": None,
        "channel": "final",
        "content_type": None,
        "content": "Bonjour à tous",
    }


@pytest.mark.parametrize(
    "ids", [[], [200_005], [200_008] * 9, [-1, 10**12, 201_087, 200_007], [200_006, 200_003, 13]]
)
def test_parsing_never_fails_on_tokens(
    write: Callable[[object], str], capsys: pytest.CaptureFixture[str], ids: list[int]
) -> None:
    assert run_command(["parse", write(ids)]) == 0
    assert isinstance(printed(capsys)["messages"], list)


# bench -------------------------------------------------------------------------------------------


def test_bench_reports_ratios_and_names_the_machine(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["bench", str(tiny), "--prompt", "20", "--generate", "5", "--json"]) == 0
    report = printed(capsys)
    assert report["machine"]["cpu"] and report["machine"]["mlx"] and report["machine"]["cores"]
    assert (report["prefill"]["tokens"], report["decode"]["tokens"]) == (20, 4)
    assert report["decode"]["tokens_per_s"] > 0
    moved = report["bytes_per_token"]
    assert 1 < moved["moved_over_least"] == moved["moved"] / moved["least"]
    assert 0 < report["bandwidth"]["least_share"] < report["bandwidth"]["moved_share"]
    launches = report["launches"]
    drawing = launches["operations_to_draw"]
    assert launches["operations_per_token"] == sum(launches["operations"].values()) + drawing
    assert launches["operations"]["GatherQMM"] == 8  # two in each of four layers
    if report["machine"]["route"] == "cpu":
        assert launches["per_token"] is None and launches["why"]
    assert report["memory"]["peak_bytes"] >= report["memory"]["loaded_bytes"] > 0


def test_bench_is_readable_and_says_what_it_did_not_measure(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["bench", str(tiny), "--prompt", "3", "--generate", "1"]) == 0
    text = capsys.readouterr().out
    assert "Decode     not measured" in text
    assert "an unknown share" in text
    assert max(map(len, text.splitlines())) < 160


def test_a_peak_is_held_against_a_checkpoint_that_is_most_of_it() -> None:
    words = bench.peak_in_words
    assert words(14_050_251_328, 13_761_264_768) == "peak 14.050 GB, 1.021 of the checkpoint"
    assert words(171_000_000, 4_000_000) == "peak 0.171 GB, 0.167 GB over the checkpoint"


def test_bench_refuses_more_than_the_context(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "ask for fewer" in refusal(capsys, "bench", str(tiny), "--prompt", "131072")


def test_the_least_bytes_of_a_token_are_those_published() -> None:
    from mlx_engine.config import ModelConfig

    for size, gigabytes in (("20b", 3.71), ("120b", 5.00)):
        config = ModelConfig.from_json(published_config(size))
        assert round(least_bytes(config) / 1e9, 2) == gigabytes


# doctor ------------------------------------------------------------------------------------------


def first_check(**faulty: Callable[..., Any]) -> Check:
    """Of qkv_rope, on the plain route but for what is replaced."""
    return next(selfcheck.check_route("plain", replace(PLAIN, **faulty), mx.float32))


def test_a_sound_operation_passes() -> None:
    check = first_check()
    assert check.operation == "qkv_rope, 1 token"
    assert check.is_good and check.median_s > 0


def test_an_operation_that_is_slightly_off_is_caught() -> None:
    def off(*arguments: Any) -> tuple[mx.array, mx.array]:
        queries, packed = PLAIN.qkv_rope(*arguments)
        return queries * 1.02, packed

    check = first_check(qkv_rope=off)
    assert not check.is_good
    assert check.error == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("words", ["no such kernel", ""])
def test_an_operation_that_fails_is_wrong_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    def broken(*arguments: Any) -> tuple[mx.array, mx.array]:
        raise RuntimeError(words)

    first = first_check(qkv_rope=broken)
    monkeypatch.setattr(doctor, "check_operations", lambda: iter([first]))
    assert run_command(["doctor"]) == 1
    said = capsys.readouterr().out
    assert f"Wrong: qkv_rope, 1 token in float32 on the plain route failed: {words}" in said
    assert run_command(["doctor", "--json"]) == 1
    report = printed(capsys)
    assert report["ok"] is False
    assert report["problems"]
    assert report["operations"][0]["ok"] is False
    assert report["operations"][0]["error"] is None


def test_kernels_that_were_tried_here_are_listed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "check_operations", lambda: iter(()))
    given = Circumstances(machine.describe().device, "macOS 26.1", "0.32.4", "2880 2880", "abc")
    verdicts, nan = Verdicts(default_path()), float("nan")
    verdicts.keep(Verdict("router", 0.002, 20e-6, 95e-6), given)
    verdicts.keep(Verdict("experts", nan, nan, nan, "unable to build"), given)
    verdicts.keep(Verdict("unembed", nan, 1.0, 1.0), replace(given, device="another"))
    assert run_command(["doctor"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"router +2.0e-03 +20 µs +95 µs +used", said)
    assert re.search(r"experts +not measured +NOT USED: unable to build", said)
    assert "unembed " not in said
    assert run_command(["doctor", "--json"]) == 0
    router, experts = printed(capsys)["kernels"]
    assert (router["kernel"], router["mlx"], router["objection"]) == ("router", "0.32.4", None)
    assert (experts["error"], experts["objection"]) == (None, "unable to build")


def test_missing_files_of_the_program_are_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert doctor.diagnose(()).problems == ()
    monkeypatch.setattr("mlx_engine.resources._FOLDERS", (tmp_path,))
    (problem,) = doctor.diagnose(()).problems
    assert "o200k_base.tiktoken" in problem


def test_every_operation_agrees_with_float64_on_this_machine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(selfcheck, "_TIMED_S", 0.0)  # once each is enough
    assert run_command(["doctor", "--json"]) == 0
    report = printed(capsys)
    assert report["ok"] is True
    names = {check["operation"].partition(",")[0] for check in report["operations"]}
    assert names >= {"qkv_rope", "attention_out", "band_attention", "router", "experts", "unembed"}
    assert report["machine"]["limit_bytes"] > 0


# All ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["sing"],
        ["score"],
        ["score", "guide", "ids.json"],
        ["score", "guide", "ids.json", "--out", "x", "--chunk", "0"],
        ["score", "guide", "ids.json", "--out", "x", "--dtype", "int8"],
        ["bench", "guide", "--prompt", "-3"],
        ["bench", "guide", "--generate", "many"],
        ["render"],
        ["doctor", "--fast"],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        run_command(arguments)
    assert left.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_a_fault_of_our_own_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise KeyError("inner\nthing")

    monkeypatch.setattr(doctor, "check_operations", fail)
    assert "KeyError" in refusal(capsys, "doctor")


def sordino(
    *arguments: str, stdin: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


def test_an_mlx_that_can_not_start_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "mlx").mkdir()
    (tmp_path / "mlx" / "__init__.py").write_text("raise ImportError('no\\nbackend')")
    ran = sordino("bench", "guide", PYTHONPATH=str(tmp_path))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("sordino bench: The engine can't start on this machine: no back")
    assert ran.stderr.count("\n") == 1


def test_commands_are_reached_through_sordino() -> None:
    ran = sordino("render", "-", stdin=json.dumps(CONVERSATION))
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["ids"]
    failed = sordino("parse", "/no/file")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.count("\n") == 1
    assert sordino("score").returncode == 2
