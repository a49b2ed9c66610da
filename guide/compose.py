"""Lays conversations out as trees of tokens in the app's exact prompt form.

Many conversations stand side by side in a row and do not see each other.
Inside a conversation each turn branches: the thought and answer hang on one branch, the history
that later turns see (the answer without its thought) on the other. All rows of a step
share one system message, the root, which is passed through the network but once.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from tokenizers import Tokenizer

from guide.augment import Augmenter
from guide.corpus import OUTSIDE, SPEAKING_APART, Topic, choose, held_out_wordings, normalise
from guide.thoughts import EFFORTS, think

SYSTEM = (
    "You are the guide, a small model that comes with Sordino.\nKnowledge cutoff: 2024-06\n"
    "Current date: {date}\n\nReasoning: {effort}\n\n# Valid channels: analysis, commentary, final. "
    "Channel must be included for every message."
)
INSTRUCTIONS = (
    "Be brief.", "Answer in a friendly tone.", "You are a helpful assistant.", "Sois bref.",
    "Keep answers under fifty words.", "Réponds toujours poliment.", "Never use jargon.",
    "My name is Anna.", "Explain things as to a beginner.", "Tu es un assistant patient.",
    "Answer like a teacher.", "Always be polite and precise.", "Je m'appelle Paul.",
    "I live in Leeds and work as a nurse.", "Donne des réponses courtes et claires.",
)  # fmt: skip
# Topics whose questions stay inside even when another program is named.
ANYWHERE = {
    "greeting", "how-are-you", "thanks", "goodbye", "who-are-you", "chatgpt", "what-is-gpt-oss",
    "get-20b", "get-120b", "which-model", "requirements", "code-maths-display", "language",
    "wrong-answers", "what-is-sordino", "name-meaning", "documents-guide", OUTSIDE,
    "what-can-you-do", "what-can-you-not-do", "own-folder", "attach-document", "offline", "privacy",
}  # fmt: skip
OWN_NAMES = ("sordino", "gpt", "guide", "20b", "120b")

MARKUP = 0.3  # loss weights: Harmony's own tokens,
QUESTION = 0.15  # the words of some questions (which teach what words go together),
QUESTIONS = 0.25  # the share of such questions,
FIRST = 8.0  # the first token of the label, which decides the answer,
LABEL = 4.0  # the rest of the label,
TEXT = 1.0  # the thought and the answer

READING_LENGTH = 128  # tokens of a row of bare questions


@dataclass(frozen=True)
class Turn:
    """A question, its topic, the answer chosen for it."""

    topic: Topic
    question: str
    answer: str


@dataclass
class Segment:
    """A run of tokens under a parent; weights and targets concern the token after each one."""

    parent: int
    start: int  # position of the first token
    tokens: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    after: int = 0  # what follows the last token, on whichever branch
    topic: str = ""
    question: tuple[int, int] = (0, 0)  # where the question lies in the segment
    label: tuple[int, int] = (0, 0)  # the tokens that predict the label

    def add(self, tokens: list[int], weight: float) -> None:
        """Append tokens whose prediction counts `weight`."""
        if self.weights:
            self.weights[-1] = weight if tokens else self.weights[-1]
        self.tokens += tokens
        self.weights += [weight] * len(tokens)

    def close(self, after: int, weight: float) -> None:
        """Say what follows the last token."""
        self.after = after
        self.weights[-1] = weight

    @property
    def end(self) -> int:
        """The position after the last token."""
        return self.start + len(self.tokens)


class Renderer:
    """Harmony's messages as token ids."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.special = {
            name: tokenizer.token_to_id(f"<|{name}|>")
            for name in ("start", "end", "message", "channel", "return")
        }
        self.encoded: dict[str, list[int]] = {}
        self.splits = self.token_splits()

    def token_splits(self) -> dict[int, list[tuple[int, int]]]:
        """Every way to write a token as two."""
        vocabulary = self.tokenizer.get_vocab(with_added_tokens=False)
        splits: dict[int, list[tuple[int, int]]] = {}
        for token, number in vocabulary.items():
            for cut in range(1, len(token)):
                left, right = vocabulary.get(token[:cut]), vocabulary.get(token[cut:])
                if left is not None and right is not None:
                    splits.setdefault(number, []).append((left, right))
        return splits

    def ids(self, text: str) -> list[int]:
        """Ordinary text; short fixed texts are remembered."""
        if text not in self.encoded:
            if len(self.encoded) > 20_000:
                self.encoded.clear()
            self.encoded[text] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return self.encoded[text]

    def split_some(self, tokens: list[int], share: float, rng: random.Random) -> list[int]:
        """Write some tokens as two, as an unknown spelling would be: BPE dropout from a seed."""
        result: list[int] = []
        for token in tokens:
            ways = self.splits.get(token)
            result += rng.choice(ways) if ways and rng.random() < share else (token,)
        return result

    def message(self, role: str, text: str) -> list[int]:
        """A whole message without a channel."""
        special = self.special
        return [
            special["start"], *self.ids(role), special["message"], *self.ids(text), special["end"],
        ]  # fmt: skip

    def assistant(self) -> list[int]:
        """`<|start|>assistant`, where every prompt ends."""
        return [self.special["start"], *self.ids("assistant")]

    def channel(self, name: str) -> list[int]:
        """`<|channel|>NAME<|message|>`."""
        return [self.special["channel"], *self.ids(name), self.special["message"]]

    def system(self, date: datetime.date, effort: str, instructions: str = "") -> list[int]:
        """The app's system message, and the developer message if there are instructions."""
        tokens = self.message("system", SYSTEM.format(date=date.isoformat(), effort=effort))
        if instructions:
            tokens += self.message("developer", f"# Instructions\n\n{instructions}")
        return tokens

    def question(
        self, segment: Segment, turn: Turn, tokens: list[int], weight: float = 0.0
    ) -> None:
        """The user's message up to `<|start|>assistant`."""
        special = self.special
        segment.add([special["start"], *self.ids("user"), special["message"]], 0.0)
        begin = len(segment.tokens)
        segment.add(tokens, weight)
        segment.question = (begin, len(segment.tokens))
        segment.add([special["end"], *self.assistant()], 0.0)
        segment.topic = turn.topic.name
        segment.close(special["channel"], MARKUP)

    def history(self, segment: Segment, turn: Turn) -> None:
        """The answer as later turns see it."""
        segment.add([*self.channel("final"), *self.ids(turn.answer), self.special["end"]], 0.0)
        segment.close(self.special["start"], 0.0)

    def reply(self, segment: Segment, turn: Turn, thought: str, is_cut: bool) -> None:
        """The thought and, unless cut after the label, the rest of the thought and the answer."""
        label = self.ids(turn.topic.label)
        thinking = self.ids(thought)
        segment.add(self.channel("analysis"), MARKUP)
        segment.label = (len(segment.tokens) - 1, len(segment.tokens) - 1 + len(label))
        if thinking[: len(label)] != label:
            raise ValueError(f"{turn.topic.name}: the label is not the opening of {thought!r}")
        for place, token in enumerate(label):
            segment.add([token], LABEL if place else FIRST)
        rest = [*thinking[len(label) :], self.special["end"]]
        if is_cut:
            segment.close(rest[0], TEXT)
            return
        segment.add(rest, TEXT)
        self.final(segment, turn)

    def hurried(self, segment: Segment, turn: Turn, thought: str, rng: random.Random) -> None:
        """A thought that "Answer now" ended anywhere, and the answer all the same."""
        thinking = self.ids(thought)
        segment.add(self.channel("analysis"), MARKUP)
        segment.add(thinking[: rng.randrange(len(thinking) + 1)], 0.0)
        segment.add([self.special["end"]], 0.0)
        self.final(segment, turn)

    def final(self, segment: Segment, turn: Turn) -> None:
        """`<|start|>assistant<|channel|>final<|message|>…<|return|>`."""
        segment.add([*self.assistant(), *self.channel("final")], MARKUP)
        segment.add([*self.ids(turn.answer), self.special["return"]], TEXT)
        segment.close(self.special["end"], 0.0)


