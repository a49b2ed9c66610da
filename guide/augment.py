"""Roughens questions the way people type: other words, frames, politeness, typos, lost accents.

Everything here draws from a given `random.Random`, so a seed fixes the result. The word lists are
`guide/wording`: groups of words that can stand for each other, one group a line.
"""

from __future__ import annotations

import random
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from guide.corpus import tidy

WORDING = Path(__file__).parent / "wording"
LONGEST_PHRASE = 4  # words of the longest phrase in a group
KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


@dataclass(frozen=True)
class Wording:
    """The word lists of one language."""

    synonyms: dict[str, tuple[str, ...]]  # phrase → its whole group
    frames: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]  # kind → openings, replacements
    lists: dict[str, tuple[str, ...]]  # "openers", "closers", "here", "elsewhere"
    contractions: tuple[tuple[str, str], ...]


def read_groups(name: str) -> list[tuple[str, ...]]:
    """The groups of a file: alternatives separated by ` | `."""
    lines = (WORDING / name).read_text(encoding="utf-8").splitlines()
    return [
        tuple(part.strip() for part in line.split("|"))
        for line in lines
        if line.strip() and not line.startswith("#")
    ]


def read_sections(name: str) -> dict[str, list[tuple[str, ...]]]:
    """Groups under `[section]` lines."""
    sections: dict[str, list[tuple[str, ...]]] = {}
    section = ""
    for group in read_groups(name):
        if len(group) == 1 and group[0].startswith("["):
            section = group[0].strip("[]")
            sections[section] = []
        else:
            sections[section].append(group)
    return sections


def read_wording(language: str) -> Wording:
    """Read `synonyms-LANGUAGE.txt` and `frames-LANGUAGE.txt`."""
    synonyms: dict[str, tuple[str, ...]] = {}
    for group in read_groups(f"synonyms-{language}.txt"):
        for phrase in group:
            synonyms[phrase] = tuple(dict.fromkeys((*synonyms.get(phrase, ()), *group)))
    sections = read_sections(f"frames-{language}.txt")
    frames = {
        name.removeprefix("frame "): (groups[0], groups[1])
        for name, groups in sections.items()
        if name.startswith("frame ")
    }
    lists = {
        name: tuple(phrase for group in groups for phrase in group)
        for name, groups in sections.items()
        if not name.startswith("frame ") and name != "contractions"
    }
    contractions = tuple(
        (group[0], short) for group in sections["contractions"] for short in group[1:]
    )
    return Wording(synonyms, frames, lists, contractions)


