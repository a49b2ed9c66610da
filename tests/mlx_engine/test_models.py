"""Names and folders to the files of a model, and what is said when they are not there."""

import json
from pathlib import Path

import pytest

from mlx_engine import models
from mlx_engine.config import INDEX_FILE
from mlx_engine.errors import ModelNotFound
from mlx_engine.models import KNOWN_MODELS, checkpoint_bytes, find, hub_cache, resolve
from tests.checkpoints import write_tiny_checkpoint

MODEL_20B = KNOWN_MODELS[1]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def write_snapshot(cache: Path, commit: str = "c0ffee", *, main: bool = True) -> Path:
    """A tiny checkpoint, lying as the hub's tools lay 20b."""
    root = cache / "models--openai--gpt-oss-20b"
    snapshot = write_tiny_checkpoint(root / "snapshots" / commit)
    if main:
        (root / "refs").mkdir(exist_ok=True)
        (root / "refs" / "main").write_text(commit)
    return snapshot


def test_a_folder_is_found_and_named_after_itself(tmp_path: Path) -> None:
    folder = write_tiny_checkpoint(tmp_path / "my model")
    place = resolve(str(folder))
    assert (place.name, place.folder, place.is_guide) == ("my model", folder, False)


def test_a_tilde_stands_for_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "model").mkdir()
    assert resolve("~/model").folder == tmp_path / "model"


@pytest.mark.parametrize(
    "path", ["", "  ", "/no/such/folder", "a\0b", "\udc80", "~nobody-at-all/x"]
)
def test_a_folder_that_is_not_there_is_named(path: str) -> None:
    with pytest.raises(ModelNotFound, match="There is no folder") as raised:
        resolve(path)
    assert "guide, 20b, 120b" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_in_place_of_a_folder_is_said(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.touch()
    with pytest.raises(ModelNotFound, match="is a file"):
        resolve(str(file))


def test_20b_is_found_in_the_cache_by_its_main_branch(cache: Path) -> None:
    write_snapshot(cache, "0ld", main=False)
    snapshot = write_snapshot(cache, "c0ffee")
    write_snapshot(cache, "n3w", main=False)
    place = resolve("20b")
    assert (place.name, place.folder) == ("gpt-oss-20b", snapshot)
    assert find(MODEL_20B) == snapshot


def test_without_a_main_branch_another_whole_snapshot_serves(cache: Path) -> None:
    broken = write_snapshot(cache, "c0ffee")
    whole = write_snapshot(cache, "0ther", main=False)
    next(broken.glob("*.safetensors")).unlink()
    assert resolve("20b").folder == whole


def test_a_snapshot_chosen_as_a_folder_is_named_after_its_repository(cache: Path) -> None:
    assert resolve(str(write_snapshot(cache))).name == "gpt-oss-20b"


@pytest.mark.parametrize("key", ["20b", "120b"])
def test_a_model_that_is_not_here_comes_with_the_way_to_get_it(cache: Path, key: str) -> None:
    with pytest.raises(ModelNotFound) as raised:
        resolve(key)
    words = str(raised.value)
    assert f'hf download openai/gpt-oss-{key} --exclude "original/*" --exclude "metal/*"' in words
    assert "model menu" in words
    assert "\n" not in words


def test_a_half_finished_download_is_said(cache: Path) -> None:
    snapshot = write_snapshot(cache)
    next(snapshot.glob("*.safetensors")).unlink()
    with pytest.raises(ModelNotFound, match="only partly here"):
        resolve("20b")
    assert find(MODEL_20B) is None


def test_without_its_index_a_snapshot_is_not_whole(cache: Path) -> None:
    snapshot = write_snapshot(cache)
    next(snapshot.glob("*.safetensors")).unlink()
    (snapshot / INDEX_FILE).unlink()
    with pytest.raises(ModelNotFound, match="only partly here"):
        resolve("20b")


def test_an_index_of_impossible_names_is_not_whole(cache: Path) -> None:
    snapshot = write_snapshot(cache)
    index = {"weight_map": {"a": "x" * 300 + ".safetensors", "b": "nul\0"}}
    (snapshot / INDEX_FILE).write_text(json.dumps(index))
    assert find(MODEL_20B) is None
    assert checkpoint_bytes(snapshot) == 0


def test_a_dangling_link_counts_as_missing(cache: Path) -> None:
    snapshot = write_snapshot(cache)
    shard = next(snapshot.glob("*.safetensors"))
    shard.unlink()
    shard.symlink_to(cache / "gone")
    assert find(MODEL_20B) is None


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"HF_HUB_CACHE": "/a", "HF_HOME": "/b"}, "/a"),
        ({"HUGGINGFACE_HUB_CACHE": "/a", "HF_HOME": "/b"}, "/a"),
        ({"HF_HOME": "/b", "XDG_CACHE_HOME": "/c"}, "/b/hub"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/huggingface/hub"),
        ({"HF_HOME": "~/b"}, str(Path.home() / "b" / "hub")),
        ({"HF_HOME": "$HOME/b"}, str(Path.home() / "b" / "hub")),
        ({"HF_HOME": "~nobody-at-all/b"}, "~nobody-at-all/b/hub"),
        ({"HF_HUB_CACHE": ""}, str(Path.home() / ".cache/huggingface/hub")),
    ],
)
def test_the_cache_is_where_the_hub_tools_keep_it(environment: dict[str, str], folder: str) -> None:
    assert hub_cache(environment) == Path(folder)


def test_a_checkpoints_size_is_that_of_the_files_its_index_names(tmp_path: Path) -> None:
    folder = write_tiny_checkpoint(tmp_path / "model")
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    (folder / "stray.safetensors").write_bytes(b"x" * 100)
    assert checkpoint_bytes(folder) == size


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"weight_map": 3}', "[" * 50_000])
def test_a_damaged_index_leaves_the_files_to_count(tmp_path: Path, damage: str) -> None:
    folder = write_tiny_checkpoint(tmp_path / "model")
    size = checkpoint_bytes(folder)
    (folder / INDEX_FILE).write_text(damage)
    assert checkpoint_bytes(folder) == size


def test_known_sizes_are_those_of_the_published_tensors() -> None:
    from mlx_engine.checkpoint import published_tensors
    from mlx_engine.config import ModelConfig
    from tests.checkpoints import published_config

    for known in KNOWN_MODELS[1:]:
        config = ModelConfig.from_json(published_config(known.key))
        total = sum(tensor.nbytes for tensor in published_tensors(config).values())
        assert known.checkpoint_bytes == total


def test_a_missing_guide_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlx_engine.resources._FOLDERS", (tmp_path,))
    with pytest.raises(ModelNotFound, match="guide"):
        resolve("guide")
    (tmp_path / "guide").mkdir()
    (tmp_path / "guide" / "config.json").write_text(json.dumps({}))
    assert resolve("guide") == models.ModelLocation("Guide", tmp_path / "guide", is_guide=True)
