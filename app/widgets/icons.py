"""The app's own line icons: one stroke, round ends, drawn on a 16 × 16 grid in any colour.

Owns the shapes; knows no theme and no widget. Names are what a shape shows or does.
"""

from functools import lru_cache
from typing import Literal

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

IconName = Literal[
    "attach",
    "check",
    "chevron-down",
    "chevron-left",
    "chevron-right",
    "close",
    "copy",
    "document",
    "edit",
    "new-chat",
    "regenerate",
    "search",
    "send",
    "sidebar",
    "stop",
    "warning",
]

_GRID = 16
_STROKE = 1.25  # of the grid; about the weight of the text beside it
_RATIOS = (1, 2, 3)  # device pixels a point; a Mac has 2

# Bodies of an SVG element whose stroke is the icon's colour and whose fill is none.
_SHAPES: dict[str, str] = {
    "attach": '<path d="M12.9 7.3 8 12.2a3 3 0 0 1-4.3-4.3l5.2-5.2a2 2 0 0 1 2.9 2.9l-5.2 5.2'
    'a1 1 0 0 1-1.4-1.5l4.6-4.6"/>',
    "check": '<path d="m3.5 8.5 3 3 6-7"/>',
    "chevron-down": '<path d="m4.5 6.5 3.5 3.5 3.5-3.5"/>',
    "chevron-left": '<path d="M9.5 4.5 6 8l3.5 3.5"/>',
    "chevron-right": '<path d="M6.5 4.5 10 8l-3.5 3.5"/>',
    "close": '<path d="m4.5 4.5 7 7m0-7-7 7"/>',
    "copy": '<rect x="5.5" y="5.5" width="8" height="8" rx="1.8"/>'
    '<path d="M3.6 10.5h-.1a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1h6a1 1 0 0 1 1 1v.1"/>',
    "document": '<path d="M4.5 1.8h4.6l3.4 3.4v7.5a1.5 1.5 0 0 1-1.5 1.5H5a1.5 1.5 0 0 1-1.5-1.5'
    'v-9.4A1.5 1.5 0 0 1 5 1.8"/><path d="M9 2v3.3h3.3M6 8.5h4M6 11h4"/>',
    "edit": '<path d="m10.3 3.4 2.3 2.3-7 7-3 .7.7-3zM9 4.7 11.3 7"/>',
    "new-chat": '<path d="M13.3 8.6v3.2a1.7 1.7 0 0 1-1.7 1.7H4.2a1.7 1.7 0 0 1-1.7-1.7V4.4'
    'a1.7 1.7 0 0 1 1.7-1.7h3.2"/><path d="m12 2.2 1.8 1.8-5.4 5.4-2.3.5.5-2.3z"/>',
    "regenerate": '<path d="M13 8a5 5 0 1 1-1.6-3.7L13 5.8"/><path d="M13 2.6v3.2H9.8"/>',
    "search": '<circle cx="7" cy="7" r="4.3"/><path d="m10.3 10.3 3.2 3.2"/>',
    "send": '<path d="M8 13V3.3M3.9 7.3 8 3.2l4.1 4.1" stroke-width="1.7"/>',
    "sidebar": '<rect x="1.8" y="2.8" width="12.4" height="10.4" rx="2"/>'
    '<path d="M6.2 3v10"/><path d="M3.6 5.4h.9M3.6 7.4h.9" stroke-width="1.1"/>',
    "stop": '<rect x="4.4" y="4.4" width="7.2" height="7.2" rx="1.4" fill="#000"/>',
    "warning": '<path d="M7.1 2.9 1.9 12a1 1 0 0 0 .9 1.5h10.4a1 1 0 0 0 .9-1.5L8.9 2.9a1 1 0 0 0'
    '-1.8 0M8 6.3v3.2M8 11.4v.1"/>',
}


def icon(name: IconName, colour: str, disabled_colour: str | None = None, size: int = 16) -> QIcon:
    """An icon of `size` px in "#rrggbb" colours, sharp on displays of one to three times."""
    result = QIcon()
    for ratio in _RATIOS:
        result.addPixmap(icon_pixmap(name, colour, size, ratio))
        if disabled_colour:
            faint = icon_pixmap(name, disabled_colour, size, ratio)
            result.addPixmap(faint, QIcon.Mode.Disabled)
    return result


def icon_pixmap(name: IconName, colour: str, size: int = 16, ratio: float = 2.0) -> QPixmap:
    """The icon on a transparent ground, `size` px wide, `ratio` device pixels to each."""
    pixmap = QPixmap(QSize(size, size) * ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    _renderer(name, colour).render(painter)
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def paint_icon(painter: QPainter, name: IconName, rect: QRectF, colour: str) -> None:
    """Draw the icon into a square of the widget or document being painted."""
    _renderer(name, colour).render(painter, rect)


@lru_cache(maxsize=128)
def _renderer(name: IconName, colour: str) -> QSvgRenderer:
    body = _SHAPES[name].replace("#000", colour)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_GRID} {_GRID}" fill="none" '
        f'stroke="{colour}" stroke-width="{_STROKE}" stroke-linecap="round" '
        f'stroke-linejoin="round">{body}</svg>'
    )
    return QSvgRenderer(QByteArray(svg.encode()))
