"""LaTeX as drawings that stand on a line of text.

Owns what can be drawn and how a drawing gets onto a painter. The drawing itself is ziamath's: paths
in an SVG, so that it is sharp at any resolution. It takes 2 to 300 ms, hence `workshop.py`.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

from PySide6.QtCore import QByteArray, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

LONGEST = 2000  # characters; beyond it no formula, and the drawing would take seconds
# ziamath's font has no letters for these scripts, and draws boxes.
_UNDRAWABLE = re.compile(
    "[\u0590-\u08ff\u0900-\u1fff\u2e80-\ud7ff\uf900-\ufaff\U00010000-\U0001d3ff]"
    "|[\U0001d800-\U0010ffff]"
)


@dataclass(frozen=True, slots=True)
class FormulaKey:
    source: str  # LaTeX without delimiters
    size: float  # px, of the letters
    is_display: bool


@dataclass(frozen=True, slots=True)
class Formula:
    """A drawing in black. Distances in px; `ascent` and `descent` from the baseline."""

    svg: bytes
    width: float
    ascent: float
    descent: float


def draw_formula(key: FormulaKey) -> Formula | None:
    """None if it can't be drawn."""
    if len(key.source) > LONGEST or _UNDRAWABLE.search(key.source):
        return None
    from ziamath.config import config
    from ziamath.zmath import Latex

    config.svg2 = False  # Qt's renderer knows SVG 1.2
    try:
        svg = Latex(key.source, size=key.size, inline=not key.is_display).svg()
    except Exception:  # it raises whatever its parser stumbled over
        return None
    box = re.search(r'viewBox="(\S+) (\S+) (\S+) (\S+)"', svg)
    if box is None:
        return None
    _, top, width, height = (float(number) for number in box.groups())
    if not 0 < width < 20_000 or not 0 < height < 20_000:
        return None
    return Formula(svg.encode(), width, -top, height + top)


def paint_formula(
    painter: QPainter, formula: Formula, left: float, baseline: float, colour: QColor
) -> None:
    """Paints it so that its baseline lies at `baseline`."""
    ratio = painter.device().devicePixelRatio()
    pixmap = _pixmap(formula, colour.rgba(), ratio)
    top = baseline - ceil(formula.ascent * ratio) / ratio
    painter.drawPixmap(QPointF(round(left * ratio) / ratio, top), pixmap)


@lru_cache(maxsize=400)
def _pixmap(formula: Formula, rgba: int, ratio: float) -> QPixmap:
    """The drawing in one colour, its baseline between two rows of device pixels."""
    above, below = ceil(formula.ascent * ratio), ceil(formula.descent * ratio)
    pixmap = QPixmap(max(1, ceil(formula.width * ratio)), max(1, above + below))
    pixmap.fill(Qt.GlobalColor.transparent)
    size = QSizeF(formula.width, formula.ascent + formula.descent) * ratio
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    corner = QPointF(0, above - formula.ascent * ratio)
    QSvgRenderer(QByteArray(formula.svg)).render(painter, QRectF(corner, size))
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceIn)
    painter.fillRect(QRectF(pixmap.rect()), QColor.fromRgba(rgba))
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap
