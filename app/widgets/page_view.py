"""A page of blocks as a widget: painted, selected, copied, its links followed.

Owns the pointer and the keyboard over the text, and the controls that lie on it: the copy buttons
of code, the scroll bars of what is too wide. Knows no message; `page/` does the setting.
"""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, QUrl, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from app.markdown.blocks import Block, has_link
from app.markdown.inline import is_allowed_link
from app.widgets.page.code import CodeItem
from app.widgets.page.flow import Flow
from app.widgets.page.item import Setting
from app.widgets.page.maths import FormulaKey
from app.widgets.page_controls import PageControls


class PageView(QWidget):
    """Its owner gives it a width and says which part of it can be seen."""

    link_activated = Signal(QUrl)
    changed = Signal()  # something came that may change its height
    dragged = Signal(QPoint)  # a selection is drawn to here, perhaps out of view

    def __init__(self, setting: Setting, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.flow = Flow(setting)
        self._marked_from = 0  # where the selection began
        self._marked_to = 0
        self._link = -1  # the link that the keyboard is on
        self._clicks = 0
        self._controls = PageControls(self)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        setting.workshop.finished.connect(self._take)

    # What it shows -------------------------------------------------------------------------------

    def set_blocks(self, blocks: Sequence[Block], start: int = 0) -> None:
        """From the block `start` on it shows `blocks`. To be followed by `settle`."""
        self.flow.replace_from(start, blocks)
        if any(map(has_link, blocks)):
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._repaint_from(self.flow.top_of(start))
        self.changed.emit()

    def set_setting(self, setting: Setting) -> None:
        """Sets everything anew, in another style."""
        before, self.flow = self.flow, Flow(setting, self.flow.blocks)
        self.flow.guess_from(before)
        self._controls.clear()
        self.changed.emit()

    def settle(self, width: float, top: float, bottom: float, anchor: float) -> float:
        """Lays out what lies between `top` and `bottom`. Gives how far what stands above `anchor`
        has pushed it down. The height is then `flow.height`."""
        before = self.flow.height
        moved = self.flow.settle(width, top, bottom, anchor)
        first = self.flow.first_changed
        if first < len(self.flow.items) or self.flow.height != before:
            self._controls.place(self.flow, first)
            self._repaint_from(self.flow.top_of(first))
        return moved

    def focus_chain(self) -> list[QWidget]:
        return [self, *self._controls.buttons]

    def _take(self, name: object) -> None:
        """A formula or the colours of some code have come."""
        if isinstance(name, FormulaKey):
            if self.flow.take_what_came():
                self.changed.emit()
            return
        for item, at in self.flow.parts():
            if isinstance(item, CodeItem) and item.job == name:
                self.update(0, int(at.y()), self.width(), int(item.height) + 1)

    def _repaint_from(self, y: float) -> None:
        self.update(0, int(y), self.width(), max(self.height(), int(self.flow.height) + 1) - int(y))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        seen = event.rect()
        self.flow.paint(painter, seen.top(), seen.bottom() + 1, self.marked)
        painter.end()

    # Selection -----------------------------------------------------------------------------------

    @property
    def marked(self) -> tuple[int, int] | None:
        """The selected characters."""
        if self._marked_from == self._marked_to:
            return None
        return min(self._marked_from, self._marked_to), max(self._marked_from, self._marked_to)

    def selected_text(self) -> str:
        return self.flow.copied(*self.marked) if self.marked else ""

    def mark(self, start: int, end: int) -> None:
        self._marked_from, self._marked_to = start, end
        self.update()

    def selectAll(self) -> None:
        self.mark(0, self.flow.length)

    def copy(self) -> None:
        if text := self.selected_text():
            QGuiApplication.clipboard().setText(text)

    def _word_at(self, offset: int) -> tuple[int, int]:
        start = end = offset
        while start > 0 and _is_of_word(self.flow.copied(start - 1, start)):
            start -= 1
        while end < self.flow.length and _is_of_word(self.flow.copied(end, end + 1)):
            end += 1
        return start, end

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        offset = self.flow.offset_at(event.position())
        self._clicks = self._clicks + 1 if self._clicks == 2 else 1
        if self._clicks == 3:
            start, end, _ = self.flow.item_around(offset)
            self.mark(start, end)
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.mark(self._marked_from, offset)
        else:
            self.mark(offset, offset)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._clicks = 2
        self.mark(*self._word_at(self.flow.offset_at(event.position())))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        point = event.position()
        if event.buttons() & Qt.MouseButton.LeftButton:
            if self._clicks == 1:
                self.mark(self._marked_from, self.flow.offset_at(point))
                self.dragged.emit(point.toPoint())
            return
        link = self.flow.link_at(point)
        shape = Qt.CursorShape.PointingHandCursor if link else Qt.CursorShape.IBeamCursor
        self.setCursor(shape)
        self.setToolTip(self.link_words(link) if link else "")

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        is_click = event.button() == Qt.MouseButton.LeftButton and self.marked is None
        if is_click and (link := self.flow.link_at(event.position())):
            self.follow(link)

    # Links and keys ------------------------------------------------------------------------------

    def follow(self, link: str) -> None:
        """Only the web and mail, and only because a person asked for it."""
        if is_allowed_link(link):
            self.link_activated.emit(QUrl(link, QUrl.ParsingMode.TolerantMode))

    def link_words(self, link: str) -> str:
        """What the pointer tells of a link."""
        return link

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab goes from link to link before it leaves."""
        links = list(self.flow.links())
        step = self._link + (1 if forward else -1)
        if not self.hasFocus() or not 0 <= step < len(links):
            self._link = -1
            return super().focusNextPrevChild(forward)
        self._go_to_link(step)
        return True

    def _go_to_link(self, step: int) -> None:
        self._link = step
        start, end, _ = list(self.flow.links())[step]
        self.mark(start, end)
        _, _, y = self.flow.item_around(start)
        self.dragged.emit(QPoint(0, int(y)))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        links = list(self.flow.links())
        if links and event.reason() == Qt.FocusReason.TabFocusReason:
            self._go_to_link(0)
        elif links and event.reason() == Qt.FocusReason.BacktabFocusReason:
            self._go_to_link(len(links) - 1)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self._link = -1
            self.mark(0, 0)

    def event(self, event: QEvent) -> bool:
        """Copy and Select All are ours while the text has the focus, not the menu's."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            keys = QKeySequence.StandardKey
            if event.matches(keys.Copy) or event.matches(keys.SelectAll):
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self.selectAll()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._link >= 0:
            self.follow(list(self.flow.links())[self._link][2])
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta = event.pixelDelta() if not event.pixelDelta().isNull() else event.angleDelta() / 2
        is_sideways = abs(delta.x()) > abs(delta.y())
        if not (is_sideways and self._controls.scroll(self.flow, event.position(), -delta.x())):
            event.ignore()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        link = self.flow.link_at(QPointF(event.pos()))
        if self.marked:
            menu.addAction("Copy").triggered.connect(self.copy)
        if link and is_allowed_link(link):
            clipboard = QApplication.clipboard()
            menu.addAction("Copy Link").triggered.connect(lambda: clipboard.setText(link))
        menu.addAction("Select All").triggered.connect(self.selectAll)
        menu.popup(event.globalPos())  # the page may go while it is open


def _is_of_word(character: str) -> bool:
    return bool(character) and (character.isalnum() or character in "_'’")
