"""A number that can be dragged or typed: a slider with a small field beside it."""

import math

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy, QSlider, QWidget


class _Field(QLineEdit):
    """As wide as its numbers, at any text size."""

    def sizeHint(self) -> QSize:
        widest = self.fontMetrics().horizontalAdvance("000 px")
        return QSize(widest + 28, super().sizeHint().height())


class NumberRow(QWidget):
    changed = Signal(float)  # when the person changed it

    def __init__(
        self,
        name: str,
        low: float,
        high: float,
        step: float,
        *,
        is_off_at_low: bool = False,
        unit: str = "",
        parent: QWidget | None = None,
    ) -> None:
        """`is_off_at_low`: the field says "off" for the lowest number."""
        super().__init__(parent)
        self._low, self._high, self._step = low, high, step
        self._is_off_at_low = is_off_at_low
        self._unit = unit
        self.value = low
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(round(low / step), round(high / step))
        self.slider.setAccessibleName(name)
        self.field = _Field()
        self.field.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.field.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.field.setAccessibleName(name)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self.field)
        self.slider.valueChanged.connect(self._take_slider)
        self.field.editingFinished.connect(self._take_field)
        self.set_value(low)

    def set_value(self, value: float) -> None:
        """Shows a value; tells nobody."""
        self.value = value
        self.slider.blockSignals(True)
        self.slider.setValue(round(value / self._step))
        self.slider.blockSignals(False)
        if not (self.field.hasFocus() and self.field.isModified()):
            self._write()

    def _write(self) -> None:
        digits = 0 if self._step >= 1 else 2
        is_off = self._is_off_at_low and self.value <= self._low
        self.field.setText("off" if is_off else f"{self.value:.{digits}f}{self._unit}")

    def _take_slider(self, stop: int) -> None:
        self._take(max(self._low, stop * self._step))

    def _take_field(self) -> None:
        """What was typed if it is a number, brought within the limits; otherwise as before."""
        typed = self.field.text().replace(",", ".").removesuffix(self._unit.strip()).strip()
        try:
            value = float(self._low if typed.lower() == "off" else typed)
        except ValueError:
            value = self.value
        if math.isnan(value):
            value = self.value
        self.field.setModified(False)
        self._take(min(max(value, self._low), self._high))

    def _take(self, value: float) -> None:
        is_new = value != self.value
        self.set_value(round(value, 4))
        self._write()
        if is_new:
            self.changed.emit(self.value)
