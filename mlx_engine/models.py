"""Where models lie: `guide`, `20b`, `120b` or a folder, to a folder of files on this machine.

Owns the names of models and the layout of the Hugging Face cache, which it scans itself: that is a
few paths, and the hub's own library takes longer to import than the guide takes to answer. Never
touches the network; knows nothing of what the files hold.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlx_engine.config import CONFIG_FILE, INDEX_FILE
from mlx_engine.errors import EngineError, ModelNotFound
from mlx_engine.resources import resource_path


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model that has a name of its own."""

    key: str  # what a person types, and what `load` takes
    name: str
    repository: str | None  # on the Hugging Face hub; None for the one that comes with the app
    checkpoint_bytes: int  # of its tensors, as published; for the guide the most it may have


GUIDE = KnownModel("guide", "Guide", None, 10_000_000)
KNOWN_MODELS = (
    GUIDE,
    KnownModel("20b", "gpt-oss-20b", "openai/gpt-oss-20b", 13_761_264_768),
    KnownModel("120b", "gpt-oss-120b", "openai/gpt-oss-120b", 65_248_815_744),
)


@dataclass(frozen=True, slots=True)
class ModelLocation:
    """A model on this machine."""

    name: str  # "Guide", "gpt-oss-20b", or the folder's name
    folder: Path
    is_guide: bool = False


def resolve(model: str) -> ModelLocation:
    """The folder that `guide`, `20b`, `120b` or a path stands for.

    A folder named like a known model is reached as `./20b`. Raises ModelNotFound, whose line says
    how to get the model or which folder to choose.
    """
    for known in KNOWN_MODELS:
        if model == known.key:
            return _locate(known)
    return _locate_folder(model)


def find(known: KnownModel) -> Path | None:
    """The folder of a known model; None if it isn't on this machine, or not all of it."""
    try:
        return _locate(known).folder
    except ModelNotFound:
        return None


def hub_cache(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder where the Hugging Face tools keep what they fetch.

    Source: huggingface_hub's documentation, "Environment variables".
    """
    for name, below in (
        ("HF_HUB_CACHE", ""),
        ("HUGGINGFACE_HUB_CACHE", ""),
        ("HF_HOME", "hub"),
        ("XDG_CACHE_HOME", "huggingface/hub"),
    ):
        if environment.get(name):
            return _expanded(environment[name]) / below
    return _expanded("~/.cache/huggingface/hub")


def _expanded(path: str) -> Path:
    """With `~` and `$NAME` replaced, as those tools do; what they can't stand for stays."""
    return Path(os.path.expandvars(os.path.expanduser(path)))


def checkpoint_files(folder: Path) -> tuple[Path, ...]:
    """The weight files of a checkpoint, whether they are there or not.

    Those that the index names; without one, or with a damaged one, the .safetensors files present.
    """
    try:
        index = json.loads((folder / INDEX_FILE).read_bytes())
        names = sorted({str(name) for name in index["weight_map"].values()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return tuple(sorted(folder.glob("*.safetensors")))
    return tuple(folder / name for name in names)


def checkpoint_bytes(folder: Path) -> int:
    """Bytes of the weight files that are there."""
    return sum(path.stat().st_size for path in checkpoint_files(folder) if os.path.isfile(path))


def _locate(known: KnownModel) -> ModelLocation:
    if known.repository is None:
        try:
            folder = resource_path(f"{known.key}/{CONFIG_FILE}").parent
        except EngineError as missing:
            raise ModelNotFound(str(missing)) from None
        return ModelLocation(known.name, folder, is_guide=True)
    return ModelLocation(known.name, _snapshot(known))


def _snapshot(known: KnownModel) -> Path:
    """The whole snapshot of a repository in the cache, the branch `main` first."""
    assert known.repository is not None
    root = hub_cache() / f"models--{known.repository.replace('/', '--')}"
    command = (
        f'hf download {known.repository} --exclude "original/*" --exclude "metal/*"'
        f" ({known.checkpoint_bytes / 1e9:.1f} GB)"
    )
    snapshots = _snapshots(root)
    for snapshot in snapshots:
        if _is_whole(snapshot):
            return snapshot
    if snapshots:
        raise ModelNotFound(
            f"{known.name} is only partly here ({snapshots[0]}); finish it with: {command}"
        )
    raise ModelNotFound(
        f"{known.name} is not on this machine. Get it with: {command}; "
        "then choose it in the model menu. If you have it elsewhere, choose its folder."
    )


def _is_whole(snapshot: Path) -> bool:
    """Without its index nobody can tell, so that is awaited too; `isfile` never raises."""
    files = (snapshot / CONFIG_FILE, snapshot / INDEX_FILE, *checkpoint_files(snapshot))
    return all(map(os.path.isfile, files))


def _snapshots(root: Path) -> list[Path]:
    try:
        newest_first = sorted(
            (path for path in (root / "snapshots").iterdir() if path.is_dir()),
            key=lambda path: path.stat().st_mtime,
            reverse=True,
        )
    except OSError:
        return []
    try:
        main = (root / "refs" / "main").read_text("ascii").strip()
    except (OSError, ValueError):
        main = ""
    return sorted(newest_first, key=lambda path: path.name != main)  # stable: main, then newest


def _locate_folder(model: str) -> ModelLocation:
    try:
        folder = Path(model).expanduser().resolve()
        exists, is_folder = folder.exists(), folder.is_dir()
    except (ValueError, OSError, RuntimeError):  # NUL, lone surrogates, loops, no such home
        exists = is_folder = False
    if not model.strip() or not exists:
        raise ModelNotFound(
            f"There is no folder {model!r:.300}. Choose one with a gpt-oss checkpoint, "
            f"or one of {', '.join(known.key for known in KNOWN_MODELS)}."
        )
    if not is_folder:
        raise ModelNotFound(f"{folder} is a file. Choose the folder that it lies in.")
    return ModelLocation(_folder_name(folder), folder)


def _folder_name(folder: Path) -> str:
    """A snapshot in the hub's cache is named by its repository, not by its commit."""
    repository = folder.parent.parent.name
    if folder.parent.name == "snapshots" and repository.startswith("models--"):
        return repository.rpartition("--")[2]
    return folder.name or str(folder)
