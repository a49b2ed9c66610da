"""The documents in a folder. Standard library only."""

import os
from pathlib import Path

from app.documents.errors import UnreadableDocument
from app.documents.reading.process import isolated, shown_name

MOST_FILES = 200


def files_in(folder: Path) -> list[Path]:
    """Every file in a folder and the folders in it, by name; nothing hidden, and no link, which
    might lead anywhere. Raises UnreadableDocument if there is none, or far too many."""
    name = isolated(shown_name(folder.absolute().name or str(folder)))
    found: list[Path] = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for file in sorted(one for one in files if not one.startswith(".")):
            path = Path(place, file)
            if path.is_file() and not path.is_symlink():
                found.append(path)
        if len(found) > MOST_FILES:
            raise UnreadableDocument(
                f"{name} holds more than {MOST_FILES} files. Attach a folder in it, or some files."
            )
    if not found:
        raise UnreadableDocument(f"{name} is a folder without files that can be read.")
    return found
