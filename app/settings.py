"""What a person can set, its defaults, and the file that keeps it.

A value that makes no sense becomes its default; a file that can't be read is set aside under
another name and defaults serve. Standard library only: `settings_store.py` adds the Qt signal.
"""

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from app.chats.models import EFFORTS, Effort

Appearance = Literal["system", "light", "dark"]
APPEARANCES: tuple[Appearance, ...] = ("system", "light", "dark")
MODEL_KEYS = ("guide", "20b", "120b")  # any other model is a folder


@dataclass(frozen=True, slots=True)
class Settings:
    """The defaults are OpenAI's recommended sampling and the system's looks."""

    model: str = "guide"  # one of MODEL_KEYS or a folder
    recent_folders: tuple[str, ...] = ()  # of models, latest first
    effort: Effort = "medium"  # of a new chat
    system_prompt: str = ""
    temperature: float = 1.0  # 0 is greedy
    top_p: float = 1.0
    top_k: int = 0  # 0 is off
    min_p: float = 0.0
    context: int | None = None  # tokens; None is the most that the model and the device allow
    keeps_documents: bool = True  # on the disk, what the model has read of long ones
    appearance: Appearance = "system"
    text_size: int = 15  # pixels
    reduce_motion: bool = False
    sidebar_visible: bool = True
    geometry: str = ""  # of the window, base64 of QWidget.saveGeometry()
    last_chat: str = ""  # id of the chat that was open
    draft: str = ""  # what stood in the composer


def _is_number(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: type(value) in (int, float) and low <= value <= high


def _is_whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and low <= value <= high


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


MAX_CONTEXT = 131_072  # tokens, gpt-oss
_IS_VALID: dict[str, Callable[[Any], bool]] = {
    "model": lambda value: _is_text(value) and bool(value),
    "recent_folders": lambda value: isinstance(value, list) and all(map(_is_text, value)),
    "effort": lambda value: value in EFFORTS,
    "system_prompt": _is_text,
    "temperature": _is_number(0.0, 2.0),
    "top_p": _is_number(0.01, 1.0),
    "top_k": _is_whole(0, 1000),
    "min_p": _is_number(0.0, 1.0),
    "context": lambda value: value is None or _is_whole(256, MAX_CONTEXT)(value),
    "keeps_documents": _is_flag,
    "appearance": lambda value: value in APPEARANCES,
    "text_size": _is_whole(10, 32),
    "reduce_motion": _is_flag,
    "sidebar_visible": _is_flag,
    "geometry": _is_text,
    "last_chat": _is_text,
    "draft": _is_text,
}


def settings_from_json(record: Any) -> Settings:
    """Valid fields are taken, others get their default. Raises ValueError if not an object."""
    if not isinstance(record, dict):
        raise ValueError("not a JSON object")
    valid = {
        field.name: record[field.name]
        for field in fields(Settings)
        if field.name in record and _IS_VALID[field.name](record[field.name])
    }
    for name, value in valid.items():
        if isinstance(value, list):
            valid[name] = tuple(value)
        elif name in ("temperature", "top_p", "min_p"):
            valid[name] = float(value)
    return Settings(**valid)


def read_settings(path: Path) -> tuple[Settings, str | None]:
    """The settings, and one line for the person if the file was damaged and has been set aside."""
    try:
        return settings_from_json(json.loads(path.read_bytes())), None
    except FileNotFoundError:
        return Settings(), None
    except OSError as error:
        return Settings(), f"The settings can’t be read ({error.strerror}); defaults are used."
    except (ValueError, RecursionError):
        aside = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%d-%H%M%S}")
        try:
            path.rename(aside)
        except OSError:
            return Settings(), f"The settings in {path} are damaged; defaults are used."
        return Settings(), f"The settings were damaged; they are kept as {aside.name}."


def write_settings(settings: Settings, path: Path) -> None:
    """Replaces the file in one step: it is the old or the new one, never half. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(asdict(settings), indent=2) + "\n", encoding="ascii")
    os.replace(fresh, path)
