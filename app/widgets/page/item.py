"""What every part of a page can do: be laid out at a width, painted, pointed at and copied.

Owns the contract and nothing else. An item stands at (0, 0); whoever holds it moves the painter.
Its characters are numbered from 0 to `length`, so that a selection is two numbers, whatever stands
between them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter

from app.markdown.blocks import Block
from app.widgets.page.style import PageStyle
from app.widgets.page.workshop import Workshop

Link = tuple[int, int, str]  # first and behind the last character, address
Marked = tuple[int, int] | None  # first and behind the last selected character


@dataclass(frozen=True)
class Setting:
    """What items are set with: how they look, and who draws formulas and colours code."""

    style: PageStyle
    workshop: Workshop


class Item:
    """One part of a page."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.width = -1.0  # laid out for this many px; −1 is not at all
        self.height = 0.0

    @property
    def style(self) -> PageStyle:
        return self.setting.style

    @property
    def length(self) -> int:
        """Characters that can be selected."""
        return 0

    @property
    def is_right_to_left(self) -> bool:
        return False

    @property
    def waits(self) -> bool:
        """Whether a formula in it is still being drawn."""
        return False

    def update(self, block: Block) -> bool:
        """Becomes `block`, keeping what is the same. False if it can't: another item must."""
        return False

    def estimate(self, width: float) -> float:
        """About how high it will be at `width`, without laying it out; px."""
        return self.style.text.line_height

    def lay_out(self, width: float) -> None:
        """Sets `height` for `width`, px."""
        raise NotImplementedError

    def paint(self, painter: QPainter, top: float, bottom: float, marked: Marked) -> None:
        """Paints at least what lies between `top` and `bottom`."""
        raise NotImplementedError

    def offset_at(self, point: QPointF) -> int:
        """The gap between characters that is nearest to `point`."""
        return 0

    def link_at(self, point: QPointF) -> str | None:
        return None

    def links(self) -> Iterator[Link]:
        """Everything that can be opened, in reading order."""
        return iter(())

    def copied(self, start: int, end: int) -> str:
        """The characters between two offsets, as another program should get them."""
        return ""

    def parts(self) -> "Iterator[tuple[WideItem, QPointF]]":
        """The innermost items that may be too wide, and where they stand."""
        return iter(())


class WideItem(Item):
    """An item that can't be wrapped: it scrolls sideways by itself."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.scrolled = 0.0  # px to the right
        self.text_width = 0.0  # px, if it were all to be seen

    @property
    def view_width(self) -> float:
        """What there is room for, px."""
        return self.width

    @property
    def furthest(self) -> float:
        """How far it can be scrolled, px."""
        return max(0.0, self.text_width - self.view_width)

    def scroll_to(self, x: float) -> None:
        self.scrolled = min(max(0.0, x), self.furthest)

    def parts(self) -> "Iterator[tuple[WideItem, QPointF]]":
        yield self, QPointF(0, 0)
