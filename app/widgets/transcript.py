"""The conversation as one reads it: messages under one another in a column that scrolls.

Owns where each message stands, which of them exist as widgets (those near the reader), and the
scrolling: the view follows the end only if the reader is there, and otherwise nothing moves. What
is shown and what its buttons do is decided elsewhere; streamed words are set at the screen's pace.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from PySide6.QtCore import QPoint, QRect, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QFrame, QWidget

from app.chats.models import ShownMessage
from app.theme import COLUMN_WIDTH, GRID, LIGHT, TEXT_SIZE, Theme
from app.widgets.announcement import announce
from app.widgets.answer import Answer
from app.widgets.message import BESIDE, Message, estimate_height
from app.widgets.page.item import Setting
from app.widgets.page.style import PageStyle
from app.widgets.page.workshop import Workshop
from app.widgets.question import Question
from app.widgets.quiet_button import QuietButton

FRAME_MS = 30  # between two settings of streamed words
_MARGIN = 3 * GRID  # px beside the column
_EDGE = 4 * GRID  # px above the first message
_END = 2 * GRID  # px below the last
_AFTER_QUESTION = GRID  # px; the row of its actions stands between, too
_AFTER_ANSWER = 2 * GRID
_AT_END = 3  # px from the end that still are the end
_ROUNDS = 4  # laying out lets more be seen, which then has to be laid out


@dataclass(eq=False)
class _Place:
    """Of one message."""

    shown: ShownMessage
    height: int
    top: int = 0
    widget: Message | None = None

    @property
    def id(self) -> str:
        return self.shown.message.id

    @property
    def bottom(self) -> int:
        return self.top + self.height


class TranscriptView(QAbstractScrollArea):
    edit_submitted = Signal(str, str)  # message id, new text
    regenerate_requested = Signal(str)
    branch_requested = Signal(str, int)  # message id, −1 or 1
    answer_now_requested = Signal()
    citation_activated = Signal(object)  # Citation
    reread_requested = Signal(str, str)  # message id, "all" or "search"
    link_activated = Signal(QUrl)

    def __init__(
        self,
        parent: QWidget | None = None,
        announce: Callable[[QWidget, str], None] = announce,
    ) -> None:
        super().__init__(parent)
        self._announce = announce
        self._places: list[_Place] = []
        self._streaming: _Place | None = None
        self._follows = True
        self._is_settling = False
        self._pinned: tuple[int, int] | None = None  # index of a message, where it is to stay
        self._reduce_motion = False
        self._chain: list[QWidget] = []
        self._setting = Setting(PageStyle(LIGHT, TEXT_SIZE), Workshop(self))
        self._frame_timer = QTimer(self, singleShot=True, interval=FRAME_MS)
        self._frame_timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._frame_timer.timeout.connect(self._frame)
        self.to_end = QuietButton("chevron-down", "", "Go to the end", self)
        self.to_end.is_raised = True
        self.to_end.clicked.connect(self.go_to_end)
        self.to_end.hide()
        self.setAccessibleName("Conversation")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalScrollBar().setSingleStep(5 * GRID)
        self.set_appearance(LIGHT)

    # What is shown -------------------------------------------------------------------------------

    def show_messages(self, messages: Sequence[ShownMessage]) -> None:
        """The path on view. A message that is there already stays as it is and where it is."""
        kept = 0
        for place, shown in zip(self._places, messages, strict=False):
            if place.id != shown.message.id:
                break
            if place.shown != shown:
                self._renew(place, shown)
            kept += 1
        for place in self._places[kept:]:
            self._remove(place)
        self._places = self._places[:kept] + [self._new_place(shown) for shown in messages[kept:]]
        if not kept and self._pinned is None:
            self._follows = True
        self._settle()

    def reveal(self, message_id: str) -> None:
        """Scrolls to where a message begins."""
        place = self._find(message_id)
        if place is not None:
            self._pinned = self._places.index(place), GRID
            self._settle()

    def add_message(self, shown: ShownMessage) -> None:
        """A question was asked: the reader wants to see it."""
        self._places.append(self._new_place(shown))
        self.go_to_end()

    def begin_reply(self, shown: ShownMessage) -> None:
        """An answer is being written; it may hold text already."""
        place = self._find(shown.message.id)
        if place is None:
            place = self._new_place(shown)
            self._places.append(place)
        else:
            self._renew(place, shown)
        self._build(place)
        self._streaming = place
        self._settle()

    def set_prefill(self, done: int, total: int) -> None:
        """How much of the prompt the model has read, in tokens."""
        if answer := self._streamed():
            answer.set_progress(done, total)

    def add_thinking(self, text: str) -> None:
        if answer := self._streamed():
            answer.add_thinking(text)
            self._ask_for_frame()

    def add_answer(self, text: str) -> None:
        if answer := self._streamed():
            answer.add_answer(text)
            self._ask_for_frame()

    def finish_reply(self, shown: ShownMessage) -> None:
        """The answer has ended, in whatever way."""
        place = self._find(shown.message.id)
        if place is None:
            return
        self._streaming = None
        self._renew(place, shown)
        self._settle()
        if isinstance(place.widget, Answer):
            self._announce(place.widget, place.widget.spoken)

    def set_appearance(self, theme: Theme, text_size: int = TEXT_SIZE) -> None:
        """Safe at any moment, also while an answer is written."""
        self._setting = Setting(PageStyle(theme, text_size), self._setting.workshop)
        self.viewport().update()
        self.to_end.set_appearance(theme, text_size)
        for place in self._places:
            if place.widget:
                place.widget.set_setting(self._setting)
        self._settle()

    def set_reduced_motion(self, reduce: bool) -> None:
        self._reduce_motion = reduce
        for place in self._places:
            if place.widget:
                place.widget.set_reduced_motion(reduce)

    @property
    def messages(self) -> list[Message]:
        """The messages that exist as widgets, from the top."""
        return [place.widget for place in self._places if place.widget]

    @property
    def is_settled(self) -> bool:
        """Whether all that has come is set, formulas and colours of code included."""
        return self._setting.workshop.is_idle and not self._frame_timer.isActive()

    def _streamed(self) -> Answer | None:
        widget = self._streaming.widget if self._streaming else None
        return widget if isinstance(widget, Answer) else None

    def _find(self, message_id: str) -> _Place | None:
        return next((place for place in self._places if place.id == message_id), None)

    def _new_place(self, shown: ShownMessage) -> _Place:
        style = self._setting.style
        return _Place(shown, estimate_height(shown, self._column().width(), style.text_size))

    def _renew(self, place: _Place, shown: ShownMessage) -> None:
        place.shown = shown
        if place.widget:
            place.widget.set_shown(shown)

    def _remove(self, place: _Place) -> None:
        if place is self._streaming:
            self._streaming = None
        if place.widget:
            place.widget.hide()
            place.widget.deleteLater()
            place.widget = None

    def _build(self, place: _Place) -> Message:
        """The message as a widget, from now on."""
        if place.widget is None:
            kind = Question if place.shown.message.role == "user" else Answer
            widget = kind(place.shown, self._setting, self.viewport())
            widget.set_reduced_motion(self._reduce_motion)
            name = place.id
            widget.changed.connect(self._ask_for_frame)
            widget.link_activated.connect(self.link_activated)
            widget.answer_now_requested.connect(self.answer_now_requested)
            widget.edit_submitted.connect(lambda text: self.edit_submitted.emit(name, text))
            widget.regenerate_requested.connect(lambda: self.regenerate_requested.emit(name))
            widget.branch_requested.connect(lambda step: self._switch(place, step))
            widget.dragged.connect(lambda point: self._see(widget.mapToParent(point)))
            if isinstance(widget, Answer):
                widget.citation_activated.connect(self.citation_activated)
                widget.reread_requested.connect(lambda mode: self.reread_requested.emit(name, mode))
            place.widget = widget
        return place.widget

    def _switch(self, place: _Place, step: int) -> None:
        """Another version appears where this one stands."""
        self._pinned = self._places.index(place), place.top - self.verticalScrollBar().value()
        self.branch_requested.emit(place.id, step)

    # Frames --------------------------------------------------------------------------------------

    def _ask_for_frame(self) -> None:
        if not self._is_settling and not self._frame_timer.isActive():
            self._frame_timer.start()

    def _frame(self) -> None:
        if answer := self._streamed():
            self._is_settling = True  # what it sets now is no reason for another frame
            answer.flush()
            self._is_settling = False
        self._settle()

    def _settle(self) -> None:
        """Lays out what can be seen and puts everything where it belongs."""
        if self._is_settling or not self.isVisible():
            return
        self._is_settling = True
        value = self.verticalScrollBar().value()
        for _ in range(_ROUNDS):
            value = self._wanted_value(value)
            before = [place.height for place in self._places]
            moved = self._lay_out_near(value)
            self._stack()
            value = round(value + moved)
            if before == [place.height for place in self._places]:
                break
        value = self._wanted_value(value)
        self._pinned = None
        bar = self.verticalScrollBar()
        bar.setRange(0, self._furthest())
        bar.setPageStep(self.viewport().height())
        bar.setValue(value)
        self._put(value)
        self._chain_focus()
        self._is_settling = False

    def _wanted_value(self, value: int) -> int:
        self._stack()
        furthest = self._furthest()
        if self._pinned and self._pinned[0] < len(self._places):
            value = self._places[self._pinned[0]].top - self._pinned[1]
            self._follows = False
        elif self._follows:
            value = furthest
        return max(0, min(value, furthest))

    def _column(self) -> QRect:
        """In the viewport. The scroll bar takes no room from it, so its coming shifts nothing."""
        width = min(COLUMN_WIDTH, max(1, self.width() - 2 * _MARGIN))
        return QRect((self.width() - width) // 2, 0, width, self.viewport().height())

    def _furthest(self) -> int:
        end = self._places[-1].bottom + _END if self._places else 0
        return max(0, end - self.viewport().height())

    def _stack(self) -> None:
        y = _EDGE
        for place in self._places:
            place.top = y
            is_question = place.shown.message.role == "user"
            y += place.height + (_AFTER_QUESTION if is_question else _AFTER_ANSWER)

    def _near(self, value: int) -> Iterator[_Place]:
        """The messages in view, and those half a view away."""
        height = self.viewport().height()
        for place in self._places:
            if place.bottom >= value - height / 2 and place.top <= value + 1.5 * height:
                yield place

    def _lay_out_near(self, value: int) -> float:
        """Gives how far the reader's place has moved down."""
        width, height, moved = self._column().width(), self.viewport().height(), 0.0
        near = list(self._near(value))
        if self._streaming and self._streaming not in near:
            near.append(self._streaming)  # it grows, wherever the reader is
        for place in near:
            widget = self._build(place)
            top = value - place.top
            inside = widget.lay_out(width, top - height / 2, top + 1.5 * height, top)
            is_above = place.bottom <= value
            moved += widget.wanted_height - place.height if is_above else inside
            place.height = widget.wanted_height
        return moved

    def _put(self, value: int) -> None:
        column = self._column()
        near = set(map(id, self._near(value)))
        for place in self._places:
            if place.widget is None:
                continue
            if id(place) in near:
                area = QRect(column.x(), place.top - value, column.width(), place.height)
                place.widget.setGeometry(area.adjusted(-BESIDE, 0, BESIDE, 0))
            place.widget.setVisible(id(place) in near)
        is_far = self._furthest() - value > self.viewport().height() / 2
        self.to_end.setVisible(is_far and not self._follows)

    # Scrolling -----------------------------------------------------------------------------------

    def go_to_end(self) -> None:
        self._follows = True
        self._settle()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        bar = self.verticalScrollBar()
        if event.key() == Qt.Key.Key_Home:
            bar.setValue(0)
        elif event.key() == Qt.Key.Key_End:
            self.go_to_end()
        elif event.key() == Qt.Key.Key_Space:  # as wherever one reads on a Mac
            is_back = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            bar.setValue(bar.value() + bar.pageStep() * (-1 if is_back else 1))
        else:
            super().keyPressEvent(event)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        if not self._is_settling:
            bar = self.verticalScrollBar()
            self._follows = bar.value() >= bar.maximum() - _AT_END
            self._settle()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The page. Not by palette: a style sheet around it would win."""
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), QColor(self._setting.style.theme.page))
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        size = self.to_end.sizeHint()
        left = (self.width() - size.width()) // 2
        self.to_end.setGeometry(QRect(QPoint(left, self.height() - size.height() - 12), size))
        self._settle()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._settle()

    def _see(self, point: QPoint) -> None:
        """Scrolls as little as needed to bring a point of the viewport into view."""
        height = self.viewport().height()
        over = max(0, point.y() + 2 * GRID - height) or min(0, point.y() - 2 * GRID)
        if over:
            self.verticalScrollBar().setValue(self.verticalScrollBar().value() + over)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """What Tab goes to is brought into view; a page of text is too large for that."""
        moved = super().focusNextPrevChild(forward)
        now = QApplication.focusWidget()
        if now and self.viewport().isAncestorOf(now) and now.height() < self.height() / 2:
            top = now.mapTo(self.viewport(), QPoint(0, 0))
            self._see(top)
            self._see(top + QPoint(0, now.height()))
        return moved

    def _chain_focus(self) -> None:
        """Tab visits messages in the order in which they stand."""
        chain: list[QWidget] = [self]
        for place in self._places:
            if place.widget and place.widget.isVisible():
                chain += place.widget.focus_chain()
        if chain != self._chain:
            self._chain = chain
            for first, second in pairwise(chain):
                QWidget.setTabOrder(first, second)
