"""What the model is told when documents are read in passes: it notes what bears on the request in
each part, and answers from its notes.

Owns those words and no turns. Standard library only.
"""

from collections.abc import Sequence

from app.documents.pages import CITING, page
from app.documents.select import Selection

_NOTE = (
    "This is part {number} of {count} of the documents; the others come apart from it. Note what "
    "in this part bears on the request below: facts, names, figures, in few words, each with its "
    "citation. Write the notes alone, or the word Nothing."
)
_ANSWER = (
    "You have read the documents from beginning to end, in {count} parts, and have taken the notes "
    "above. Answer the request below from them, with the citations as they stand in the notes."
)


def request_for_notes(question: str, part: Selection, number: int, count: int) -> str:
    """`number` counts the parts from 1."""
    asked = _NOTE.format(number=number, count=count)
    return "\n\n".join([*map(page, part.shown), CITING, asked, f"Request: {question}"])


def request_with_notes(question: str, notes: Sequence[str]) -> str:
    """What the answer is made from. `notes` are those of each part."""
    told = [f"Notes on part {number}:\n{text.strip()}" for number, text in enumerate(notes, 1)]
    return "\n\n".join([*told, _ANSWER.format(count=len(notes)), f"Request: {question}"])