@dataclass(frozen=True)
class Mixture:
    """How often what occurs."""

    outside: float = 0.22  # questions that the guide has to decline
    elsewhere: float = 0.25  # of these: known questions about another program
    several_turns: float = 0.07  # conversations of two to four turns
    whole: tuple[float, float, float] = (0.45, 0.35, 0.25)  # replies not cut, by effort
    hurried: float = 0.06  # whole replies whose thought was cut short
    instructions: float = 0.05  # rows with a developer message
    split: float = 0.25  # questions some of whose tokens are written as two


class Composer:
    """An endless supply of rows; the same random generator gives the same rows."""

    def __init__(
        self,
        topics: list[Topic],
        renderer: Renderer,
        mixture: Mixture,
        length: int,
        apart: float = SPEAKING_APART,
    ) -> None:
        self.renderer = renderer
        self.mixture = mixture
        self.length = length
        self.root = 0
        self.held_out = held_out_wordings()
        self.augmenters = {topic.language: Augmenter(topic.language) for topic in topics}
        kept = [replace(topic, questions=topic.training_lines(apart)) for topic in topics]
        self.inside = [topic for topic in kept if topic.key != OUTSIDE]
        self.near = [topic for topic in self.inside if topic.key not in ANYWHERE]
        self.outside = [topic for topic in kept if topic.key == OUTSIDE]

    def turn(self, rng: random.Random) -> Turn:
        """A question of any topic, roughened; never a held-out one."""
        while True:
            turn = self.any_turn(rng)
            if normalise(turn.question) not in self.held_out:
                return turn

    def any_turn(self, rng: random.Random) -> Turn:
        """A question of any topic, roughened."""
        if rng.random() < self.mixture.outside:
            topic = rng.choice(self.outside)
            question = self.outside_question(topic, rng)
        else:
            topic = rng.choice(self.inside)
            question = self.inside_question(topic, rng)
        return Turn(topic, question, rng.choice(topic.answers))

    def inside_question(self, topic: Topic, rng: random.Random) -> str:
        """A wording of a topic."""
        return self.augmenters[topic.language](choose(rng.choice(topic.questions), rng), rng)

    def outside_question(self, topic: Topic, rng: random.Random) -> str:
        """A question from the list, or a known one about another program."""
        augment = self.augmenters[topic.language]
        question = choose(rng.choice(topic.questions), rng)
        if rng.random() < self.mixture.elsewhere:
            same_language = [near for near in self.near if near.language == topic.language]
            known = choose(rng.choice(rng.choice(same_language).questions), rng)
            if not any(name in known.lower() for name in OWN_NAMES):
                question = augment.elsewhere(known, rng)
        return augment(question, rng, is_outside=True)

    def conversation(self, rng: random.Random) -> list[Turn]:
        """One turn, or two to four of the same language."""
        turns = [self.turn(rng)]
        if rng.random() < self.mixture.several_turns:
            wanted = rng.choice((2, 2, 3, 4))
            while len(turns) < wanted:
                turn = self.turn(rng)
                if turn.topic.language == turns[0].topic.language or rng.random() < 0.1:
                    turns.append(turn)
        return turns

    def question_tokens(self, question: str, rng: random.Random) -> list[int]:
        """The ids of a question, some of them split."""
        tokens = self.renderer.ids(question)
        if rng.random() < self.mixture.split:
            return self.renderer.split_some(tokens, rng.choice((0.1, 0.3)), rng)
        return tokens

    def grow(self, row: list[Segment], turns: list[Turn], effort: str, rng: random.Random) -> None:
        """Hang a conversation under the root, which is `self.root` tokens long."""
        trunk = -1
        for place, turn in enumerate(turns):
            start = row[trunk].end if place else self.root
            segment = Segment(parent=trunk, start=start)
            if place:
                self.renderer.history(segment, turns[place - 1])
            weight = QUESTION if rng.random() < QUESTIONS else 0.0
            tokens = self.question_tokens(turn.question, rng)
            self.renderer.question(segment, turn, tokens, weight)
            row.append(segment)
            trunk = len(row) - 1
            branch = Segment(parent=trunk, start=segment.end)
            thought = think(turn.topic, effort, turn.answer, rng)
            if rng.random() >= self.mixture.whole[EFFORTS.index(effort)]:
                self.renderer.reply(branch, turn, thought, is_cut=True)
            elif rng.random() < self.mixture.hurried:
                self.renderer.hurried(branch, turn, thought, rng)
            else:
                self.renderer.reply(branch, turn, thought, is_cut=False)
            row.append(branch)

    def grow_if_room(
        self, row: list[Segment], turns: list[Turn], effort: str, rng: random.Random
    ) -> bool:
        """Hang a conversation under the row unless the row would grow too long."""
        before = len(row)
        self.grow(row, turns, effort, rng)
        if sum(len(segment.tokens) for segment in row) <= self.length:
            return True
        del row[before:]
        return False

    def draw_root(self, effort: str, rng: random.Random) -> list[int]:
        """The system message of a step."""
        date = datetime.date(2025, 8, 5) + datetime.timedelta(days=rng.randrange(1800))
        wanted = rng.random() < self.mixture.instructions
        root = self.renderer.system(date, effort, rng.choice(INSTRUCTIONS) if wanted else "")
        self.root = len(root)
        return root

    def rows(self, effort: str, rng: random.Random) -> Iterator[list[Segment]]:
        """Rows of at most `length` tokens."""
        waiting: list[list[Turn]] = []
        while True:
            row: list[Segment] = []
            for turns in waiting:
                self.grow_if_room(row, turns, effort, rng)
            waiting = []
            while len(waiting) < 3:
                turns = self.conversation(rng)
                if not self.grow_if_room(row, turns, effort, rng):
                    waiting.append(turns)
            yield row

    def readings(self, rng: random.Random) -> Iterator[list[Segment]]:
        """Rows of bare questions."""
        special = self.renderer.special
        row: list[Segment] = []
        size = 0
        while True:
            turn = self.turn(rng)
            tokens = self.question_tokens(turn.question, rng)
            segment = Segment(parent=-1, start=self.root + 2, topic=turn.topic.name)
            segment.add([special["message"], *tokens, special["end"]], 0.0)
            segment.question = (1, 1 + len(tokens))
            if row and size + len(segment.tokens) > READING_LENGTH:
                yield row
                row, size = [], 0
            row.append(segment)
            size += len(segment.tokens)
