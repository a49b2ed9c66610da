"""A page of Markdown that is still being written.

Owns the words that have come and not yet been set. `flush`, called at the pace of the screen, sets
only what they changed: the blocks from the last finished one on.
"""

from PySide6.QtWidgets import QWidget

from app.markdown.stream import MarkdownStream
from app.widgets.page.item import Setting
from app.widgets.page_view import PageView


class StreamingPage(PageView):
    def __init__(self, setting: Setting, parent: QWidget | None = None) -> None:
        super().__init__(setting, parent)
        self._stream = MarkdownStream()
        self._pending: list[str] = []
        self._text: list[str] = []

    @property
    def text(self) -> str:
        """The Markdown, all that has come."""
        return "".join(self._text)

    def set_text(self, text: str) -> None:
        """Replaces everything; nothing more is expected, but may come."""
        self._stream = MarkdownStream()
        self._pending, self._text = [], [text]
        self._stream.feed(text)
        self.set_blocks(self._stream.blocks)

    def add(self, text: str) -> None:
        self._pending.append(text)
        self._text.append(text)

    def flush(self) -> bool:
        """Sets what has come. False if nothing has."""
        if not self._pending:
            return False
        start = len(self._stream.finished)
        self._stream.feed("".join(self._pending))
        self._pending.clear()
        self.set_blocks([*self._stream.finished[start:], *self._stream.open], start)
        return True

    def finish(self) -> None:
        """No more comes: what was left open is decided."""
        self.flush()
        start = len(self._stream.finished)
        self._stream.finish()
        self.set_blocks(self._stream.finished[start:], start)
