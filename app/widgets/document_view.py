"""A document's page beside the conversation, with the cited lines marked.

A PDF's page as it is printed, once its picture is there; everything else, and until then, as text.
Owns which page is on view. Signals out, methods in: who draws pictures is decided elsewhere.
"""

from PySide6.QtCore import QEvent, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextCursor,
    QTextFormat,
)
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QStackedWidget,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from app.documents.document import Document, Page
from app.documents.lines import Box
from app.documents.places import part
from app.style import text_font
from app.theme import GRID, LIGHT, TEXT_SIZE, Theme
from app.widgets.keys import claims_escape
from app.widgets.quiet_button import QuietButton

_HEADER = 48  # px, as high as the window's own
_MARGIN = 2 * GRID
_AROUND = 3  # px of colour around a marked line


class DocumentView(QFrame):
    closed = Signal()
    picture_wanted = Signal(object, int, int, list)  # Document, page, device pixels, list[Box]

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("documentView")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumWidth(300)
        self.document: Document | None = None
        self.page_number = 1
        self._marked = (0, -1)  # lines of the document
        self._theme: Theme = LIGHT
        self.title = QLabel()
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setProperty("kind", "heading")
        self.previous = QuietButton("chevron-left", "", "Previous page")
        self.next = QuietButton("chevron-right", "", "Next page")
        self.close_button = QuietButton("close", "", "Close the page (Esc)")
        self.previous.clicked.connect(lambda: self._turn(-1))
        self.next.clicked.connect(lambda: self._turn(1))
        self.close_button.clicked.connect(self.closed)
        header = QHBoxLayout()
        header.setContentsMargins(_MARGIN, 0, GRID, 0)
        header.setSpacing(0)
        header.addWidget(self.title, 1)
        for button in (self.previous, self.next, self.close_button):
            header.addWidget(button)
        top = QWidget()
        top.setFixedHeight(_HEADER)
        top.setLayout(header)

        self.text = QTextEdit()
        self.text.setReadOnly(True)
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.document().setDocumentMargin(_MARGIN)
        self.picture = _Picture()
        self._scroll = QScrollArea()
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(self.picture)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.text)
        self._pages.addWidget(self._scroll)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(1, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(top)
        layout.addWidget(self._pages, 1)
        self.hide()

    def show_lines(self, document: Document, first: int, last: int) -> None:
        """Opens the page where the lines begin; they are numbered through the document."""
        self.document, self._marked = document, (first, last)
        page, _ = document.place(first)
        self.show()
        self._show(page)

    def show_picture(self, image: QImage, boxes: list[QRect]) -> None:
        """Of the page that was asked for last."""
        self.picture.set_picture(image, boxes)
        self._pages.setCurrentWidget(self._scroll)
        if boxes:
            y = self.picture.top_of_marks()
            self._scroll.verticalScrollBar().setValue(max(0, y - self._scroll.height() // 3))

    @property
    def shows_picture(self) -> bool:
        return self._pages.currentWidget() is self._scroll

    @property
    def marked_text(self) -> list[str]:
        """The marked lines of the page on view."""
        return [line for line, is_marked in self._lines() if is_marked]

    def set_appearance(self, theme: Theme, text_size: int = TEXT_SIZE) -> None:
        self._theme = theme
        border = f"border-left: 1px solid {theme.hairline};"
        self.setStyleSheet(f"#documentView {{ background: {theme.page}; {border} }}")
        self.text.setStyleSheet(
            f"QTextEdit {{ background: {theme.page}; color: {theme.text}; border: none; }}"
        )
        self._scroll.setStyleSheet(f"QScrollArea {{ background: {theme.sidebar}; border: none; }}")
        self.picture.set_theme(theme)
        self.text.setFont(text_font(text_size - 1))
        for button in (self.previous, self.next, self.close_button):
            button.set_appearance(theme, text_size)
        self._mark_text()

    def event(self, event: QEvent) -> bool:
        return claims_escape(event) or super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Escape:
                self.closed.emit()
            case Qt.Key.Key_Left:
                self._turn(-1)
            case Qt.Key.Key_Right:
                self._turn(1)
            case _:
                super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._say_title()

    def _turn(self, step: int) -> None:
        if self.document and 1 <= self.page_number + step <= len(self.document.pages):
            self._show(self.document.pages[self.page_number + step - 1])

    def _show(self, page: Page) -> None:
        document = self.document
        assert document is not None
        self.page_number = page.number
        several = len(document.pages) > 1
        for button in (self.previous, self.next):
            button.setVisible(several)
        self.previous.setEnabled(page.number > 1)
        self.next.setEnabled(page.number < len(document.pages))
        self._say_title()
        lines = [line for line, _ in self._lines()]
        self.text.setPlainText("\n".join(lines) or "There is no text on this page.")
        self._mark_text()
        self._pages.setCurrentWidget(self.text)
        if document.kind == "pdf":
            width = round(max(200, self.width() - 2 * _MARGIN) * self.devicePixelRatioF())
            self.picture_wanted.emit(document, page.number, width, self._boxes())

    def _say_title(self) -> None:
        if self.document is None:
            return
        where = part(self.document, self.document.pages[self.page_number - 1])
        words = " · ".join(filter(None, (self.document.name, where)))
        room = max(40, self.width() - 3 * _MARGIN - 100)
        metrics = self.title.fontMetrics()
        self.title.setText(metrics.elidedText(words, Qt.TextElideMode.ElideMiddle, room))
        self.setAccessibleName(f"Page of {words}")

    def _lines(self) -> list[tuple[str, bool]]:
        """Of the page on view: text, and whether it is marked."""
        if self.document is None:
            return []
        index = self.page_number - 1
        start, (first, last) = self.document.page_starts[index], self._marked
        return [
            (line.text, first <= number <= last)
            for number, line in enumerate(self.document.pages[index].lines, start)
        ]

    def _boxes(self) -> list[Box]:
        assert self.document is not None
        index = self.page_number - 1
        start, (first, last) = self.document.page_starts[index], self._marked
        lines = self.document.pages[index].lines
        return [
            line.box
            for number, line in enumerate(lines, start)
            if first <= number <= last and line.box is not None
        ]

    def _mark_text(self) -> None:
        marks = []
        for number, (_, is_marked) in enumerate(self._lines()):
            if not is_marked:
                continue
            mark = QTextEdit.ExtraSelection()
            mark.cursor = QTextCursor(self.text.document().findBlockByNumber(number))
            mark.format.setBackground(QColor(self._theme.highlight))
            mark.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
            marks.append(mark)
        self.text.setExtraSelections(marks)
        if marks:
            self.text.setTextCursor(marks[0].cursor)
            self.text.ensureCursorVisible()


class _Picture(QWidget):
    """A page on paper, as wide as there is room."""

    def __init__(self) -> None:
        super().__init__()
        self._image = QImage()
        self._boxes: list[QRect] = []
        self._theme: Theme = LIGHT

    def set_picture(self, image: QImage, boxes: list[QRect]) -> None:
        self._image, self._boxes = image, boxes
        self._fit()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def top_of_marks(self) -> int:
        return round(_MARGIN + min(box.top() for box in self._boxes) * self._scale())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _scale(self) -> float:
        return (self.width() - 2 * _MARGIN) / max(1, self._image.width())

    def _fit(self) -> None:
        self.setMinimumHeight(round(self._image.height() * self._scale()) + 2 * _MARGIN)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._theme.sidebar))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        scale = self._scale()
        size = self._image.width() * scale, self._image.height() * scale
        painter.drawImage(QRectF(_MARGIN, _MARGIN, *size), self._image)
        # The paper is white in either theme: ink stays ink under the marker's colour.
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Multiply)
        for box in self._boxes:
            area = QRectF(
                _MARGIN + box.x() * scale,
                _MARGIN + box.y() * scale,
                box.width() * scale,
                box.height() * scale,
            )
            painter.fillRect(area.adjusted(-_AROUND, -1, _AROUND, 1), QColor(LIGHT.highlight))
        painter.end()
