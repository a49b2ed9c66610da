"""What questions and answers in the transcript have in common: a place, a height, actions.

Owns the contract with the transcript, which gives a message its width and says what of it is seen.
"""

from PySide6.QtCore import QEvent, QPoint, QUrl, Signal
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QWidget

from app.chats.models import ShownMessage
from app.documents.readable import readable_text
from app.theme import GRID
from app.widgets.message_actions import MessageActions
from app.widgets.page.item import Setting

# px that a message has on either side of the column: a button whose words stand in line with the
# text has its ground and its ring there.
BESIDE = GRID


class Message(QWidget):
    """Signals carry no id: the transcript knows whose they are."""

    changed = Signal()  # its height may be another one now
    edit_submitted = Signal(str)
    regenerate_requested = Signal()
    branch_requested = Signal(int)
    answer_now_requested = Signal()
    link_activated = Signal(QUrl)
    dragged = Signal(QPoint)  # a selection is drawn to here

    def __init__(self, shown: ShownMessage, setting: Setting, parent: QWidget) -> None:
        super().__init__(parent)
        self.shown = shown
        self.setting = setting
        self.action_row = MessageActions(shown.message.role, self.readable, self)
        self.action_row.branch_requested.connect(self.branch_requested)
        self.action_row.set_branch(shown.branch)

    def readable(self) -> str:
        """Its text, citations in words."""
        return readable_text(self.shown.message.text, self.shown.citable)

    def set_shown(self, shown: ShownMessage) -> None:
        """The same message in another state."""
        self.shown = shown
        self.action_row.set_branch(shown.branch)

    def set_setting(self, setting: Setting) -> None:
        """Another theme or text size."""
        self.setting = setting
        self.action_row.set_appearance(setting.style.theme, setting.style.text_size)

    def set_reduced_motion(self, reduce: bool) -> None:
        """Nothing moves by itself here."""

    @property
    def wanted_height(self) -> int:
        raise NotImplementedError

    def lay_out(self, width: int, top: float, bottom: float, anchor: float) -> float:
        """For a column of `width`; what lies between `top` and `bottom`. Gives how far what stands
        above `anchor` has pushed it down; `wanted_height` holds then."""
        raise NotImplementedError

    def focus_chain(self) -> list[QWidget]:
        """What Tab visits, in the order in which one reads."""
        raise NotImplementedError

    def flush(self) -> None:
        """Sets the words that have come."""

    def enterEvent(self, event: QEnterEvent) -> None:
        self.action_row.set_pointed_at(True)

    def leaveEvent(self, event: QEvent) -> None:
        self.action_row.set_pointed_at(False)


def estimate_height(shown: ShownMessage, width: float, text_size: int) -> int:
    """About how high a message will be that has never been laid out; px."""
    text = shown.message.text
    line_width = width * (0.7 if shown.message.role == "user" else 1.0)
    lines = text.count("\n") * 0.7 + len(text) * text_size * 0.5 / max(line_width, 1.0)
    extra = 60 if shown.message.role == "user" else 80
    return int(extra + lines * text_size * 1.5)
