"""The field in which a question is edited, in its place in the transcript.

Return asks anew, Esc gives up. What asking anew does with the old question is not known here.
"""

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPen, QResizeEvent, QTextCursor
from PySide6.QtWidgets import QPushButton, QWidget

from app.style import blend, text_font
from app.theme import GRID, LIGHT, RADIUS, Theme
from app.widgets.keys import claims_escape
from app.widgets.message_field import MessageField

_PADDING = (2 * GRID, 10)  # px beside and above the words


class EditField(QWidget):
    submitted = Signal(str)
    cancelled = Signal()
    resized = Signal()

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme: Theme = LIGHT
        self.field = MessageField(self)
        self.field.setAccessibleName("Edit question")
        self.field.setPlainText(text)
        self.field.viewport().setAutoFillBackground(False)
        self.field.submitted.connect(self._submit)
        self.field.installEventFilter(self)
        self.cancel = QPushButton("Cancel", self)
        self.send = QPushButton("Send", self)
        self.cancel.setProperty("kind", "plain")
        self.send.setProperty("kind", "primary")
        self.cancel.clicked.connect(self.cancelled)
        self.send.clicked.connect(self._submit)
        self.field.textChanged.connect(self._on_text)
        self._on_text()

    def set_appearance(self, theme: Theme, text_size: int) -> None:
        self._theme = theme
        self.field.setFont(text_font(text_size))
        self.field.setStyleSheet(
            f"background: transparent; border: none; color: {theme.text}; font-size: {text_size}px;"
        )
        self.update()

    def focus(self) -> None:
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)
        self.field.moveCursor(QTextCursor.MoveOperation.End)

    def sizeHint(self) -> QSize:
        above = _PADDING[1]
        buttons = self.send.sizeHint().height()
        height = above + self.field.sizeHint().height() + GRID + buttons + above
        return QSize(super().sizeHint().width(), height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._arrange()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.resized.emit()
            self._arrange()
        elif event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self.update()
        return super().eventFilter(watched, event)

    def event(self, event: QEvent) -> bool:
        return claims_escape(event) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.cancelled.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = self._theme
        line = blend(theme.text, theme.hairline, 0.22) if self.field.hasFocus() else theme.hairline
        painter.setPen(QPen(QColor(line), 1))
        painter.setBrush(QColor(self._theme.raised))
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, RADIUS + 6, RADIUS + 6)
        painter.end()

    def _on_text(self) -> None:
        self.send.setEnabled(bool(self.field.toPlainText().strip()))

    def _submit(self) -> None:
        text = self.field.toPlainText().strip()
        if text:
            self.submitted.emit(text)

    def _arrange(self) -> None:
        beside, above = _PADDING
        self.field.setGeometry(beside, above, self.width() - 2 * beside, self.field.height())
        right, bottom = self.width() - 10, self.height() - 10
        for button in (self.send, self.cancel):
            size = button.sizeHint()
            button.setGeometry(
                right - size.width(), bottom - size.height(), size.width(), size.height()
            )
            right -= size.width() + GRID