class Augmenter:
    """Turns one clean wording into one of the many ways to type it."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.wording = read_wording(language)

    def __call__(self, question: str, rng: random.Random, is_outside: bool = False) -> str:
        """A rougher wording that means the same."""
        if rng.random() < 0.12:
            return question
        text = question
        if rng.random() < 0.4:
            text = self.reframe(text, rng)
        if rng.random() < 0.6:
            text = self.exchange(text, rng, share=rng.choice((0.2, 0.4, 0.7)))
        if rng.random() < 0.3:
            text = drop_words(text, rng)
        if rng.random() < 0.3:
            text = self.contract(text, rng)
        text = self.surround(text, rng, is_outside)
        if rng.random() < 0.25:
            text = misspell(text, rng)
        return restyle(text, rng)

    def elsewhere(self, question: str, rng: random.Random) -> str:
        """The question asked about another program, which makes it foreign."""
        place = rng.choice(self.wording.lists["elsewhere"])
        bare = question.rstrip(" ?.!")
        if rng.random() < 0.2:
            return f"{place}: {bare}"
        link = rng.choice(self.wording.lists["in"])
        return f"{bare} {link} {place}" + ("?" if rng.random() < 0.5 else "")

    def reframe(self, text: str, rng: random.Random) -> str:
        """Exchange an opening such as "how do i" for another that asks for the same."""
        lower = text[:1].lower() + text[1:]
        for openings, replacements in self.wording.frames.values():
            for opening in openings:
                if lower.startswith(opening + " "):
                    rest = text[len(opening) + 1 :]
                    return tidy(f"{rng.choice(replacements)} {rest}")
        return text

    def exchange(self, text: str, rng: random.Random, share: float) -> str:
        """Exchange words and short phrases for others of their group."""
        words = text.split()
        result: list[str] = []
        index = 0
        while index < len(words):
            for length in range(min(LONGEST_PHRASE, len(words) - index), 0, -1):
                phrase = " ".join(words[index : index + length])
                core = phrase.rstrip("?.,!;:")
                group = self.wording.synonyms.get(core.lower())
                if group and rng.random() < share:
                    result.append(rng.choice(group) + phrase[len(core) :])
                    index += length
                    break
            else:
                result.append(words[index])
                index += 1
        return tidy(" ".join(result))

    def contract(self, text: str, rng: random.Random) -> str:
        """Shorten as in haste: what's, dont, pk."""
        for full, short in self.wording.contractions:
            if rng.random() < 0.5:
                text = re.sub(rf"(?<!\w){re.escape(full)}(?!\w)", short, text, flags=re.IGNORECASE)
        return text

    def surround(self, text: str, rng: random.Random, is_outside: bool) -> str:
        """Greetings before, thanks after, and "in this app" where the app is meant."""
        lists = self.wording.lists
        if not is_outside and rng.random() < 0.06:
            text = f"{text.rstrip(' ?.!')} {rng.choice(lists['here'])}"
        if rng.random() < 0.15:
            text = f"{rng.choice(lists['openers'])} {text}"
        if rng.random() < 0.1:
            text = f"{text.rstrip(' ?.!')} {rng.choice(lists['closers'])}"
        return text


def drop_words(text: str, rng: random.Random) -> str:
    """Leave out one word, two of a long question; never from three words or fewer."""
    words = text.split()
    for _ in range(1 if len(words) < 9 else rng.choice((1, 2))):
        if len(words) > 3:
            del words[rng.randrange(len(words))]
    return " ".join(words)


def misspell(text: str, rng: random.Random) -> str:
    """One or two slips of the fingers, in words of four letters or more."""
    words = text.split(" ")
    long_ones = [place for place, word in enumerate(words) if len(word) >= 4 and word.isalpha()]
    for place in rng.sample(long_ones, min(len(long_ones), rng.choice((1, 1, 2)))):
        words[place] = slip(words[place], rng)
    return " ".join(words)


def slip(word: str, rng: random.Random) -> str:
    """One letter swapped, lost, doubled or hit beside its key."""
    place = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(4)
    if kind == 0:
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    if kind == 1:
        return word[:place] + word[place + 1 :]
    if kind == 2:
        return word[:place] + word[place] + word[place:]
    return word[:place] + neighbour(word[place], rng) + word[place + 1 :]


def neighbour(letter: str, rng: random.Random) -> str:
    """A key beside this one."""
    for row in KEYBOARD:
        place = row.find(letter.lower())
        if place >= 0:
            return rng.choice(row[max(0, place - 1) : place] + row[place + 1 : place + 2])
    return letter


def restyle(text: str, rng: random.Random) -> str:
    """Case, punctuation and accents as people leave them; never nothing at all."""
    before = text
    style = rng.random()
    if style < 0.45:
        text = text.lower()
    elif style < 0.75:
        text = text[:1].upper() + text[1:]
    elif style < 0.78:
        text = text.upper()
    style = rng.random()
    if style < 0.4:
        text = text.rstrip(" ?.!")
    elif style < 0.55:
        text = text.rstrip(" ?.!") + rng.choice(("?", "?", " ?", "??", ".", "!", "..."))
    if rng.random() < 0.2:
        text = without_accents(text)
    if rng.random() < 0.1:
        text = text.replace("'", rng.choice(("’", "", " "))).replace("’", "'")
    return tidy(text) or before


def without_accents(text: str) -> str:
    """é → e, for those who do not type them."""
    letters = unicodedata.normalize("NFD", text)
    return unicodedata.normalize(
        "NFC", "".join(letter for letter in letters if not unicodedata.combining(letter))
    )
