"""Reads the topic files of `guide/conversations` and the held-out questions.

Owns the file format, alternations, must-patterns and the split into training and development
lines. Knows nothing of tokens.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

HERE = Path(__file__).parent
CONVERSATIONS = HERE / "conversations"
HELD_OUT = HERE / "heldout"
LANGUAGES = ("en", "fr")
OUTSIDE = "outside"
ALTERNATION = re.compile(r"\(([^()]*\|[^()]*)\)")
READING_APART = 0.08  # of the plain lines, set aside while the guide learns to read,
SPEAKING_APART = 0.025  # and still while it learns to speak


@dataclass(frozen=True)
class Topic:
    """One topic in one language, as its file says it."""

    language: str
    key: str
    label: str
    about: str
    musts: tuple[str, ...]
    answers: tuple[str, ...]
    questions: tuple[str, ...]

    @property
    def name(self) -> str:
        """`en/dark-mode`: unique over both languages."""
        return f"{self.language}/{self.key}"

    def is_right(self, answer: str) -> bool:
        """Whether `answer` holds every key fact."""
        return all(re.search(must, answer, re.IGNORECASE) for must in self.musts)

    def training_lines(self, apart: float) -> tuple[str, ...]:
        """The question lines that are not set aside."""
        return tuple(line for line in self.questions if not is_development(line, apart))

    def development_lines(self, apart: float) -> tuple[str, ...]:
        """The lines set aside for tuning; none of them has an alternation."""
        return tuple(line for line in self.questions if is_development(line, apart))


def is_development(line: str, apart: float) -> bool:
    """A fixed share of the plain lines, by their hash, so that other lines never move the split."""
    if ALTERNATION.search(line):
        return False
    digest = hashlib.sha256(line.encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < apart


def parse_topic(text: str, language: str, key: str) -> Topic:
    """Read one topic file; a line that fits no field is an error that names it."""
    fields: dict[str, list[str]] = {
        field: [] for field in ("label", "about", "must", "answer", "q")
    }
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        field, colon, value = line.partition(":")
        if not colon or field not in fields:
            raise ValueError(f"{language}/{key}.txt:{number}: not a field: {line!r}")
        if value.strip():
            fields[field].append(value.strip())
    for field in ("label", "about"):
        if len(fields[field]) != 1:
            raise ValueError(f"{language}/{key}.txt: needs exactly one `{field}:` line")
    return Topic(
        language=language,
        key=key,
        label=fields["label"][0],
        about=fields["about"][0],
        musts=tuple(fields["must"]),
        answers=tuple(fields["answer"]),
        questions=tuple(fields["q"]),
    )


def parse_more(text: str, name: str) -> dict[str, tuple[str, ...]]:
    """Further wordings, one a line under its `[key]`."""
    found: dict[str, list[str]] = {}
    key = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("["):
            key = line.strip().strip("[]")
            found.setdefault(key, [])
        elif key:
            found[key].append(line.strip())
        else:
            raise ValueError(f"{name}:{number}: a wording before the first [key]")
    return {key: tuple(lines) for key, lines in found.items()}


def read_topics(folder: Path = CONVERSATIONS) -> list[Topic]:
    """All topics of all languages, sorted by name.

    A line that two topics share goes to neither, and one that is held out to none.
    """
    topics = []
    for language in LANGUAGES:
        path = folder / "more" / f"{language}.txt"
        more = parse_more(path.read_text(encoding="utf-8"), path.name) if path.exists() else {}
        parsed = [
            parse_topic(path.read_text(encoding="utf-8"), language, path.stem)
            for path in sorted((folder / language).glob("*.txt"))
        ]
        unknown = set(more) - {topic.key for topic in parsed}
        if unknown:
            raise ValueError(f"more/{language}.txt: no such topic: {sorted(unknown)}")
        merged = [merge(topic, more.get(topic.key, ())) for topic in parsed]
        owners = Counter(normalise(line) for topic in merged for line in topic.questions)
        owners.update(dict.fromkeys(held_out_wordings(), 2))
        topics += [
            replace(
                topic,
                questions=tuple(line for line in topic.questions if owners[normalise(line)] == 1),
            )
            for topic in merged
        ]
    return topics


def merge(topic: Topic, more: tuple[str, ...]) -> Topic:
    """The topic with further wordings that it does not have yet."""
    lines = {normalise(line): line for line in (*more, *topic.questions)}
    return replace(topic, questions=tuple(lines.values()))


def pieces(line: str) -> list[list[str]]:
    """`a (b|c)` as `[["a "], ["b", "c"]]`: the choices at each place of a line."""
    parts = ALTERNATION.split(line)
    return [part.split("|") if index % 2 else [part] for index, part in enumerate(parts)]


def expand(line: str) -> Iterator[str]:
    """Every wording a line stands for, in order."""
    for choice in itertools.product(*pieces(line)):
        yield tidy("".join(choice))


def choose(line: str, rng: random.Random) -> str:
    """One wording of a line, each alternative equally likely."""
    return tidy("".join(rng.choice(alternatives) for alternatives in pieces(line)))


def tidy(text: str) -> str:
    """Single spaces, none at the ends."""
    return " ".join(text.split())


def normalise(text: str) -> str:
    """A wording without case, accents and punctuation, to tell whether two are the same."""
    bare = unicodedata.normalize("NFD", text.casefold().replace("’", "'"))
    bare = "".join(letter for letter in bare if not unicodedata.combining(letter))
    return " ".join(re.findall(r"\w+", bare))


def held_out_wordings() -> frozenset[str]:
    """Every held-out question, normalised: training never sees one, however it is typed."""
    return frozenset(
        normalise(question)
        for language in LANGUAGES
        for _, question in read_held_out(language)
        if normalise(question)
    )


def read_held_out(language: str, folder: Path = HELD_OUT) -> list[tuple[str, str]]:
    """`(key, question)` pairs of `guide/heldout/LANGUAGE.txt`."""
    pairs = []
    for line in (folder / f"{language}.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            key, _, question = line.partition("\t")
            pairs.append((key.strip(), question.strip()))
    return pairs
