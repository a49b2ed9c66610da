"""A dialog as wide as its words ask for and as high as they need, at any text size."""

from PySide6.QtCore import QEvent, QTimer
from PySide6.QtGui import QFontInfo, QShowEvent
from PySide6.QtWidgets import QApplication, QDialog, QWidget

from app.style import control_size
from app.theme import TEXT_SIZE


class FittedDialog(QDialog):
    def __init__(self, width: int, parent: QWidget | None = None) -> None:
        """`width` px at the usual text size. It is taken when the dialog is shown, and stays: a
        slider in it must not run away from the pointer."""
        super().__init__(parent)
        self._usual_width = width

    def showEvent(self, event: QShowEvent) -> None:
        scale = QFontInfo(QApplication.font()).pixelSize() / control_size(TEXT_SIZE)
        self.setFixedWidth(round(self._usual_width * scale))
        self.fit()
        super().showEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange) and self.isVisible():
            QTimer.singleShot(0, self, self.fit)

    def fit(self) -> None:
        """Lines wrap, so the height follows from the width once the fonts are known."""
        self.ensurePolished()
        if layout := self.layout():
            layout.activate()
            self.setFixedHeight(layout.totalHeightForWidth(self.width()))
