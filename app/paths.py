"""Where Sordino keeps its files. Everything lies under `SORDINO_HOME` where that is set, else where
the system wants it: on a Mac ~/Library/Application Support/Sordino and ~/Library/Logs/Sordino.

Only names: nothing is created or read here.
"""

import os
from pathlib import Path

NAME = "Sordino"


def _home() -> Path | None:
    home = os.environ.get("SORDINO_HOME")
    return Path(home).expanduser().absolute() if home else None


def data_directory() -> Path:
    """The folder of all that a person would miss: chats and settings."""
    from platformdirs import user_data_path

    return _home() or user_data_path(NAME, appauthor=False)


def database_path() -> Path:
    """The chats."""
    return data_directory() / "chats.sqlite"


def documents_directory() -> Path:
    """Copies of what was attached."""
    return data_directory() / "documents"


def settings_path() -> Path:
    return data_directory() / "settings.json"


def states_directory() -> Path:
    """What the model has read of long documents: large, and made again when it is gone."""
    from platformdirs import user_cache_path

    return (_home() or user_cache_path(NAME, appauthor=False)) / "documents-read"


def states_wanted(are_kept: bool) -> str | None:
    """That folder in the form in which the engine is told."""
    return str(states_directory()) if are_kept else None


def log_path() -> Path:
    """What the engine printed to stderr, the latest megabyte or two."""
    from platformdirs import user_log_path

    home = _home()
    return (home or user_log_path(NAME, appauthor=False)) / "engine.log"


def lock_path() -> Path:
    """Held by the one running window."""
    return data_directory() / "window.lock"
