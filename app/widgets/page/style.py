"""A theme at a text size, as the fonts, colours and distances that a page is set in.

Owns the typography of answers; `theme.py` owns the palette. Knows no block and no widget.
"""

from dataclasses import dataclass
from functools import cached_property
from math import floor

from PySide6.QtGui import QColor, QFont, QFontMetricsF

from app.style import caption_size, code_font, selection, text_font
from app.theme import LINE_HEIGHT, Theme

_HEADING_SCALES = (1.5, 1.25, 1.1, 1.0, 1.0, 1.0)  # of the text, by level
_HEADING_LINE_HEIGHT = 1.35
_CODE_SCALE = 13 / 15


@dataclass(frozen=True)
class Face:
    """A font, its colour, and the lines it is set in."""

    font: QFont
    colour: QColor
    line_height: float  # px

    @cached_property
    def baseline(self) -> float:
        """From the top of a line to its baseline, px; the letters stand in the middle."""
        metrics = QFontMetricsF(self.font)
        spare = self.line_height - metrics.ascent() - metrics.descent()
        return round(spare / 2 + metrics.ascent())


@dataclass(frozen=True)
class PageStyle:
    """`is_quiet` sets everything smaller and in the quiet colour: the thoughts before an answer."""

    theme: Theme
    text_size: int  # px
    is_quiet: bool = False

    @cached_property
    def text(self) -> Face:
        return _face(text_font(self._size), self.ink)

    @cached_property
    def caption(self) -> Face:
        """Labels, timers and notes."""
        return _face(text_font(caption_size(self.text_size)), self.quiet)

    @cached_property
    def code(self) -> Face:
        return _face(code_font(round(self._size * _CODE_SCALE)), self.ink)

    @cached_property
    def table_head(self) -> Face:
        return _face(text_font(self._size, QFont.Weight.DemiBold), self.ink)

    def heading(self, level: int) -> Face:
        return self._headings[level - 1]

    @cached_property
    def _headings(self) -> tuple[Face, ...]:
        return tuple(
            _face(
                text_font(round(self._size * scale), QFont.Weight.DemiBold),
                self.ink,
                _HEADING_LINE_HEIGHT,
            )
            for scale in _HEADING_SCALES
        )

    @property
    def _size(self) -> int:
        return self.text_size - 1 if self.is_quiet else self.text_size

    @cached_property
    def ink(self) -> QColor:
        return QColor(self.theme.quiet if self.is_quiet else self.theme.text)

    @cached_property
    def quiet(self) -> QColor:
        return QColor(self.theme.quiet)

    @cached_property
    def accent(self) -> QColor:
        return QColor(self.theme.accent)

    @cached_property
    def danger(self) -> QColor:
        return QColor(self.theme.danger)

    @cached_property
    def hairline(self) -> QColor:
        return QColor(self.theme.hairline)

    @cached_property
    def code_ground(self) -> QColor:
        return QColor(self.theme.code)

    @cached_property
    def chip_ground(self) -> QColor:
        """Behind code within a line: a little stronger, as it is small."""
        return QColor(self.theme.hover)

    @cached_property
    def marked_ground(self) -> QColor:
        """Behind selected text."""
        return QColor(selection(self.theme))


def _face(font: QFont, colour: QColor, line_height: float = LINE_HEIGHT) -> Face:
    # Half a pixel is rounded up: 15 px of text stand in 23.
    return Face(font, colour, float(floor(font.pixelSize() * line_height + 0.5)))
