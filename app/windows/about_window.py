"""About: the name, the version, one sentence, the licence."""

from importlib.metadata import PackageNotFoundError, version

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from app.theme import GRID
from app.widgets.labels import label
from app.windows.app_icon import app_icon
from app.windows.fitted_dialog import FittedDialog

_ICON = 72  # px


class AboutWindow(FittedDialog):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(340, parent)
        self.setWindowTitle("About Sordino")
        image = QLabel()
        image.setPixmap(app_icon().pixmap(_ICON, _ICON))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4 * GRID, 4 * GRID, 4 * GRID, 4 * GRID)
        layout.setSpacing(GRID)
        layout.addWidget(image, 0, Qt.AlignmentFlag.AlignHCenter)
        for words, kind in (
            ("Sordino", "title"),
            (_version(), "caption"),
            ("Con sordino, with the mute on: the conversation stays in the room.", "text"),
            ("Free and open source, Apache 2.0.", "caption"),
        ):
            line = label(words, kind, wraps=True)
            line.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            layout.addWidget(line)


def _version() -> str:
    try:
        return f"Version {version('sordino')}"
    except PackageNotFoundError:
        return "From a source tree"
