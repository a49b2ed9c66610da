"""The text field in which a person writes: grows with its text, Return sends. Plain text only."""

from PySide6.QtCore import QEvent, QMimeData, QSize, Qt, QUrl, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetrics,
    QInputMethodEvent,
    QKeyEvent,
    QKeySequence,
    QResizeEvent,
    QTextCursor,
)
from PySide6.QtWidgets import QFrame, QTextEdit, QWidget

from app.widgets.keys import PAGE_KEYS

MAX_LINES = 8


class MessageField(QTextEdit):
    """Return sends, Shift-Return makes a line, files that are pasted are handed on."""

    submitted = Signal()
    files_pasted = Signal(list)  # list[QUrl]
    focus_changed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAcceptRichText(False)
        self.setAcceptDrops(False)  # the window takes drops, wherever they fall
        self.setTabChangesFocus(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(0)
        self.document().documentLayout().documentSizeChanged.connect(self._grow)
        self._composing = False

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self._wanted_height())

    def minimumSizeHint(self) -> QSize:
        return QSize(80, self._wanted_height())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self.insertPlainText("\n")
                self.ensureCursorVisible()
            elif not self._composing:
                self.submitted.emit()
        elif is_delete_to_line_start(event) and self.toPlainText():
            self._delete_to_line_start()
        elif event.key() in PAGE_KEYS and not self.verticalScrollBar().maximum():
            event.ignore()  # all of the text is seen: they turn the conversation's pages
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        # ⌘⌫ deletes a line while there is text to delete; otherwise it is the menu's, for the chat.
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and is_delete_to_line_start(event)
        ):
            event.setAccepted(bool(self.toPlainText()))
            return True
        return super().event(event)

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        # While an input method composes a character, Return confirms that and sends nothing.
        self._composing = bool(event.preeditString())
        super().inputMethodEvent(event)

    def insertFromMimeData(self, source: QMimeData) -> None:
        files = [url for url in source.urls() if url.isLocalFile()]
        if files:
            self.files_pasted.emit(files)
        else:
            self.insertPlainText(source.text())

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return source.hasText() or any(map(QUrl.isLocalFile, source.urls()))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.focus_changed.emit(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.focus_changed.emit(False)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._grow()

    def _delete_to_line_start(self) -> None:
        cursor = self.textCursor()
        if not cursor.hasSelection():
            cursor.movePosition(
                QTextCursor.MoveOperation.StartOfLine, QTextCursor.MoveMode.KeepAnchor
            )
        cursor.removeSelectedText()

    def _wanted_height(self) -> int:
        line = QFontMetrics(self.font()).lineSpacing()
        text = round(self.document().size().height())
        return max(line, min(text, MAX_LINES * line)) + 2

    def _grow(self) -> None:
        if self.height() != (wanted := self._wanted_height()):
            self.setFixedHeight(wanted)
        is_full = self.document().size().height() > wanted
        policy = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(
            policy.ScrollBarAsNeeded if is_full else policy.ScrollBarAlwaysOff
        )


def is_delete_to_line_start(event: QKeyEvent) -> bool:
    pressed = QKeySequence(event.keyCombination())
    return pressed == QKeySequence("Ctrl+Backspace")
