"""The controls that lie on a page: copy on code, a scroll bar under what is too wide.

Owns those widgets: makes one when its part of the page is laid out, moves it along, and takes it
away when that part has gone.
"""

from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QScrollBar, QWidget

from app.theme import GRID
from app.widgets.copy_button import CopyButton
from app.widgets.page.code import HEADER, PADDING, CodeItem
from app.widgets.page.flow import Flow
from app.widgets.page.item import WideItem

_BAR = 10  # px


class _Controls:
    """Of one part of the page."""

    def __init__(self, item: WideItem, parent: QWidget) -> None:
        self.item = item
        self.parent = parent
        self.top = 0.0
        self.copy: CopyButton | None = None
        self.bar: QScrollBar | None = None
        if isinstance(item, CodeItem):
            self.copy = CopyButton("", "Copy code", lambda: item.block.text, parent)
            self.copy.set_appearance(item.style.theme, item.style.text_size)
            self.copy.show()

    def place(self, at: QPointF) -> None:
        item = self.item
        self.top = at.y()
        if self.copy:
            size = self.copy.sizeHint()
            left = at.x() + item.width - size.width() - GRID / 2
            top = at.y() + (HEADER - size.height()) / 2
            self.copy.setGeometry(round(left), round(top), size.width(), size.height())
        if item.furthest <= 0:
            if self.bar:
                self.bar.hide()
            return
        bar = self.bar = self.bar or self._new_bar()
        bar.setRange(0, round(item.furthest))
        bar.setPageStep(max(1, round(item.view_width)))
        inset = PADDING if isinstance(item, CodeItem) else 0.0
        top = at.y() + item.height - _BAR
        bar.setGeometry(round(at.x() + inset), round(top), round(item.width - 2 * inset), _BAR)
        bar.show()

    def _new_bar(self) -> QScrollBar:
        bar = QScrollBar(Qt.Orientation.Horizontal, self.parent)
        bar.setSingleStep(3 * GRID)
        bar.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        bar.setCursor(Qt.CursorShape.ArrowCursor)
        bar.valueChanged.connect(self._scroll)
        return bar

    def _scroll(self, value: int) -> None:
        self.item.scroll_to(value)
        self.parent.update()

    def remove(self) -> None:
        for widget in (self.copy, self.bar):
            if widget:
                widget.hide()
                widget.deleteLater()


class PageControls:
    """On one page."""

    def __init__(self, page: QWidget) -> None:
        self._page = page
        self._made: dict[int, _Controls] = {}

    @property
    def buttons(self) -> list[CopyButton]:
        """From the top of the page down."""
        made = sorted(self._made.values(), key=lambda controls: controls.top)
        return [controls.copy for controls in made if controls.copy]

    def clear(self) -> None:
        for controls in self._made.values():
            controls.remove()
        self._made.clear()

    def place(self, flow: Flow, first: int) -> None:
        """Puts the controls where their parts are now; only those from item `first` on moved."""
        top = flow.top_of(first)
        gone = {name for name, controls in self._made.items() if controls.top >= top}
        for item, at in flow.parts(first):
            name = id(item)
            gone.discard(name)
            if name not in self._made:
                self._made[name] = _Controls(item, self._page)
            self._made[name].place(at)
        for name in gone:
            self._made.pop(name).remove()

    def scroll(self, flow: Flow, point: QPointF, by: float) -> bool:
        """Scrolls what is under `point`. False if there is nothing to be scrolled."""
        for item, at in flow.parts():
            if 0 <= point.y() - at.y() < item.height and item.furthest > 0:
                bar = self._made[id(item)].bar
                if bar:
                    bar.setValue(round(bar.value() + by))
                return True
        return False
