"""A person's own words: a soft bubble on the right, exactly as they were typed.

Owns the bubble, the names of the documents that went with it, and the field in which it is edited.
"""

import math

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.chats.models import ShownMessage
from app.markdown.blocks import Paragraph, Span
from app.theme import GRID, RADIUS
from app.widgets.edit_field import EditField
from app.widgets.icons import paint_icon
from app.widgets.message import BESIDE, Message
from app.widgets.page.item import Setting
from app.widgets.page.text import TextItem
from app.widgets.page_view import PageView
from app.widgets.quiet_button import HEIGHT as ACTIONS_HEIGHT

SHARE = 0.8  # of the column, the widest a bubble may be
_PADDING = (2 * GRID, 10)  # px beside and above the words
_CHIP_HEIGHT = 4 * GRID
_CHIP_ICON = 14
_MEASURED = 40  # lines; a bubble with more is as wide as it may be


class Question(Message):
    def __init__(self, shown: ShownMessage, setting: Setting, parent: QWidget) -> None:
        super().__init__(shown, setting, parent)
        self.page = PageView(setting, self)
        self.page.dragged.connect(lambda point: self.dragged.emit(self.page.mapToParent(point)))
        self.field: EditField | None = None
        self._bubble = QRectF()
        self.action_row.edit_requested.connect(self.start_editing)
        self.set_shown(shown)
        self.set_setting(setting)

    def set_shown(self, shown: ShownMessage) -> None:
        super().set_shown(shown)
        lines = shown.message.text.split("\n")
        self.page.set_blocks(
            [Paragraph((Span(line),) if line else (), continues=True) for line in lines]
        )
        names = [attachment.name for attachment in shown.message.attachments]
        documents = f", with {', '.join(names)}" if names else ""
        name = f"You said: {shown.message.text}{documents}"
        self.setAccessibleName(name)
        self.page.setAccessibleName(name)

    def set_setting(self, setting: Setting) -> None:
        super().set_setting(setting)
        self.page.set_setting(setting)
        if self.field:
            self.field.set_appearance(setting.style.theme, setting.style.text_size)

    # Editing -------------------------------------------------------------------------------------

    def start_editing(self) -> None:
        if self.field is None:
            self.field = EditField(self.shown.message.text, self)
            self.field.set_appearance(self.setting.style.theme, self.setting.style.text_size)
            self.field.submitted.connect(self._submit)
            self.field.cancelled.connect(self.stop_editing)
            self.field.resized.connect(self.changed)
        self.page.hide()
        self.action_row.hide()
        self.field.show()
        self.field.focus()
        self.changed.emit()

    def stop_editing(self) -> None:
        if self.field is None:
            return
        field, self.field = self.field, None
        field.hide()
        field.deleteLater()
        self.page.show()
        self.action_row.show()
        self.action_row.change.setFocus(Qt.FocusReason.OtherFocusReason)
        self.changed.emit()

    def _submit(self, text: str) -> None:
        """The field stays until the question it makes is shown: what is refused is not lost."""
        if text == self.shown.message.text:
            self.stop_editing()
        else:
            self.edit_submitted.emit(text)

    # Arrangement ---------------------------------------------------------------------------------

    @property
    def wanted_height(self) -> int:
        bottom = self._bubble.bottom()
        return math.ceil(bottom + (2 * GRID if self.field else GRID / 2 + ACTIONS_HEIGHT))

    def focus_chain(self) -> list[QWidget]:
        if self.field:
            return [self.field.field, self.field.cancel, self.field.send]
        return [*self.page.focus_chain(), *self.action_row.buttons]

    @property
    def _chips_height(self) -> int:
        chips = len(self.shown.message.attachments)
        return chips * (_CHIP_HEIGHT + GRID // 2) + GRID // 2 if chips else 0

    def lay_out(self, width: int, top: float, bottom: float, anchor: float) -> float:
        y = self._chips_height
        if self.field:
            height = self.field.sizeHint().height()
            self.field.setGeometry(BESIDE, y, width, height)
            self._bubble = QRectF(BESIDE, y, width, height)
            return 0.0
        beside, above = _PADDING
        room = width * SHARE - 2 * beside
        text_width = min(room, self._natural_width(room))
        inner = y + above
        moved = self.page.settle(text_width, top - inner, bottom - inner, anchor - inner)
        height = math.ceil(self.page.flow.height)
        left = BESIDE + width - text_width - 2 * beside
        self._bubble = QRectF(left, y, text_width + 2 * beside, height + 2 * above)
        self.page.setGeometry(round(left + beside), inner, math.ceil(text_width), height)
        actions = round(self._bubble.bottom() + GRID / 2)
        self.action_row.setGeometry(0, actions, width + 2 * BESIDE, ACTIONS_HEIGHT)
        self.update()
        return moved

    def _natural_width(self, room: float) -> float:
        items = self.page.flow.items
        if len(items) > _MEASURED or len(self.shown.message.text) > 2000:
            return room
        widths = [item.natural_width() for item in items if isinstance(item, TextItem)]
        return max(GRID, math.ceil(max(widths, default=0.0)))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self.setting.style.theme.bubble))
        if self.field is None:
            radius = min(RADIUS + GRID, self._bubble.height() / 2)
            painter.drawRoundedRect(self._bubble, radius, radius)
        for i, attachment in enumerate(self.shown.message.attachments):
            self._paint_chip(painter, i * (_CHIP_HEIGHT + GRID / 2), attachment.name)
        painter.end()

    def _paint_chip(self, painter: QPainter, y: float, name: str) -> None:
        face, theme = self.setting.style.caption, self.setting.style.theme
        metrics = QFontMetricsF(face.font)
        right = self.width() - BESIDE
        room = (right - BESIDE) * SHARE - 3 * GRID - _CHIP_ICON
        words = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, room)
        width = metrics.horizontalAdvance(words) + _CHIP_ICON + 3 * GRID
        box = QRectF(right - width, y, width, _CHIP_HEIGHT)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.bubble))
        painter.drawRoundedRect(box, GRID, GRID)
        icon = QRectF(
            box.left() + GRID, y + (_CHIP_HEIGHT - _CHIP_ICON) / 2, _CHIP_ICON, _CHIP_ICON
        )
        paint_icon(painter, "document", icon, theme.quiet)
        painter.setFont(face.font)
        painter.setPen(QColor(theme.text))
        left = icon.right() + 6
        text = QRectF(left, y, box.right() - left, _CHIP_HEIGHT)
        painter.drawText(text, int(Qt.AlignmentFlag.AlignVCenter), words)
