"""Documents in the terminal: reading them, choosing what the model is given, naming what was read.

Owns the cursors under which documents are shown for as long as a conversation runs.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from app.documents.attachment import read_documents
from app.documents.coverage import coverage
from app.documents.document import Document
from app.documents.errors import UnreadableDocument
from app.documents.index import PassageIndex
from app.documents.matches import best_lines
from app.documents.pages import Shown, tokens
from app.documents.reading.process import isolated
from app.documents.select import Selection, everything, mode_for, passes, searched
from app.terminal.engine import Failure
from app.terminal.screen import Screen

_ANSWER_SHARE = 4  # a quarter of the context stays free for thoughts and the answer …
_ANSWER_TOKENS = 8_192  # … up to so much
_FRAME_TOKENS = 400  # system message, advice on citing
_SEARCH_TOKENS = 8_000  # at most for one search: more finds little more and takes long to read
_SEARCH_ONLY = "The guide can't read documents. This is a search: the lines that match best."


def read_files(files: Sequence[Path], screen: Screen) -> tuple[Document, ...]:
    """The documents of files, and of folders. Says what is not as it stands in a file. Raises
    Failure about the first that can't be read."""
    found: list[Document] = []
    try:
        for path in files:
            for result in read_documents(path, screen.progress):
                if isinstance(result, str):
                    screen.note(result)
                else:
                    found.append(result)
    except UnreadableDocument as error:
        screen.close()
        raise Failure(str(error)) from None
    screen.close()
    return tuple(found)


class OpenDocuments:
    """The documents of a conversation. What does not fit is searched for each question anew."""

    def __init__(self, documents: Sequence[Document] = ()) -> None:
        self.shown: dict[str, tuple[Shown, ...]] = {}  # by the message that it goes with
        self._all = list(documents)
        self._index: PassageIndex | None = None

    def add(self, documents: Sequence[Document]) -> None:
        self._all += documents

    @property
    def is_empty(self) -> bool:
        return not self._all

    def parts(self, question: str, room_tokens: int) -> tuple[Selection, ...]:
        """All of the documents in pieces that fit, for a question about the whole of what does not
        fit at once; none for any other."""
        if mode_for(self._all, question, room_tokens) != "passes" or not room_tokens:
            return ()
        return passes(self._all, room_tokens)

    def choose(
        self,
        message_id: str,
        question: str,
        earlier: Sequence[str],
        room_tokens: int,
        screen: Screen,
    ) -> None:
        """Sets what the model is given with a message, and says how much of each document that is.
        `earlier` are the questions before. Raises Failure where there is no room for a search."""
        waiting = self._not_yet_whole()
        if not waiting:
            return
        if mode_for(waiting, question, room_tokens) == "all":
            selection = everything(waiting)
        else:
            screen.progress("Searching…")
            room = min(room_tokens // 2, _SEARCH_TOKENS)  # the rest is for later questions
            selection = searched(self._indexed(waiting), question, earlier, room)
            screen.close()
        if not selection.shown:
            raise Failure("The context has no room for the documents. Ask with a longer --context.")
        self.shown[message_id] = tuple(self._under_its_cursor(part) for part in selection.shown)
        _say(selection, screen)

    def forget(self, message_id: str) -> None:
        """The message was never answered: its documents wait for the next."""
        self.shown.pop(message_id, None)

    def search(self, question: str, earlier: Sequence[str], screen: Screen) -> str:
        """The lines that match a question best, for people; "" where none does."""
        screen.progress("Searching…")
        matches = best_lines(self._indexed(self._all), question, earlier)
        screen.close()
        return "\n\n".join(f"{match.text}\n[{match.words()}]" for match in matches)

    def _not_yet_whole(self) -> list[Document]:
        parts = [part for parts in self.shown.values() for part in parts]
        given = {id(part.document) for part in parts if part.is_whole}
        return [document for document in self._all if id(document) not in given]

    def _indexed(self, documents: Sequence[Document]) -> PassageIndex:
        if self._index is None or self._index.documents != tuple(documents):
            self._index = PassageIndex(documents)
        return self._index

    def _under_its_cursor(self, part: Shown) -> Shown:
        number = next(i for i, document in enumerate(self._all) if document is part.document)
        return replace(part, cursor=number)


def room_for_documents(context: int, most_answer: int | None, texts: Sequence[str]) -> int:
    """How many tokens of documents a prompt can take beside `texts`, answer and thoughts."""
    answer = most_answer or min(_ANSWER_TOKENS, context // _ANSWER_SHARE)
    taken = sum(tokens(text.split("\n")) for text in texts)
    return max(0, context - answer - _FRAME_TOKENS - taken)


def show_search(
    documents: OpenDocuments, question: str, earlier: Sequence[str], screen: Screen
) -> None:
    """What a person gets from a model that can't read documents: a search, called one."""
    found = documents.search(question, earlier, screen)
    if not found:
        raise Failure(
            "The guide can't read documents, and a search for the question's words finds no line. "
            "Ask in the document's own words."
        )
    screen.note(_SEARCH_ONLY)
    screen.answer(f"{found}\n")


def _say(selection: Selection, screen: Screen) -> None:
    for told in coverage([selection]):
        if selection.mode != "all":
            words = f"{isolated(told.document.name)}: {told.words('the model gets')}"
            screen.note(words if words.endswith("…") else f"{words}.")
