"""An answer: thoughts folded away, then text that stands free on the page, then how it ended.

Owns the order of these and what each state of a reply shows. The words are set by `page/`.
"""

import math

from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import QLabel, QWidget

from app.chats.models import ChatMessage, ShownMessage
from app.style import control_size, text_font
from app.theme import GRID
from app.widgets.coverage_line import CoverageLine
from app.widgets.message import BESIDE, Message
from app.widgets.page.item import Setting
from app.widgets.quiet_button import HEIGHT as ACTIONS_HEIGHT
from app.widgets.reading_line import HEIGHT as READING_HEIGHT
from app.widgets.reading_line import ReadingLine
from app.widgets.streaming_page import StreamingPage
from app.widgets.thinking_fold import ThinkingFold

_SPOKEN = 2000  # characters of a finished answer that a screen reader is given at once


class Answer(Message):
    citation_activated = Signal(object)  # Citation
    reread_requested = Signal(str)  # "all" or "search": how to read the documents instead

    def __init__(self, shown: ShownMessage, setting: Setting, parent: QWidget) -> None:
        super().__init__(shown, setting, parent)
        self.thinking = ThinkingFold(setting, self)
        self.reading = ReadingLine(self)
        self.page = StreamingPage(setting, self)
        self.note = QLabel(self)
        self.note.setWordWrap(True)
        self.thinking.changed.connect(self.changed)
        self.page.changed.connect(self.changed)
        self.thinking.answer_now_requested.connect(self.answer_now_requested)
        for part in (self.thinking, self.page):
            part.link_activated.connect(self.link_activated)
        self.page.dragged.connect(self._on_dragged)
        self.page.citation_activated.connect(self.citation_activated)
        self.coverage = CoverageLine(self)
        self.coverage.reread_requested.connect(self.reread_requested)
        self.action_row.regenerate_requested.connect(self.regenerate_requested)
        self._height = 0
        self.set_setting(setting)
        self.set_shown(shown)

    @property
    def is_streaming(self) -> bool:
        return self.shown.message.status == "streaming"

    @property
    def spoken(self) -> str:
        """For a screen reader."""
        text = self.readable()
        return f"Answer: {text[:_SPOKEN]}{'…' if len(text) > _SPOKEN else ''}"

    def set_shown(self, shown: ShownMessage) -> None:
        """A whole message, finished or not."""
        super().set_shown(shown)
        message = shown.message
        self.coverage.set_reading(shown)
        self.page.set_citable(shown.citable)
        if message.text != self.page.text:
            self.page.set_text(message.text)
        if self.is_streaming:
            self._begin(message)
        else:
            self._end(message)
        self._say_name()
        self.changed.emit()

    def _begin(self, message: ChatMessage) -> None:
        self.note.hide()
        self.action_row.hide()
        self.reading.setVisible(not message.text and not message.thinking)
        self.thinking.setVisible(bool(message.thinking))
        if message.thinking and not message.text:
            self.thinking.begin(message.thinking, message.thinking_s)
        elif message.thinking:
            self.thinking.end(message.thinking, message.thinking_s)

    def _end(self, message: ChatMessage) -> None:
        self.page.finish()
        self.reading.hide()
        self.action_row.show()
        self.thinking.setVisible(bool(message.thinking))
        if message.thinking:
            self.thinking.end(message.thinking, message.thinking_s)
        words = note_for(message)
        self.note.setText(words)
        self.note.setVisible(bool(words))
        self._colour_note()

    def set_progress(self, done: int, total: int) -> None:
        self.reading.set_progress(done, total)

    def add_thinking(self, text: str) -> None:
        if self.thinking.is_thinking:
            self.thinking.add(text)
            return
        self.reading.hide()
        self.thinking.show()
        self.thinking.resume(text)

    def add_answer(self, text: str) -> None:
        if self.thinking.is_thinking:
            self.thinking.end(None, self.thinking.seconds)
        self.reading.hide()
        self.page.add(text)

    def flush(self) -> None:
        self.page.flush()
        self.thinking.flush()

    def set_setting(self, setting: Setting) -> None:
        super().set_setting(setting)
        style = setting.style
        self.thinking.set_setting(setting)
        self.reading.set_appearance(style.theme, style.text_size)
        self.page.set_setting(setting)
        self.coverage.set_appearance(style.theme, style.text_size)
        self.note.setFont(text_font(control_size(style.text_size)))
        self._colour_note()

    def set_reduced_motion(self, reduce: bool) -> None:
        self.thinking.reduce_motion = reduce

    def _colour_note(self) -> None:
        theme = self.setting.style.theme
        colour = theme.danger if self.shown.message.status == "failed" else theme.quiet
        self.note.setStyleSheet(f"color: {colour};")

    def _say_name(self) -> None:
        name = "Answer, being written" if self.is_streaming else f"Answer: {self.page.text}"
        self.setAccessibleName(name)
        self.page.setAccessibleName(name)

    def _on_dragged(self, point: QPoint) -> None:
        self.dragged.emit(self.page.mapToParent(point))

    # Arrangement ---------------------------------------------------------------------------------

    @property
    def wanted_height(self) -> int:
        return self._height

    def focus_chain(self) -> list[QWidget]:
        fold = self.thinking
        return [
            fold.line,
            fold.answer_now,
            *fold.page.focus_chain(),
            *self.page.focus_chain(),
            self.coverage.other_way,
            *self.action_row.buttons,
        ]

    def lay_out(self, width: int, top: float, bottom: float, anchor: float) -> float:
        y, moved = 0, 0.0
        if self.thinking.isVisibleTo(self):
            moved += self.thinking.lay_out(width, top, bottom, anchor)
            height = self.thinking.wanted_height
            self.thinking.setGeometry(0, 0, BESIDE + width, height)
            y += height + (2 * GRID if self.thinking.is_open else GRID)
        if self.reading.isVisibleTo(self):
            self.reading.setGeometry(BESIDE, y, width, READING_HEIGHT)
            y += READING_HEIGHT + GRID
        moved += self.page.settle(width, top - y, bottom - y, anchor - y)
        height = math.ceil(self.page.flow.height)
        self.page.setGeometry(BESIDE, y, width, height)
        y += height + (GRID if height else 0)
        if self.coverage.isVisibleTo(self):
            height = self.coverage.heightForWidth(width)
            self.coverage.setGeometry(BESIDE, y, width, height)
            y += height + GRID // 2
        if self.note.isVisibleTo(self):
            height = self.note.heightForWidth(width)
            self.note.setGeometry(BESIDE, y, width, height)
            y += height + GRID // 2
        self.action_row.setGeometry(0, y, BESIDE + width, ACTIONS_HEIGHT)
        self._height = y + ACTIONS_HEIGHT
        return moved


def note_for(message: ChatMessage) -> str:
    """How an answer ended, where that has to be said."""
    match message.status:
        case "stopped":
            return "Stopped"
        case "interrupted":
            gone = "the engine" if message.stop == "engine" else "Sordino"
            kept = " What was written is kept." if message.text or message.thinking else ""
            return f"Interrupted: {gone} ended.{kept}"
        case "failed":
            return message.stop or "The engine could not answer."
    match message.stop:
        case "length":
            return "The answer reached the longest that was asked for, and ends here."
        case "context":
            return "The context is full: the answer ends here. A new chat has room again."
        case "repetition":
            return "Stopped: the model repeated itself."
        case "call":
            return "The model asked for a tool that isn’t there."
    return "" if message.text or message.status == "streaming" else "The model said nothing."
