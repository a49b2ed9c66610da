"""Text as search sees it: words without their accents, their capitals and most of their endings.

Owns what counts as the same word. English and French share one way, because a document may hold
both; other languages get what falls to them, and Chinese, Japanese and Korean, which put no spaces,
are cut into pairs of characters. Shown text is never changed by it. Standard library only.
"""

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+")
_GROUPED = re.compile(r"(?<![\d.,])(\d{1,3})((?:[,.\u00a0\u202f'’]\d{3})+)(?![\d])")
_POSSESSIVE = re.compile(r"['’]s\b")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
_MARKS = re.compile(r"[\u0300-\u036f\u0591-\u05c7\u064b-\u0652]")  # accents, Hebrew, Arabic

# What every text has, question words among them.
_EMPTY_WORDS = (
    "a about above after again against all also am an and any are as at be because been "
    "before being below between both but by can could did do does doing down during each "
    "few for from further had has have having he her here hers him his how i if in into "
    "is it its itself just let many may me might more most much must my no nor not of off "
    "on once only or other our out over own please same shall she should so some such "
    "tell than that the their them then there these they this those through to too under "
    "until up upon us very was we were what when where which while who whom whose why "
    "will with would you your yours d ll m re s t ve "
    "ai as au aucun aussi autre aux avec avoir avait ayant c ce cela ces cet cette ceux "
    "chaque ci comme comment combien d dans de des donc dont du elle elles en encore es "
    "est et etait etaient etc ete etre eu fait faire faut il ils j je jusqu l la le les "
    "leur leurs lors lorsque lui m ma mais me mes moi mon n ne ni nos notre nous on ont "
    "ou par pas peu peut plus pour pourquoi pouvoir puis qu quand que quel quelle quelles "
    "quels qui quoi sa sans se sera seront ses si son sont sous sur t ta te tes toi ton "
    "tous tout toute toutes tu un une vos votre vous y "
)
_EMPTY = frozenset(_EMPTY_WORDS.split())


def words(text: str) -> list[str]:
    """The words of a text in order, folded, numbers without the marks between their thousands."""
    folded = _fold(text)
    found = _WORD.findall(folded)
    if not _UNSPACED.search(folded):
        return found
    return [
        piece for word in found for piece in (_pairs(word) if _UNSPACED.search(word) else [word])
    ]


def telling(found: list[str]) -> list[str]:
    """Without the words that every text has."""
    return [word for word in found if word not in _EMPTY]


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """Without the endings of number, person and gender: a light stemmer, which would rather leave
    two forms apart than join two words."""
    if len(word) < 4 or not word.isascii() or word[0].isdigit():
        return word
    for ending, replacement in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + replacement
            break
    if len(word) > 3 and word[-1] == "e":
        word = word[:-1]
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeio":
        word = word[:-1]
    return word[:-1] + "i" if len(word) > 3 and word[-1] == "y" else word


_ENDINGS = (  # the first that fits goes
    ("ies", "y"),
    ("sses", "ss"),
    ("ches", "ch"),
    ("shes", "sh"),
    ("xes", "x"),
    ("aux", "al"),
    ("ements", "ement"),
    ("ings", ""),
    ("ing", ""),
    ("ied", "y"),
    ("ees", "e"),
    ("eed", "eed"),
    ("ed", ""),
    ("ss", "ss"),
    ("us", "us"),
    ("is", "is"),
    ("s", ""),
    ("x", "x"),
)


def _fold(text: str) -> str:
    text = _GROUPED.sub(lambda match: match[1] + re.sub(r"\D", "", match[2]), text)
    text = _POSSESSIVE.sub("", text)
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKD", text).casefold()
    return _MARKS.sub("", text)


def _pairs(word: str) -> list[str]:
    return [word[i : i + 2] for i in range(max(1, len(word) - 1))]
