"""The thoughts before an answer: one quiet line with a timer, which unfolds.

Owns the line, the clock while the thinking goes on, "Answer now", and the page of thoughts, which
is set only when someone wants to read it.
"""

import math
import time

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QColor, QEnterEvent, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QWidget

from app.style import blend, control_size, icon_size, text_font
from app.theme import GRID, Theme
from app.widgets.icons import IconName, paint_icon
from app.widgets.page.item import Setting
from app.widgets.page.style import PageStyle
from app.widgets.quiet_button import HEIGHT, QuietButton
from app.widgets.streaming_page import StreamingPage

_TICK_MS = 60
_BREATH_S = 2.4  # one slow wave of the line's colour
_GAP = 4  # px before the chevron
_INDENT = 2 * GRID


class ThinkingFold(QWidget):
    answer_now_requested = Signal()
    link_activated = Signal(QUrl)
    changed = Signal()  # unfolded, folded, or its page has grown

    def __init__(self, setting: Setting, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workshop = setting.workshop
        self.line = _Line(self)
        self.line.clicked.connect(self._toggle)
        self.answer_now = QuietButton(None, "Answer now", "Answer now", self)
        self.answer_now.is_tinted = True
        self.answer_now.clicked.connect(self._answer_now)
        self.page = StreamingPage(_quiet(setting), self)
        self.page.hide()
        self.page.changed.connect(self.changed)
        self.page.link_activated.connect(self.link_activated)
        self._words: list[str] = []  # thoughts that are not on the page yet
        self._since: float | None = None  # monotonic time; None while no thinking goes on
        self._before_s = 0.0
        self._clock = QTimer(self, interval=_TICK_MS)
        self._clock.timeout.connect(self._tick)
        self.reduce_motion = False
        self.set_setting(setting)
        self.answer_now.hide()

    @property
    def is_open(self) -> bool:
        return self.line.is_open

    @property
    def is_thinking(self) -> bool:
        return self._since is not None

    @property
    def seconds(self) -> float:
        running = time.monotonic() - self._since if self._since is not None else 0.0
        return self._before_s + running

    def set_setting(self, setting: Setting) -> None:
        style = setting.style
        self.line.set_appearance(style.theme, style.text_size)
        self.answer_now.set_appearance(style.theme, style.text_size)
        self.page.set_setting(_quiet(setting))

    # What it is told -----------------------------------------------------------------------------

    def begin(self, text: str, seconds: float) -> None:
        """Thinking goes on; `text` and `seconds` are what there is of it already."""
        self.page.set_text("")
        self._words = []
        self._before_s = seconds
        self.resume(text)

    def resume(self, text: str) -> None:
        """Thinking goes on after a pause, or begins."""
        self.add(text)
        self._since = time.monotonic()
        self.answer_now.setEnabled(True)
        self.answer_now.show()
        self._clock.start()
        self._tick()

    def add(self, text: str) -> None:
        if text:
            self._words.append(text)

    def end(self, text: str | None, seconds: float) -> None:
        """Thinking is over: this is all of it (None: what has come), and how long it took."""
        self._since = None
        self._before_s = seconds
        self._clock.stop()
        self.answer_now.hide()
        if text is not None and text != self.page.text + "".join(self._words):
            self.page.set_text("")
            self._words = [text]
        self.flush()
        self.page.finish()
        took = duration(seconds) if seconds >= 1 else "a moment"  # the guide's, nearly always
        self.line.set_words(f"Thought for {took}")

    def flush(self) -> bool:
        """Sets what has come, if it is to be read. False if nothing is new."""
        if not self.is_open or not self._words:
            return False
        self.page.add("".join(self._words))
        self._words.clear()
        return self.page.flush()

    # Arrangement ---------------------------------------------------------------------------------

    def lay_out(self, width: float, top: float, bottom: float, anchor: float) -> float:
        """As `PageView.settle`; then `wanted_height` holds. The words begin a grid step in."""
        size = self.line.sizeHint()
        self.line.setGeometry(0, 0, size.width(), HEIGHT)
        button = self.answer_now.sizeHint()
        self.answer_now.setGeometry(size.width(), 0, button.width(), button.height())
        if not self.is_open:
            return 0.0
        y = HEIGHT + GRID
        moved = self.page.settle(width - _INDENT, top - y, bottom - y, anchor - y)
        height = math.ceil(self.page.flow.height)
        self.page.setGeometry(GRID + _INDENT, y, int(width) - _INDENT, height)
        return moved

    @property
    def wanted_height(self) -> int:
        return HEIGHT + (GRID + math.ceil(self.page.flow.height) if self.is_open else 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.is_open:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.page.flow.style.hairline)
        height = self.height() - HEIGHT - GRID
        painter.drawRoundedRect(QRectF(GRID, HEIGHT + GRID, 2, height), 1, 1)
        painter.end()

    # Motion --------------------------------------------------------------------------------------

    def _toggle(self) -> None:
        self.line.set_open(not self.line.is_open)
        self.page.setVisible(self.is_open)
        if self.flush() and not self.is_thinking:
            self.page.finish()
        self.changed.emit()

    def _answer_now(self) -> None:
        self.answer_now.setEnabled(False)  # once is enough
        self.answer_now_requested.emit()

    def _tick(self) -> None:
        wave = 0.0
        if not self.reduce_motion:
            wave = 0.5 - 0.5 * math.cos(time.monotonic() * 2 * math.pi / _BREATH_S)
        before = self.line.sizeHint().width()
        self.line.set_words(f"Thinking… {duration(self.seconds)}", is_running=True, wave=wave)
        if self.line.sizeHint().width() != before:
            self.changed.emit()


class _Line(QAbstractButton):
    """ "Thought for 12 s ›"."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.is_open = False
        self._is_running = False
        self._wave = 0.0
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def set_appearance(self, theme: Theme, text_size: int) -> None:
        self._theme, self._chevron = theme, icon_size(text_size) - 2
        self.setFont(text_font(control_size(text_size)))
        self.update()

    def set_words(self, words: str, *, is_running: bool = False, wave: float = 0.0) -> None:
        """`wave`, 0 … 1, is where its colour is between quiet and plain."""
        self._is_running, self._wave = is_running, wave
        if words != self.text():
            self.setText(words)
            self._tell()
        self.update()

    def set_open(self, is_open: bool) -> None:
        self.is_open = is_open
        self._tell()
        self.update()

    def _tell(self) -> None:
        """For a screen reader; the seconds that run would only disturb."""
        words = "Thinking" if self._is_running else self.text()
        self.setAccessibleName(f"{words}, {'shown' if self.is_open else 'hidden'}")

    def sizeHint(self) -> QSize:
        return QSize(GRID + self._words_width + _GAP + self._chevron + GRID // 2, HEIGHT)

    @property
    def _words_width(self) -> int:
        """While the clock runs, with its widest digits: it must not tremble."""
        words = self.text()
        if self._is_running:
            words = "".join("0" if c.isdigit() else c for c in words)
        return math.ceil(QFontMetricsF(self.font()).horizontalAdvance(words))

    def enterEvent(self, event: QEnterEvent) -> None:
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        colour = blend(theme.text, theme.quiet, self._wave)
        if self.underMouse():
            colour = theme.text
        painter.setPen(QColor(colour))
        area = QRectF(self.rect()).adjusted(GRID, 0, 0, 0)
        painter.drawText(area, int(Qt.AlignmentFlag.AlignVCenter), self.text())
        shape: IconName = "chevron-down" if self.is_open else "chevron-right"
        left = GRID + self._words_width + _GAP
        size = self._chevron
        box = QRectF(left, (HEIGHT - size) / 2 + 0.5, size, size)
        paint_icon(painter, shape, box, theme.quiet if self._is_running else colour)
        if self.hasFocus():
            painter.setPen(QPen(QColor(theme.accent), 1.5))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 7, 7)
        painter.end()


def duration(seconds: float) -> str:
    """ "12 s", "2 min 5 s"."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s"


def _quiet(setting: Setting) -> Setting:
    style = PageStyle(setting.style.theme, setting.style.text_size, is_quiet=True)
    return Setting(style, setting.workshop)
