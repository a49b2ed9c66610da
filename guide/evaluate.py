"""The figures of a guide: `python -m guide.evaluate [FOLDER]` for an exported one.

Right: the final answer holds every key fact of the topic. Declined: it says what the answers of
`outside` say. Wrong: anything else. Greedy decoding at medium effort.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import torch

from guide import vocabulary
from guide.baseline import Baseline
from guide.compose import Renderer
from guide.corpus import LANGUAGES, OUTSIDE, SPEAKING_APART, Topic, read_held_out, read_topics
from guide.decode import Reply, generate, read_reply
from guide.development import DATE
from guide.export import DESTINATION, load
from guide.network import Network
from guide.thoughts import EFFORTS

BATCH = 48
SAMPLED = 200


class Examiner:
    """Asks a guide questions and judges what it says."""

    def __init__(self, network: Network, renderer: Renderer, topics: list[Topic]) -> None:
        self.network, self.renderer = network, renderer
        self.topics = {topic.name: topic for topic in topics}
        self.baseline: Baseline | None = None

    def ask(
        self, questions: list[str], effort: str, temperature: float = 0.0, seed: int = 0
    ) -> list[Reply]:
        """The replies to single questions."""
        renderer = self.renderer
        prompts = [
            [
                *renderer.system(DATE, effort),
                *renderer.message("user", question),
                *renderer.assistant(),
            ]
            for question in questions
        ]
        generator = torch.Generator().manual_seed(seed)
        replies: list[Reply] = []
        for start in range(0, len(prompts), BATCH):
            part = prompts[start : start + BATCH]
            stop = renderer.special["return"]
            for tokens in generate(self.network, part, stop, temperature, generator):
                replies.append(read_reply(renderer, tokens))
        return replies

    def verdict(self, topic: Topic, answer: str) -> str:
        """`right`, `declined` or `wrong`."""
        if topic.key != OUTSIDE and topic.is_right(answer):
            return "right"
        outside = self.topics[f"{topic.language}/{OUTSIDE}"]
        return "declined" if outside.is_right(answer) else "wrong"

    def score(self, pairs: list[tuple[str, str]], language: str, show: bool) -> list[str]:
        """The lines of one language's table."""
        owners = [self.topics[f"{language}/{key}"] for key, _ in pairs]
        questions = [question for _, question in pairs]
        replies = self.ask(questions, "medium")
        lines = [self.line("guide", owners, [reply.answer for reply in replies])]
        if show:
            for owner, question, reply in zip(owners, questions, replies, strict=True):
                verdict = self.verdict(owner, reply.answer)
                if verdict != ("declined" if owner.key == OUTSIDE else "right"):
                    print(f"  {verdict:8} {owner.name}: {question!r} → {reply.thought[:40]!r}")
        if self.baseline:
            guessed = self.baseline.predict(questions, language)
            lines.append(self.line("n-grams", owners, [topic.answers[0] for topic in guessed]))
        return lines

    def line(self, name: str, owners: list[Topic], answers: list[str]) -> str:
        """One row: shares inside, share of outside declined."""
        inside: Counter[str] = Counter()
        outside: Counter[str] = Counter()
        for owner, answer in zip(owners, answers, strict=True):
            (outside if owner.key == OUTSIDE else inside)[self.verdict(owner, answer)] += 1
        shares = [
            f"{kind} {100 * inside[kind] / max(1, inside.total()):5.1f} %"
            for kind in ("right", "declined", "wrong")
        ]
        declined = 100 * outside["declined"] / max(1, outside.total())
        return (
            f"{name:8} {', '.join(shares)} of {inside.total()}; "
            f"outside declined {declined:5.1f} % of {outside.total()}"
        )


def development_pairs(topics: list[Topic], language: str) -> list[tuple[str, str]]:
    """The questions set aside for tuning, in the form of the held-out ones."""
    return [
        (topic.key, line)
        for topic in topics
        if topic.language == language
        for line in topic.development_lines(SPEAKING_APART)
    ]


def report(examiner: Examiner, topics: list[Topic], held_out: bool, show: bool) -> None:
    """Print every figure."""
    asked: list[str] = []
    for language in LANGUAGES:
        pairs = read_held_out(language) if held_out else development_pairs(topics, language)
        print(language)
        for line in examiner.score(pairs, language, show):
            print("  " + line, flush=True)
        asked += [question for _, question in pairs]
    sampled = [asked[place * len(asked) // SAMPLED] for place in range(SAMPLED)]
    replies = examiner.ask(sampled, "medium", temperature=1.0)
    good = sum(reply.is_well_formed for reply in replies)
    print(f"well-formed at temperature 1: {good} of {len(replies)}")
    for effort in EFFORTS:
        thoughts = [reply.thought for reply in examiner.ask(sampled[::4], effort)]
        words = sum(len(thought.split()) for thought in thoughts) / len(thoughts)
        print(f"words of thought, {effort}: {words:.1f}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=DESTINATION)
    parser.add_argument("--development", action="store_true", help="not the held-out questions")
    parser.add_argument("--no-baseline", action="store_true")
    parser.add_argument("--show", action="store_true", help="list the mistakes (development only)")
    options = parser.parse_args()
    if options.show and not options.development:
        parser.error("mistakes on held-out questions are not for looking at")
    torch.set_num_threads(2)
    topics = read_topics()
    renderer = Renderer(vocabulary.load(options.folder / "tokenizer.json"))
    examiner = Examiner(load(options.folder), renderer, topics)
    if not options.no_baseline:
        examiner.baseline = Baseline(topics)
    report(examiner, topics, not options.development, options.show)


if __name__ == "__main__":
    main()
