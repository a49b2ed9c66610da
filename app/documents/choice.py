"""What of a conversation's documents the model is given for its last question.

Owns the numbers under which documents are shown, counted along the path, and what was given before.
Choosing may take seconds and is no work for the window's thread (see `chooser.py`). Standard
library only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from app.chats.models import ChatMessage, Reading
from app.documents.coverage import coverage
from app.documents.document import Document
from app.documents.index import PassageIndex
from app.documents.matches import best_lines
from app.documents.pages import Shown, tokens
from app.documents.query import is_about_the_whole
from app.documents.select import Selection, everything, mode_for, passes, searched
from app.forecast import room_for_documents, rounded, search_tokens

Mode = Literal["all", "search"]
_NOTE_TOKENS = 2_048  # for the notes on one part, thoughts included
_LEAST_NOTE_TOKENS = 100
_FRAME_TOKENS = 200  # what the model is told around a part
SEARCH_ONLY = (
    "The guide can’t read documents. This is a search, not an answer; these lines match best:"
)
NOTHING_MATCHES = (
    "The guide can’t read documents, and no line has to do with the question. Ask in the "
    "document’s own words, or ask gpt-oss-20b."
)


@dataclass(frozen=True, slots=True)
class Passes:
    """Documents that are too long to be read at once, in parts that fit one by one."""

    parts: tuple[Selection, ...]
    note_tokens: int  # for what the model notes on each
    reading: Reading


class NoRoom(Exception):
    """One line for the person."""


def documents_on(path: Sequence[ChatMessage]) -> list[Document]:
    """All that were attached, in the order of their numbers."""
    return [attachment.document for message in path for attachment in message.attachments]


def given(path: Sequence[ChatMessage]) -> dict[str, tuple[Shown, ...]]:
    """What the model was given with each question that an answer on the path has a reading of, or
    that has documents nobody read. Documents of the time before readings are not in it: they were
    given as a whole."""
    documents = documents_on(path)
    found: dict[str, tuple[Shown, ...]] = {}
    for message in path:
        if any(attachment.outline for attachment in message.attachments):
            found[message.id] = ()
        if message.reading is not None and message.parent_id is not None:
            is_kept = message.reading.mode != "passes"  # of those the model has its answer alone
            found[message.parent_id] = _shown(message.reading, documents) if is_kept else ()
    return found


def citable(path: Sequence[ChatMessage]) -> tuple[Shown, ...]:
    """All that an answer at the path's end can cite."""
    documents = documents_on(path)
    in_passes = [m.reading for m in path if m.reading and m.reading.mode == "passes"]
    return tuple(
        part
        for parts in (*given(path).values(), *(_shown(r, documents) for r in in_passes))
        for part in parts
    )


def _shown(reading: Reading, documents: Sequence[Document]) -> tuple[Shown, ...]:
    return tuple(
        Shown(cursor, documents[cursor], ranges)
        for cursor, ranges in reading.parts
        if cursor < len(documents)
    )


