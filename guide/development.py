"""How well the network names the topic of the questions set aside for tuning."""

from __future__ import annotations

import datetime
import random
from collections.abc import Sequence

import torch

from guide.batches import collate, prefixed
from guide.compose import Renderer, Segment, Turn
from guide.corpus import OUTSIDE, SPEAKING_APART, Topic
from guide.network import Network

DATE = datetime.date(2026, 11, 21)
Asked = tuple[Topic, str]  # a question and the topic whose answer is right


def development_questions(topics: Sequence[Topic], apart: float = SPEAKING_APART) -> list[Asked]:
    """The lines set aside, shuffled."""
    asked = [(topic, line) for topic in topics for line in topic.development_lines(apart)]
    random.Random(0).shuffle(asked)
    return asked


def question_rows(
    renderer: Renderer, asked: Sequence[Asked], effort: str, length: int = 256
) -> tuple[list[int], list[list[Segment]]]:
    """The root, and rows of at most `length` tokens of single turns that end with their label."""
    root = renderer.system(DATE, effort)
    rows: list[list[Segment]] = []
    for topic, line in asked:
        if not rows or sum(len(segment.tokens) for segment in rows[-1]) > length - 48:
            rows.append([])
        row = rows[-1]
        turn = Turn(topic, line, topic.answers[0])
        segment = Segment(parent=-1, start=len(root))
        renderer.question(segment, turn, renderer.ids(line))
        row.append(segment)
        branch = Segment(parent=len(row) - 1, start=segment.end)
        renderer.reply(branch, turn, topic.label, is_cut=True)
        row.append(branch)
    return root, rows


def measure(
    network: Network, renderer: Renderer, topics: list[Topic], effort: str = "medium"
) -> dict[str, float]:
    """Right, declined and wrong among questions inside, declined among those outside."""
    asked = development_questions(topics)
    root, rows = question_rows(renderer, asked, effort)
    numbers = {topic.name: number for number, topic in enumerate(topics)}
    decline = {renderer.ids(topic.label)[0] for topic in topics if topic.key == OUTSIDE}
    counts = {"right": 0, "declined": 0, "inside": 0, "outside_declined": 0, "outside": 0}
    place = 0
    with torch.no_grad():
        for start in range(0, len(rows), 12):
            batch = collate(root, rows[start : start + 12], numbers)
            passed = prefixed(network, batch)
            states = passed.speak(passed.read())
            for row, begin, end in batch.labels:
                said = network.lm_head(states[row, begin:end]).argmax(-1)
                is_right = bool((said == batch.targets[row, begin:end]).all())
                declined = int(said[0]) in decline
                if asked[place][0].key == OUTSIDE:
                    counts["outside"] += 1
                    counts["outside_declined"] += declined
                else:
                    counts["inside"] += 1
                    counts["right"] += is_right
                    counts["declined"] += declined and not is_right
                place += 1
    inside, outside = max(1, counts["inside"]), max(1, counts["outside"])
    return {
        "right": round(counts["right"] / inside, 3),
        "declined": round(counts["declined"] / inside, 3),
        "wrong": round(1 - (counts["right"] + counts["declined"]) / inside, 3),
        "outside declined": round(counts["outside_declined"] / outside, 3),
        "questions": inside + outside,
    }
