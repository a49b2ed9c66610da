"""Finds the files that travel with the program: the o200k ranks, the guide.

An installed wheel and a frozen app carry them in `app/resources` beside this package; a checkout
keeps them in `resources` at its root. Found by path alone, so that the engine never imports `app`.
"""

from pathlib import Path

from mlx_engine.errors import EngineError

_ROOT = Path(__file__).resolve().parent.parent
_FOLDERS = (_ROOT / "app" / "resources", _ROOT / "resources")


def resource_path(name: str) -> Path:
    """The file or folder `name` (such as "o200k_base.tiktoken"). Raises EngineError."""
    for folder in _FOLDERS:
        if (folder / name).exists():
            return folder / name
    raise EngineError(f"The program's own file {name} is missing: install Sordino again.")
