"""The documents that will go with the next question, each a small chip that can be taken away."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from app.chats.models import Attachment
from app.theme import LIGHT, Theme
from app.widgets.flow_layout import FlowLayout
from app.widgets.icons import icon, icon_pixmap

_NAME_WIDTH = 180  # px, longer names are cut in the middle


class Chip(QFrame):
    removed = Signal()

    def __init__(self, attachment: Attachment, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("chip")
        self.attachment = attachment
        self._picture = QLabel()
        name = QLabel()
        shown = name.fontMetrics().elidedText(
            attachment.name, Qt.TextElideMode.ElideMiddle, _NAME_WIDTH
        )
        name.setText(shown)
        name.setTextFormat(Qt.TextFormat.PlainText)
        self.setToolTip(attachment.path)
        self.remove = QToolButton()
        self.remove.setProperty("kind", "flat")
        self.remove.setAccessibleName(f"Remove {attachment.name}")
        self.remove.setStyleSheet("padding: 1px;")
        self.remove.clicked.connect(self.removed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 3, 4, 3)
        layout.setSpacing(6)
        for part in (self._picture, name, self.remove):
            layout.addWidget(part)
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        self._picture.setPixmap(icon_pixmap("document", theme.quiet, 14))
        self.remove.setIcon(icon("close", theme.quiet, size=14))


class AttachmentBar(QWidget):
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme: Theme = LIGHT
        self.chips: list[Chip] = []
        self._layout = FlowLayout(self)
        self._reading = QLabel()
        self._reading.setProperty("kind", "caption")
        self._reading.setTextFormat(Qt.TextFormat.PlainText)
        self._reading.hide()
        self.reading = ""  # what is being read at the moment
        self.hide()

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        return tuple(chip.attachment for chip in self.chips)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        for chip in self.chips:
            chip.set_theme(theme)

    def set_reading(self, words: str) -> None:
        """Stands after the chips until the document is one."""
        self.reading = words
        metrics, middle = self._reading.fontMetrics(), Qt.TextElideMode.ElideMiddle
        self._reading.setText(metrics.elidedText(words, middle, 2 * _NAME_WIDTH))
        self._layout.removeWidget(self._reading)
        if words:
            self._layout.addWidget(self._reading)
        self._reading.setVisible(bool(words))
        self._fit()

    def add(self, attachment: Attachment) -> None:
        """Adds a document, or its newer reading if it is there already."""
        for chip in self.chips:
            if chip.attachment.path == attachment.path:
                chip.attachment = attachment
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
