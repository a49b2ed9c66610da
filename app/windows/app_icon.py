"""The app's own picture, as it travels with the program."""

from pathlib import Path

from PySide6.QtGui import QIcon

_APP = Path(__file__).resolve().parent.parent
# An installed wheel and a frozen app carry it in `app/resources`; a checkout keeps it at its root.
_FOLDERS = (_APP / "resources", _APP.parent / "resources")


def app_icon() -> QIcon:
    """Empty if the file is missing: nothing depends on it."""
    for folder in _FOLDERS:
        if (path := folder / "icons" / "sordino.svg").exists():
            return QIcon(str(path))
    return QIcon()
