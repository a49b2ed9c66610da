"""The documents that will go with the next question, each a small chip that can be taken away."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from app.chats.models import Attachment
from app.documents.places import unit
from app.forecast import rounded
from app.theme import LIGHT, TEXT_SIZE, Theme
from app.widgets.flow_layout import FlowLayout
from app.widgets.icons import icon, icon_pixmap
from app.widgets.quiet_button import HEIGHT, QuietButton

_NAME_WIDTH = 180  # px, longer names are cut in the middle


class Chip(QFrame):
    removed = Signal()

    def __init__(self, attachment: Attachment, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("chip")
        self._picture = QLabel()
        name = QLabel()
        shown = name.fontMetrics().elidedText(
            attachment.name, Qt.TextElideMode.ElideMiddle, _NAME_WIDTH
        )
        name.setText(shown)
        name.setTextFormat(Qt.TextFormat.PlainText)
        self._size = QLabel()
        self._size.setProperty("kind", "caption")
        self.set_attachment(attachment)
        self.remove = QToolButton()
        self.remove.setProperty("kind", "flat")
        self.remove.setAccessibleName(f"Remove {attachment.name}")
        self.remove.setStyleSheet("padding: 1px;")
        self.remove.clicked.connect(self.removed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 3, 4, 3)
        layout.setSpacing(6)
        for part in (self._picture, name, self._size, self.remove):
            layout.addWidget(part)
        self.set_theme(theme)

    def set_attachment(self, attachment: Attachment) -> None:
        """Another reading of the same file."""
        self.attachment = attachment
        self.size_words = size_in_words(attachment)
        self._size.setText(self.size_words)
        self.setToolTip("\n".join((attachment.path, *attachment.document.notes)))

    def set_theme(self, theme: Theme) -> None:
        self._picture.setPixmap(icon_pixmap("document", theme.quiet, 14))
        self.remove.setIcon(icon("close", theme.quiet, size=14))


def size_in_words(attachment: Attachment) -> str:
    """ "41 pages · 12,000 tokens"."""
    count, name = len(attachment.document.pages), unit(attachment.document)
    pages = [f"{count:,} {name}s"] if count > 1 else []
    return " · ".join([*pages, f"{rounded(attachment.tokens)} tokens"])


class AttachmentBar(QWidget):
    changed = Signal()
    cancel_requested = Signal()  # of what is being read

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme: Theme = LIGHT
        self.chips: list[Chip] = []
        self._layout = FlowLayout(self)
        self._reading = QLabel()
        self._reading.setProperty("kind", "caption")
        self._reading.setTextFormat(Qt.TextFormat.PlainText)
        self._reading.setFixedHeight(HEIGHT)
        self._reading.hide()
        self.cancel = QuietButton("close", "", "Stop reading", self)
        self.cancel.clicked.connect(self.cancel_requested)
        self.cancel.hide()
        self.reading = ""  # what is being read at the moment
        self.hide()

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        return tuple(chip.attachment for chip in self.chips)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.cancel.set_appearance(theme, TEXT_SIZE)
        for chip in self.chips:
            chip.set_theme(theme)

    def set_reading(self, words: str) -> None:
        """Stands after the chips until the document is one."""
        self.reading = words
        metrics, middle = self._reading.fontMetrics(), Qt.TextElideMode.ElideMiddle
        self._reading.setText(metrics.elidedText(words, middle, 2 * _NAME_WIDTH))
        for part in (self._reading, self.cancel):
            self._layout.removeWidget(part)
            if words:
                self._layout.addWidget(part)
            part.setVisible(bool(words))
        self._fit()

    def add(self, attachment: Attachment) -> None:
        """Adds a document, or its newer reading if it is there already."""
        for chip in self.chips:
            if chip.attachment.path == attachment.path:
                chip.set_attachment(attachment)
                self._announce()
                return
        chip = Chip(attachment, self._theme)
        chip.removed.connect(lambda: self._remove(chip))
        self.chips.append(chip)
        self._layout.addWidget(chip)
        self._announce()

    def clear(self) -> None:
        while self.chips:
            self._remove(self.chips[-1])

    def _remove(self, chip: Chip) -> None:
        self.chips.remove(chip)
        self._layout.removeWidget(chip)
        chip.hide()
        chip.deleteLater()
        self._announce()

    def _announce(self) -> None:
        self._fit()
        self.changed.emit()

    def _fit(self) -> None:
        self.setVisible(bool(self.chips or self.reading))
        self.updateGeometry()