def choose(
    path: Sequence[ChatMessage],
    context: int,
    system_prompt: str,
    wanted: Mode | None,
    index_of: Callable[[Sequence[Document]], PassageIndex] = PassageIndex,
) -> Reading | Passes | None:
    """`path` ends with the question. None where all documents are known to the model already.
    `index_of` may know an index from an earlier question. Raises NoRoom, with what would fit."""
    documents, before = documents_on(path), given(path[:-1])
    whole = {part.cursor for parts in before.values() for part in parts if part.is_whole}
    numbers = [n for n, d in enumerate(documents) if n not in whole and d.line_count]
    if not numbers:
        return None
    waiting = [documents[number] for number in numbers]
    question = path[-1].text
    taken = tokens([system_prompt, *(message.text for message in path)])
    taken += sum(_cost(part) for parts in before.values() for part in parts)
    room = room_for_documents(context, taken)
    fits = mode_for(waiting, question, room) == "all"
    is_whole = wanted == "all" or (wanted is None and is_about_the_whole(question))
    if is_whole and not fits:
        return _passes(waiting, numbers, room_for_documents(context, tokens([question])))
    if fits and wanted != "search":
        selection = everything(waiting)
    else:
        earlier = [m.text for m in path[:-1] if m.role == "user"]
        budget = search_tokens(room)
        if fits:  # a search was asked for: it gives a part
            budget = min(budget, sum(tokens(tuple(d.lines)) for d in waiting) // 2)
        selection = searched(index_of(waiting), question, earlier, budget)
    if not selection.shown:
        raise NoRoom(
            f"The conversation has no room for documents: about {rounded(room)} tokens are left."
        )
    mode: Mode = "all" if selection.mode == "all" else "search"
    return Reading(mode, tuple((numbers[part.cursor], part.ranges) for part in selection.shown))


def _passes(waiting: Sequence[Document], numbers: Sequence[int], room: int) -> Passes:
    parts = passes(waiting, room - _FRAME_TOKENS)
    note_tokens = min(_NOTE_TOKENS, room // max(1, len(parts)))
    if note_tokens < _LEAST_NOTE_TOKENS:
        cost = sum(tokens(tuple(document.lines)) for document in waiting)
        most = (room // _LEAST_NOTE_TOKENS) * max(0, room - _FRAME_TOKENS)
        raise NoRoom(
            f"All of it is about {rounded(cost)} tokens, and {rounded(most)} can be read in "
            "passes. Attach a part of it, or raise the context in Settings."
        )
    ranges = ((0, document.line_count - 1) for document in waiting)
    whole = tuple((n, (lines,)) for n, lines in zip(numbers, ranges, strict=True))
    return Passes(parts, note_tokens, Reading("passes", whole))


def search(
    path: Sequence[ChatMessage],
    index_of: Callable[[Sequence[Document]], PassageIndex] = PassageIndex,
) -> tuple[str, Reading | None]:
    """What a person gets from a model that can't read documents: a search, called one."""
    documents = [document for document in documents_on(path) if document.line_count]
    numbers = [n for n, document in enumerate(documents_on(path)) if document.line_count]
    earlier = [message.text for message in path[:-1] if message.role == "user"]
    matches = best_lines(index_of(documents), path[-1].text, earlier)
    if not matches:
        return NOTHING_MATCHES, None
    words, ranges = [SEARCH_ONLY], dict[int, list[tuple[int, int]]]()
    for match in matches:
        number = next(n for n, d in zip(numbers, documents, strict=True) if d is match.document)
        ranges.setdefault(number, []).append((match.first, match.last))
        quoted = "\n".join(f"> {_plain(line)}  " for line in match.text.split("\n"))
        words.append(f"{quoted}\n> 【{number}†L{match.first}-L{match.last}】")
    parts = tuple((number, tuple(sorted(ranges[number]))) for number in sorted(ranges))
    return "\n\n".join(words), Reading("search", parts)


def coverage_words(reading: Reading, documents: Sequence[Document]) -> str:
    """ "Read all 41 pages of report.pdf; read 12 of 300 pages of …: 3–9, 41…"."""
    shown = _shown(reading, documents)
    among = tuple(part.document for part in shown)
    told = coverage([Selection(reading.mode, shown, among)])
    several = len(told) > 1
    words = "; ".join(
        f"{one.document.name}: {one.words()}" if several else one.words() for one in told
    )
    if reading.mode == "passes":
        words += ", in passes"
    return f"{words[:1].upper()}{words[1:]}." if not several else f"{words}."


def _plain(line: str) -> str:
    """A line as Markdown that shows it as it is."""
    marks = "\\`*_[]<>#&$~|!"
    return "".join(f"\\{letter}" if letter in marks else letter for letter in line.strip())


def _cost(part: Shown) -> int:
    return sum(tokens(part.document.lines[first : last + 1]) for first, last in part.ranges)
