"""A number that can be dragged or typed: a slider with a small field beside it."""

from PySide6.QtCore import QLocale, Qt, Signal
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QSlider, QWidget


class NumberRow(QWidget):
    changed = Signal(float)  # when the person changed it

    def __init__(
        self,
        name: str,
        low: float,
        high: float,
        step: float,
        *,
        off_at: float | None = None,
        suffix: str = "",
        parent: QWidget | None = None,
    ) -> None:
        """`off_at` is the value at which the field says "off"; it has to be `low`."""
        super().__init__(parent)
        self._step = step
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(round(low / step), round(high / step))
        self.slider.setAccessibleName(name)
        self.field = QDoubleSpinBox()
        self.field.setLocale(QLocale.c())
        self.field.setRange(low, high)
        self.field.setSingleStep(step)
        self.field.setDecimals(0 if step >= 1 else 2)
        self.field.setSuffix(suffix)
        self.field.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        self.field.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.field.setFixedWidth(72)
        self.field.setAccessibleName(name)
        if off_at is not None:
            self.field.setSpecialValueText("off")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(self.slider, 1)
        layout.addWidget(self.field)
        self.slider.valueChanged.connect(self._from_slider)
        self.field.valueChanged.connect(self._from_field)
        self._is_quiet = False

    @property
    def value(self) -> float:
        return self.field.value()

    def set_value(self, value: float) -> None:
        """Shows a value; tells nobody."""
        self._is_quiet = True
        self.field.setValue(value)
        self.slider.setValue(round(value / self._step))
        self._is_quiet = False

    def _from_slider(self, stop: int) -> None:
        if round(self.field.value() / self._step) != stop:
            self.field.setValue(stop * self._step)

    def _from_field(self, value: float) -> None:
        self.slider.setValue(round(value / self._step))
        if not self._is_quiet:
            self.changed.emit(value)
