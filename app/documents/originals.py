"""The files that were attached, copied so that they outlive the originals; named by their content.

Owns one private folder. A copy is complete or not there, and is what its name says: a file that
changed while it was read is not kept. Blocks the thread that calls. Standard library only.
"""

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Collection
from pathlib import Path

_CHUNK = 1 << 20
_YOUNG_S = 3600.0  # copies that nothing may name yet: their question is being written


class Originals:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, digest: str) -> Path | None:
        """The copy of the file with this SHA-256 (hexadecimal), if there is one."""
        path = self._folder / digest
        return path if digest.isalnum() and path.is_file() else None

    def keep(self, path: Path, digest: str) -> bool:
        """Copies a file, if it still is what was read. False where that can't be: the document's
        text serves then."""
        try:
            if kept := self.find(digest):
                os.utime(kept)
                return True
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._copy(path, digest)
        except OSError:
            return False

    def _copy(self, path: Path, digest: str) -> bool:
        number, name = tempfile.mkstemp(suffix=".part", dir=self._folder)  # for its owner alone
        try:
            read = hashlib.sha256()
            with path.open("rb") as source, os.fdopen(number, "wb") as target:
                while chunk := source.read(_CHUNK):
                    read.update(chunk)
                    target.write(chunk)
            if read.hexdigest() != digest:
                return False
            os.replace(name, self._folder / digest)
            return True
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)

    def drop_all_but(self, digests: Collection[str]) -> None:
        """Removes the copies that no conversation names any more, but not those of the last
        hour."""
        with contextlib.suppress(OSError):
            for path in self._folder.iterdir():
                is_old = time.time() - path.stat().st_mtime > _YOUNG_S
                if is_old and path.name not in digests:
                    path.unlink()
