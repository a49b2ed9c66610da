"""What to look for: a question, and what was asked before it, as weighted words.

Standard library only; knows no index, only how often it holds a word.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.documents.synonyms import synonyms
from app.documents.words import stem, telling, words

_RARE = 2  # passages; a word that so few hold, or none, is looked for in its synonyms too
_SYNONYMS = 0.6  # weights beside the question's own words, chosen on the retrieval set
_EARLIER = (0.5, 0.25)  # the question before, and the one before that
_SELF_STANDING = 4  # telling words; a question with so many needs no earlier one

_WHOLE = re.compile(
    r"\b(summar\w*|overview|outline|abstract of|main points|key points|gist|in short|tl;?dr"
    r"|list (all|every|each)|all (of )?the\b.*\b(that|in|of) (the|this) (document|text|file|book)"
    r"|(whole|entire) (document|text|file|book|report|contract)|what is (this|it) about"
    r"|résum\w*|resume[rz]?(-| )(moi|nous|ce|cet|cette|le|la|les)\b|synthèse|vue d.ensemble"
    r"|dans les grandes lignes|de quoi (parle|s.agit)"
    r"|(énumère|énumérez|liste[rz]?) (tous|toutes|tout|chaque))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Words that are looked for together."""

    weight: float
    stems: tuple[str, ...]


def wanted(
    question: str, earlier: Sequence[str], frequency: Callable[[str], int]
) -> tuple[Wanted, ...]:
    """`earlier` are the questions before this one, oldest first; `frequency` tells how many
    passages hold a stem."""
    own = words(question)
    found = [Wanted(1.0, _stems(own)), Wanted(_SYNONYMS, _other_words(own, frequency))]
    if len(set(telling(own))) < _SELF_STANDING:
        for weight, text in zip(_EARLIER, reversed(earlier), strict=False):
            before = words(text)
            stems = (*_stems(telling(before)), *_other_words(before, frequency))
            found.append(Wanted(weight, tuple(dict.fromkeys(stems))))
    return tuple(part for part in found if part.stems)


def is_about_the_whole(question: str) -> bool:
    """Whether a few passages can't answer it: a summary, a list of everything."""
    return bool(_WHOLE.search(question))


def _stems(found: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(stem, found)))


def _other_words(found: Sequence[str], frequency: Callable[[str], int]) -> tuple[str, ...]:
    rare = (s for s in _stems(telling(list(found))) if frequency(s) <= _RARE)
    return tuple(dict.fromkeys(other for s in rare for other in synonyms(s)))
