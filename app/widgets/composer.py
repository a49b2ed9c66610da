"""The composer: one rounded field with the documents, the text, the effort and Send or Stop.

Owns what is being written. Signals out, methods in; what is sent is decided elsewhere.
"""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.chats.models import Attachment
from app.style import set_kind
from app.theme import GRID, LIGHT, Theme
from app.widgets.attachment_bar import AttachmentBar
from app.widgets.effort_slider import EffortSlider
from app.widgets.icons import icon
from app.widgets.labels import with_keys
from app.widgets.message_field import MessageField

_BUTTON = 32  # px


class Composer(QFrame):
    submitted = Signal(str, tuple)  # text, attachments; the field keeps them until `clear`
    stop_requested = Signal()
    attach_requested = Signal()
    files_pasted = Signal(list)  # list[QUrl]
    effort_changed = Signal(str)
    draft_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("composer")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._theme: Theme = LIGHT
        self._is_busy = False

        self.field = MessageField()
        self.field.setAccessibleName("Message")
        self.attachments = AttachmentBar()
        self.forecast = QLabel()
        self.forecast.setProperty("kind", "caption")
        self.forecast.setTextFormat(Qt.TextFormat.PlainText)
        self.forecast.setWordWrap(True)
        self.forecast.hide()
        self.attach = QToolButton()
        self.attach.setObjectName("attach")
        self.attach.setProperty("kind", "flat")
        self.attach.setAccessibleName("Attach a document")
        self.attach.setToolTip(with_keys("Attach a document", "Ctrl+O"))
        self.effort = EffortSlider()
        self.send = QPushButton()
        self.send.setObjectName("send")
        for button in (self.attach, self.send):
            button.setFixedSize(_BUTTON, _BUTTON)
            button.setIconSize(QSize(18, 18))
            button.setCursor(Qt.CursorShape.PointingHandCursor)

        row = QHBoxLayout()
        row.setSpacing(GRID)
        row.addWidget(self.attach)
        row.addStretch(1)
        row.addWidget(self.effort)
        row.addSpacing(GRID // 2)
        row.addWidget(self.send)
        text = QVBoxLayout()
        text.setContentsMargins(GRID, 0, GRID, 0)
        text.setSpacing(GRID)
        text.addWidget(self.attachments)
        text.addWidget(self.forecast)
        text.addWidget(self.field)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID, GRID + 6, GRID, GRID)
        layout.setSpacing(GRID)
        layout.addLayout(text)
        layout.addLayout(row)
        for first, second in (
            (self.field, self.attach),
            (self.attach, self.effort),
            (self.effort, self.send),
        ):
            QWidget.setTabOrder(first, second)
        self.setFocusProxy(self.field)

        self.field.textChanged.connect(self._on_text)
        self.field.submitted.connect(self._submit)
        self.field.files_pasted.connect(self.files_pasted)
        self.field.focus_changed.connect(lambda on: set_kind(self, "focused" if on else ""))
        self.attachments.changed.connect(self.updateGeometry)
        self.attach.clicked.connect(self.attach_requested)
        self.send.clicked.connect(self._press)
        self.effort.effort_changed.connect(self.effort_changed)
        self._refresh_send()

    @property
    def text(self) -> str:
        return self.field.toPlainText()

    def set_text(self, text: str, attachments: Sequence[Attachment] = ()) -> None:
        """Puts a draft into the field, the caret at its end."""
        self.field.setPlainText(text)
        self.field.moveCursor(self.field.textCursor().MoveOperation.End)
        self.attachments.clear()
        for attachment in attachments:
            self.attachments.add(attachment)

    def give_back(self, text: str, attachments: Sequence[Attachment]) -> None:
        """Puts words that could not be sent before what has been written since."""
        since = self.text
        documents = (*attachments, *self.attachments.attachments)
        self.set_text(f"{text}\n\n{since}" if since.strip() else text, documents)

    def clear(self) -> None:
        self.set_text("")

    def set_busy(self, is_busy: bool) -> None:
        """While a turn runs, Send is Stop."""
        self._is_busy = is_busy
        self._refresh_send()

    def set_forecast(self, words: str) -> None:
        """What the documents will cost, and what of them the model will get."""
        self.forecast.setText(words)
        self.forecast.setVisible(bool(words))
        self.updateGeometry()

    def set_placeholder(self, words: str) -> None:
        self.field.setPlaceholderText(words)

    def set_appearance(self, theme: Theme, text_size: int) -> None:
        self._theme = theme
        self.attach.setIcon(icon("attach", theme.quiet, size=18))
        self.attachments.set_theme(theme)
        self.effort.set_appearance(theme, text_size)
        self._refresh_send()

    def _submit(self) -> None:
        if self.text.strip() and not self._is_busy:
            self.submitted.emit(self.text, self.attachments.attachments)

    def _press(self) -> None:
        if self._is_busy:
            self.stop_requested.emit()
        else:
            self._submit()

    def _on_text(self) -> None:
        self._enable_send()
        self.draft_changed.emit(self.text)

    def _refresh_send(self) -> None:
        theme = self._theme
        if self._is_busy:
            self.send.setIcon(icon("stop", theme.page, size=18))
        else:
            self.send.setIcon(icon("send", theme.on_accent, theme.quiet, size=18))
        name = "Stop" if self._is_busy else "Send"
        if self.send.accessibleName() != name:
            self.send.setAccessibleName(name)
            self.send.setToolTip("Stop (Esc)" if self._is_busy else "Send (Return)")
            set_kind(self.send, "stop" if self._is_busy else "send")
        self._enable_send()

    def _enable_send(self) -> None:
        self.send.setEnabled(self._is_busy or bool(self.text.strip()))
