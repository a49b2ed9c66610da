"""How well the network names the topic of the questions set aside for tuning."""

from __future__ import annotations

import datetime
import random

import torch

from guide.batches import collate, prefixed
from guide.compose import Renderer, Segment, Turn
from guide.corpus import OUTSIDE, SPEAKING_APART, Topic
from guide.network import Network

DATE = datetime.date(2026, 11, 21)


def development_rows(
    renderer: Renderer,
    topics: list[Topic],
    effort: str,
    apart: float = SPEAKING_APART,
    length: int = 256,
) -> tuple[list[int], list[list[Segment]], list[Topic]]:
    """The root, rows of single turns that end with their label, the topics in the same order."""
    root = renderer.system(DATE, effort)
    rows: list[list[Segment]] = []
    owners: list[Topic] = []
    pairs = [(topic, line) for topic in topics for line in topic.development_lines(apart)]
    random.Random(0).shuffle(pairs)
    for topic, line in pairs:
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
        owners.append(topic)
    return root, rows, owners


def measure(
    network: Network, renderer: Renderer, topics: list[Topic], effort: str = "medium"
) -> dict[str, float]:
    """Right, declined and wrong among questions inside, declined among those outside."""
    root, rows, owners = development_rows(renderer, topics, effort)
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
                if owners[place].key == OUTSIDE:
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
