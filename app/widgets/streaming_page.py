"""A page of Markdown that is still being written.

Owns the words that have come and not yet been set. `flush`, called at the pace of the screen, sets
only what they changed: the blocks from the last finished one on.
"""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.documents.pages import Shown
from app.markdown.blocks import FOUND, UNFOUNDED, Block
from app.markdown.stream import MarkdownStream
from app.widgets.citations import CitedText, explained
from app.widgets.page.item import Setting
from app.widgets.page_view import PageView


class StreamingPage(PageView):
    citation_activated = Signal(object)  # Citation whose chip was chosen

    def __init__(self, setting: Setting, parent: QWidget | None = None) -> None:
        super().__init__(setting, parent)
        self._stream = MarkdownStream()
        self._citable: Sequence[Shown] = ()
        self._cited = CitedText(())
        self._pending: list[str] = []
        self._text: list[str] = []

    @property
    def text(self) -> str:
        """The Markdown, all that has come."""
        return "".join(self._text)

    def set_citable(self, citable: Sequence[Shown]) -> None:
        """What citations may point to; what has come is set anew if it is other than before."""
        if citable != self._citable:
            self._citable = citable
            self.set_text(self.text)

    def set_text(self, text: str) -> None:
        """Replaces everything; nothing more is expected, but may come."""
        self._stream = MarkdownStream()
        self._cited = CitedText(self._citable)
        self._pending, self._text = [], [text]
        self._stream.feed(self._cited.feed(text))
        self._set(self._stream.blocks, 0)

    def add(self, text: str) -> None:
        self._pending.append(text)
        self._text.append(text)

    def flush(self) -> bool:
        """Sets what has come. False if nothing has."""
        if not self._pending:
            return False
        start = len(self._stream.finished)
        self._stream.feed(self._cited.feed("".join(self._pending)))
        self._pending.clear()
        self._set([*self._stream.finished[start:], *self._stream.open], start)
        return True

    def finish(self) -> None:
        """No more comes: what was left open is decided."""
        self.flush()
        start = len(self._stream.finished)
        self._stream.feed(self._cited.finish())
        self._stream.finish()
        self._set(self._stream.finished[start:], start)

    def _set(self, blocks: Sequence[Block], start: int) -> None:
        self.set_blocks([self._cited.with_chips(block) for block in blocks], start)

    def follow(self, link: str) -> None:
        scheme, _, number = link.partition(":")
        if f"{scheme}:" in (FOUND, UNFOUNDED):
            self.citation_activated.emit(self._cited.citations[int(number)])
        else:
            super().follow(link)

    def link_words(self, link: str) -> str:
        scheme, _, number = link.partition(":")
        if f"{scheme}:" in (FOUND, UNFOUNDED):
            return explained(self._cited.citations[int(number)])
        return super().link_words(link)
