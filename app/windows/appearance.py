"""Light or dark: follows the setting and the system, and redraws when either changes."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from app.settings import Settings
from app.style import control_size, palette, text_font
from app.theme import Theme, theme_for

_SCHEMES = {
    "system": Qt.ColorScheme.Unknown,
    "light": Qt.ColorScheme.Light,
    "dark": Qt.ColorScheme.Dark,
}


def system_is_dark() -> bool:
    return QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark


class AppearanceWatch(QObject):
    changed = Signal(object, int)  # Theme, text size in pixels

    def __init__(
        self,
        settings: Callable[[], Settings],
        is_dark: Callable[[], bool] = system_is_dark,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self._is_dark = is_dark
        self._shown: tuple[Theme, int] | None = None
        QGuiApplication.styleHints().colorSchemeChanged.connect(self.refresh)

    def refresh(self) -> None:
        """Emits `changed` if what should be shown is not what is shown."""
        settings = self._settings()
        # Native parts (title bar, dialogs, menus) follow the same choice.
        QGuiApplication.styleHints().setColorScheme(_SCHEMES[settings.appearance])
        theme = theme_for(settings.appearance, system_is_dark=self._is_dark())
        if self._shown == (theme, settings.text_size):
            return
        self._shown = (theme, settings.text_size)
        QApplication.setPalette(palette(theme))
        QApplication.setFont(text_font(control_size(settings.text_size)))
        self.changed.emit(theme, settings.text_size)
