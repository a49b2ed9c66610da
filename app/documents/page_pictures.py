"""Pictures of PDF pages, drawn in a process of their own: the window never waits for one.

One at a time: whoever asks for another page wants no more of the one before.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QRect, Signal
from PySide6.QtGui import QImage

from app.documents.lines import Box
from app.engine_command import package_environment, picture_command

_PATIENCE_MS = 1000  # for the end of a process that was killed


class PagePictures(QObject):
    drawn = Signal(QImage, list)  # list[QRect]: where the boxes are on it
    failed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None

    def draw(self, path: Path, page: int, width: int, boxes: Sequence[Box]) -> None:
        """`page` counts from 1, `width` is in device pixels. `drawn` or `failed` follows."""
        self.cancel()
        process = self._process = QProcess(self)
        environment = QProcessEnvironment()
        for name, value in package_environment().items():
            environment.insert(name, value)
        process.setProcessEnvironment(environment)
        process.finished.connect(lambda: self._take(process))
        process.errorOccurred.connect(lambda _: self._take(process))
        program, *arguments = picture_command()
        told = [str(path), str(page), str(width), json.dumps([list(box) for box in boxes])]
        process.start(program, [*arguments, *told])

    def cancel(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.finished.connect(process.deleteLater)
            process.kill()

    def shut_down(self) -> None:
        """No process stays behind."""
        self._process = None
        for process in self.findChildren(QProcess):
            process.blockSignals(True)
            process.kill()
            process.waitForFinished(_PATIENCE_MS)

    def _take(self, process: QProcess) -> None:
        if process is not self._process:
            return
        self._process = None
        process.deleteLater()
        head, _, data = bytes(process.readAllStandardOutput().data()).partition(b"\n")
        try:
            told = json.loads(head)
            size = told["width"], told["height"]
            if len(data) < told["stride"] * size[1]:
                raise ValueError("cut off")
            image = QImage(data, *size, told["stride"], QImage.Format.Format_RGB32).copy()
            boxes = [QRect(a, b, c - a, d - b) for a, b, c, d in told["boxes"]]
        except (ValueError, KeyError, TypeError):
            self.failed.emit()
        else:
            self.drawn.emit(image, boxes)
