"""Other words for a word, from the list that travels with the program.

Owns that list's form: a group of words of one meaning a line. Standard library only.
"""

from functools import cache
from pathlib import Path

from app.documents.words import stem, words

_APP = Path(__file__).resolve().parent.parent
# An installed wheel and a frozen app carry it in `app/resources`; a checkout keeps it at its root.
_FOLDERS = (_APP / "resources", _APP.parent / "resources")


def synonyms(stemmed: str) -> tuple[str, ...]:
    """The stems of words that mean about the same; none for a word that is not in the list."""
    return _list().get(stemmed, ())


@cache
def _list() -> dict[str, tuple[str, ...]]:
    """Empty if the file is missing: search is poorer without it, and no more."""
    found: dict[str, tuple[str, ...]] = {}
    file = next((f for folder in _FOLDERS if (f := folder / "synonyms.txt").exists()), None)
    for line in file.read_text("utf-8").splitlines() if file else ():
        if not line.startswith("#"):
            group = tuple(dict.fromkeys(map(stem, words(line))))
            for word in group:
                others = tuple(other for other in group if other != word)
                found[word] = found.get(word, ()) + others
    return found
