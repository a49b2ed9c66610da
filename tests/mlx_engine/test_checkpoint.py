"""Checkpoints are read byte for byte, and damaged ones are refused before a weight is touched."""

import json
import os
import resource
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from mlx_engine import checkpoint
from mlx_engine.checkpoint import Checkpoint, inspect
from mlx_engine.config import CONFIG_FILE, INDEX_FILE
from mlx_engine.errors import EngineError, ModelNotFound
from tests import reference
from tests.checkpoints import published_config, write_checkpoint, write_tiny_checkpoint

Header = dict[str, Any]


def shard_of(folder: Path, name: str) -> Path:
    weight_map = json.loads((folder / INDEX_FILE).read_bytes())["weight_map"]
    return folder / str(weight_map[name])


def edit_header(shard: Path, change: Callable[[Header], object]) -> None:
    data = shard.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    change(header)
    write_raw(shard, json.dumps(header).encode(), data[end:])


def write_raw(shard: Path, header: bytes, data: bytes) -> None:
    header += b" " * (-len(header) % 8)
    shard.write_bytes(struct.pack("<Q", len(header)) + header + data)


def refusal(folder: Path) -> str:
    """The one line with which the checkpoint is refused."""
    with pytest.raises(EngineError) as error:
        Checkpoint.open(folder)
    message = str(error.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_checkpoint(tmp_path / "model")


def test_weights_are_the_published_bytes(folder: Path) -> None:
    opened = Checkpoint.open(folder)
    wanted = reference.read_weights(folder)
    assert opened.weights.keys() == wanted.keys()
    for name, array in opened.weights.items():
        exact = array.astype(mx.float32) if array.dtype == mx.bfloat16 else array
        assert np.array_equal(np.array(exact), wanted[name]), name
    assert opened.nbytes == sum(array.nbytes for array in opened.weights.values())


def test_progress_grows_to_one(folder: Path) -> None:
    shares: list[float] = []
    Checkpoint.open(folder, shares.append)
    assert shares == sorted(shares)
    assert shares[0] > 0
    assert shares[-1] == 1


@pytest.mark.parametrize("shard_bytes", [1, 1 << 12, 1 << 30])
def test_any_number_of_shards(tmp_path: Path, shard_bytes: int) -> None:
    config = published_config("tiny")
    write_checkpoint(tmp_path, config, shard_bytes=shard_bytes)
    assert len(Checkpoint.open(tmp_path).weights) == 4 * 19 + 3


def test_one_shard_needs_no_index(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, published_config("tiny"), shard_bytes=1 << 30)
    (tmp_path / INDEX_FILE).unlink()
    (tmp_path / "model-00001-of-00001.safetensors").rename(tmp_path / "model.safetensors")
    assert len(Checkpoint.open(tmp_path).weights) == 4 * 19 + 3


def test_views_of_a_mapped_file_are_the_weights(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Metal does, with pages that are copied where Metal wraps them."""
    monkeypatch.setattr(checkpoint, "_WORTH_MAPPING", 4096)
    read = Checkpoint.open(folder).weights
    for shard in inspect(folder).shards:
        for name, view in checkpoint._mapped(shard):
            assert view.dtype == read[name].dtype
            assert mx.array_equal(view, read[name]), name


def test_a_view_of_bytes_is_not_a_copy() -> None:
    data = mx.arange(1 << 22, dtype=mx.uint8)
    mx.eval(data)
    before = mx.get_active_memory()
    view = checkpoint._view(data[8 : 8 + (1 << 21)], checkpoint.Tensor("BF16", (1 << 10, 1 << 10)))
    mx.eval(view)
    assert mx.get_active_memory() == before


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="not a folder"):
        inspect(tmp_path / "absent")


def test_no_config(folder: Path) -> None:
    (folder / CONFIG_FILE).unlink()
    assert CONFIG_FILE in refusal(folder)


def test_no_index(folder: Path) -> None:
    (folder / INDEX_FILE).unlink()
    assert INDEX_FILE in refusal(folder)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"weight_map": []}', '{"weight_map": {}}', '{"weight_map": {"a": 1}}'],
)
def test_an_index_that_is_none(folder: Path, content: str) -> None:
    (folder / INDEX_FILE).write_text(content)
    assert INDEX_FILE in refusal(folder)


def test_an_index_with_a_name_too_long_for_a_file(folder: Path) -> None:
    name = "x" * 300 + ".safetensors"
    (folder / INDEX_FILE).write_text(json.dumps({"weight_map": {"lm_head.weight": name}}))
    assert "is missing" in refusal(folder)


def test_memory_that_runs_out_is_no_fault_of_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("[metal::malloc] Unable to allocate 1073741824 bytes.")

    monkeypatch.setattr(checkpoint, "_read", fail)
    with pytest.raises(RuntimeError, match="malloc"):
        Checkpoint.open(folder)


@pytest.mark.parametrize("file", ["../model.safetensors", "/etc/passwd", "model.bin", ""])
def test_an_index_that_leads_elsewhere(folder: Path, file: str) -> None:
    index = json.loads((folder / INDEX_FILE).read_bytes())
    index["weight_map"]["lm_head.weight"] = file
    (folder / INDEX_FILE).write_text(json.dumps(index))
    assert "can't be a shard" in refusal(folder)


def test_a_missing_shard(folder: Path) -> None:
    shard = shard_of(folder, "lm_head.weight")
    shard.unlink()
    assert shard.name in refusal(folder)


def test_a_shard_that_is_no_file(folder: Path) -> None:
    shard = shard_of(folder, "lm_head.weight")
    shard.unlink()
    os.mkfifo(shard)  # opening it would wait for ever
    assert shard.name in refusal(folder)


def test_index_and_shard_disagree(folder: Path) -> None:
    index = json.loads((folder / INDEX_FILE).read_bytes())
    index["weight_map"]["lm_head.weight"] = shard_of(folder, "model.embed_tokens.weight").name
    (folder / INDEX_FILE).write_text(json.dumps(index))
    message = refusal(folder)
    assert "disagree" in message
    assert "lm_head.weight" in message


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_shard(folder: Path, share: float) -> None:
    shard = shard_of(folder, "lm_head.weight")
    os.truncate(shard, int(shard.stat().st_size * share))
    assert shard.name in refusal(folder)


def test_bytes_after_the_last_tensor(folder: Path) -> None:
    shard = shard_of(folder, "lm_head.weight")
    shard.write_bytes(shard.read_bytes() + bytes(8))
    assert shard.name in refusal(folder)


CRAFTED: dict[str, Callable[[Header], object]] = {
    "negative size": lambda h: h["lm_head.weight"].update(shape=[-320, 64]),
    "huge shape over no bytes": lambda h: h["lm_head.weight"].update(
        shape=[65536, 65536, 65536, 16384], data_offsets=[0, 0]
    ),
    "overflowing shape": lambda h: h["lm_head.weight"].update(shape=[1 << 62, 1 << 62]),
    "beyond 64 bits": lambda h: h["lm_head.weight"].update(shape=[1 << 80]),
    "fractional shape": lambda h: h["lm_head.weight"].update(shape=[320.5, 64]),
    "overlap": lambda h: h["lm_head.weight"].update(
        data_offsets=[n - 2 for n in h["lm_head.weight"]["data_offsets"]]
    ),
    "offsets swapped": lambda h: h["lm_head.weight"]["data_offsets"].reverse(),
    "offsets negative": lambda h: h["lm_head.weight"].update(data_offsets=[-40960, 0]),
    "offsets past the end": lambda h: h["lm_head.weight"].update(data_offsets=[1 << 50, 1 << 51]),
    "no dtype": lambda h: h["lm_head.weight"].pop("dtype"),
    "unknown dtype": lambda h: h["lm_head.weight"].update(dtype="F7"),
    "no object": lambda h: h.update({"lm_head.weight": 3}),
    "another dtype of the same size": lambda h: h["lm_head.weight"].update(dtype="F16"),
    "another shape of the same size": lambda h: h["lm_head.weight"].update(shape=[64, 320]),
    "another rank": lambda h: h["lm_head.weight"].update(shape=[320 * 64]),
    "another name": lambda h: h.update({"lm_head.bias": h.pop("lm_head.weight")}),
}


@pytest.mark.parametrize("change", CRAFTED.values(), ids=CRAFTED.keys())
def test_a_crafted_header(folder: Path, change: Callable[[Header], object]) -> None:
    shard = shard_of(folder, "lm_head.weight")
    edit_header(shard, change)
    message = refusal(folder)
    assert shard.name in message or "lm_head.weight" in message


@pytest.mark.parametrize(
    "header",
    [
        b'{"lm_head.weight": {}, "lm_head.weight": {}}',
        b'{"__metadata__": 3}',
        b"[]",
        b"\xff",
        b"{",
        b"[" * 100_000,
    ],
)
def test_a_header_that_is_none(folder: Path, header: bytes) -> None:
    shard = shard_of(folder, "lm_head.weight")
    write_raw(shard, header, bytes(64))
    assert shard.name in refusal(folder)


def test_a_name_twice_in_a_header(folder: Path) -> None:
    shard = shard_of(folder, "lm_head.weight")
    data = shard.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    entry = b'"lm_head.weight": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}, '
    write_raw(shard, b"{" + entry + data[9:end], data[end:])
    assert shard.name in refusal(folder)


@pytest.mark.parametrize("length", [0, 1 << 40, (1 << 64) - 1])
def test_a_header_that_lies_about_its_length(folder: Path, length: int) -> None:
    shard = shard_of(folder, "lm_head.weight")
    shard.write_bytes(struct.pack("<Q", length) + shard.read_bytes()[8:])
    assert shard.name in refusal(folder)


def test_a_tensor_too_few(folder: Path) -> None:
    config = published_config("tiny")
    config |= {"num_hidden_layers": 5, "layer_types": [*config["layer_types"], "full_attention"]}
    (folder / CONFIG_FILE).write_text(json.dumps(config))
    assert "lacks the tensor model.layers.4." in refusal(folder)


def test_a_tensor_too_many(folder: Path) -> None:
    config = published_config("tiny")
    config |= {"num_hidden_layers": 3, "layer_types": config["layer_types"][:3]}
    (folder / CONFIG_FILE).write_text(json.dumps(config))
    message = refusal(folder)
    assert "model.layers.3." in message
    assert "not part of gpt-oss" in message


def test_a_shape_that_the_config_does_not_call_for(folder: Path) -> None:
    (folder / CONFIG_FILE).write_text(json.dumps(published_config("tiny", num_local_experts=8)))
    message = refusal(folder)
    assert "[4, 64]" in message or "[4," in message
    assert "[8" in message


PEAK = """
import resource, sys
from pathlib import Path
from mlx_engine.checkpoint import Checkpoint
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
opened = Checkpoint.open(Path(sys.argv[1]))
print(opened.nbytes, peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere ru_maxrss has other units")
def test_loading_holds_the_weights_once(tmp_path: Path) -> None:
    config = published_config("tiny", hidden_size=1024, intermediate_size=1024, vocab_size=40960)
    write_checkpoint(tmp_path, config)
    root = Path(__file__).parents[2]
    run = [sys.executable, "-c", PEAK, str(tmp_path)]
    printed = subprocess.run(run, check=True, capture_output=True, cwd=root).stdout
    nbytes, grown = map(int, printed.split())
    assert nbytes > 160 << 20
    assert grown < 1.06 * nbytes + resource.getpagesize()
