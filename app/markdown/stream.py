"""Markdown as it is written: blocks that are finished, and those that the next word may change.

Owns the text between two calls and nothing that is drawn. Whoever shows the blocks has to look
only at the end of the list.
"""

import re
from dataclasses import replace

from app.markdown.blocks import Block, Paragraph
from app.markdown.parse import read_segment
from app.markdown.segments import Segment, Segmenter

# What may yet become a heading, a list, a rule, a table or a fence; shown once it is decided.
_UNDECIDED = re.compile(r"\s*(?:[-*+#>|=~`:_$\\ ]*|\d{1,9}[.)]?|[-*+] \[[ xX]?\]?|\\\[?)\s*$")
_SURROGATES = re.compile("[\ud800-\udfff]")
LONGEST = 6000  # characters of a paragraph that are read again with every word


class MarkdownStream:
    """Takes text in pieces of any size, cut anywhere."""

    def __init__(self, text: str = "") -> None:
        self.finished: list[Block] = []  # grows at its end only
        self.open: tuple[Block, ...] = ()
        self._segmenter = Segmenter()
        self._partial = ""  # a line without its end
        self._goes_on = False  # the open paragraph continues the block before
        if text:
            self.feed(text)

    @property
    def blocks(self) -> list[Block]:
        return [*self.finished, *self.open]

    def feed(self, text: str) -> None:
        *lines, self._partial = (self._partial + _cleaned(text)).split("\n")
        for line in lines:
            self._finish(self._segmenter.feed(line.removesuffix("\r")))
        self._cut_what_grew_too_long()
        self._read_open()

    def finish(self) -> None:
        """The text has ended; all blocks are finished."""
        if self._partial:
            self._finish(self._segmenter.feed(self._partial.removesuffix("\r")))
        self._finish(self._segmenter.close())
        self._partial = ""
        self.open = ()

    def _finish(self, segments: list[Segment]) -> None:
        for segment in segments:
            self.finished += self._marked(read_segment(segment))
            self._goes_on = False

    def _read_open(self) -> None:
        ahead = self._segmenter.fork()
        partial = self._partial.removesuffix("\r")
        in_code = ahead.open is not None and ahead.open.kind == "code"
        segments = []
        if partial and (in_code or not _UNDECIDED.match(partial)):
            segments = ahead.feed(partial)
        blocks = [block for s in segments for block in read_segment(s, is_open=s is segments[-1])]
        if ahead.open:
            blocks += read_segment(ahead.open, is_open=True)
        self.open = self._marked(tuple(blocks))

    def _marked(self, blocks: tuple[Block, ...]) -> tuple[Block, ...]:
        if self._goes_on and blocks and isinstance(blocks[0], Paragraph):
            return replace(blocks[0], continues=True), *blocks[1:]
        return blocks

    def _cut_what_grew_too_long(self) -> None:
        """A paragraph without end would be read again from its start with every word."""
        segment = self._segmenter.open
        lines = segment.lines if segment and segment.kind == "paragraph" else []
        if (segment and not lines) or sum(map(len, lines)) + len(self._partial) <= LONGEST:
            return
        end = max(self._partial.rfind(mark) for mark in (". ", "。", "! ", "? "))
        end = end if end > 0 else self._partial.rfind(" ")
        if lines or end > 0 or len(self._partial) > 2 * LONGEST:
            head = self._partial[: end + 1]
            self._partial = self._partial[end + 1 :].lstrip(" ")
            if head:
                self._finish(self._segmenter.feed(head))
            self._finish(self._segmenter.close())
            self._goes_on = True


def read_blocks(text: str) -> list[Block]:
    """The blocks of a whole text."""
    stream = MarkdownStream(text)
    stream.finish()
    return stream.finished


def _cleaned(text: str) -> str:
    """Without what no text layout can take: NUL and halves of surrogate pairs."""
    return _SURROGATES.sub("\ufffd", text).replace("\0", "\ufffd")
