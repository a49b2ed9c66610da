"""What was found about each kernel on this machine, kept from one start to the next.

A file of a few lines; losing it costs only the trials. A kernel that is being tried is written
down before, so that one that takes the whole process with it is not tried for ever. Twice it is:
the first time someone may have quit.
"""

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlx_engine.kernels.trial import Verdict

_UNFINISHED = "the engine ended while it was tried"
_UNFINISHED_AGAIN = "the engine ended while it was tried, two times"


def default_path() -> Path:
    """Beside the app's files under SORDINO_HOME where that is set, else in the system's caches."""
    if home := os.environ.get("SORDINO_HOME"):
        return Path(home).expanduser() / "kernels.json"
    from platformdirs import user_cache_path

    return user_cache_path("Sordino", appauthor=False) / "kernels.json"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a verdict holds for: with anything else here it is found anew."""

    device: str
    system: str  # the operating system and its version
    mlx: str
    sizes: str  # of the model, as far as a kernel depends on them
    text: str  # a hash of the kernel's source


@dataclass(frozen=True, slots=True)
class Remembered:
    given: Circumstances
    verdict: Verdict


class Verdicts:
    """The file. One that can't be read is empty, one that can't be written is not kept."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries = self._read()

    def find(self, kernel: str, given: Circumstances) -> Verdict | None:
        found = self._entries.get(_key(kernel, given))
        if found is None or found.given != given or found.verdict.failure == _UNFINISHED:
            return None
        return found.verdict

    def on(self, device: str) -> tuple[Remembered, ...]:
        """All that is known of a device."""
        return tuple(found for found in self._entries.values() if found.given.device == device)

    def begin(self, kernel: str, given: Circumstances) -> None:
        """Note that a trial starts: what stays if it never ends."""
        before, nothing = self._entries.get(_key(kernel, given)), float("nan")
        again = before is not None and before.given == given
        words = _UNFINISHED_AGAIN if again else _UNFINISHED
        self.keep(Verdict(kernel, nothing, nothing, nothing, words), given)

    def keep(self, verdict: Verdict, given: Circumstances) -> None:
        self._entries[_key(verdict.kernel, given)] = Remembered(given, verdict)
        content = {key: asdict(found) for key, found in self._entries.items()}
        unfinished = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_text(json.dumps(content, indent=1), encoding="utf-8")
            unfinished.replace(self._path)
        except OSError as error:
            print(f"The kernels' verdicts can't be kept: {error}", file=sys.stderr)

    def _read(self) -> dict[str, Remembered]:
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            return {key: _remembered(entry) for key, entry in content.items()}
        except (OSError, ValueError, AttributeError, KeyError, TypeError):
            return {}


def _remembered(entry: Any) -> Remembered:
    """Raises KeyError, TypeError if it is something else."""
    return Remembered(Circumstances(**entry["given"]), Verdict(**entry["verdict"]))


def _key(kernel: str, given: Circumstances) -> str:
    """One entry for each kernel, device and model: newer circumstances take the older's place."""
    return f"{kernel}, {given.device}, {given.sizes}"
