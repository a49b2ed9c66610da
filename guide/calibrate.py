"""Leans an exported guide towards declining when it is unsure, without a parameter gpt-oss lacks.

The states from which labels are predicted have a common direction; a multiple of it added to the
unembedding rows of the labels of `outside` raises their logits there by about `shift`. Greetings
and thanks are spared: nothing looks sillier than a "hi" declined.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer

from guide.batches import collate, prefixed
from guide.compose import Renderer
from guide.corpus import ALTERNATION, OUTSIDE, SPEAKING_APART, Topic, read_topics
from guide.development import Asked, development_questions, question_rows
from guide.network import Network

SPARED = ("greeting", "how-are-you", "thanks", "goodbye")


def decision_states(
    network: Network, renderer: Renderer, topics: Sequence[Topic], asked: Sequence[Asked]
) -> torch.Tensor:
    """(N, H): the states that predict the first token of each question's label, at each effort."""
    numbers = {topic.name: number for number, topic in enumerate(topics)}
    found = []
    for effort in ("low", "medium", "high"):
        root, rows = question_rows(renderer, asked, effort)
        for start in range(0, len(rows), 12):
            batch = collate(root, rows[start : start + 12], numbers)
            with torch.no_grad():
                passed = prefixed(network, batch)
                states = passed.speak(passed.read())
            found += [states[row, begin] for row, begin, _ in batch.labels]
    return torch.stack(found)


def shifted_head(network: Network, tokenizer: Tokenizer, shift: float) -> None:
    """Raise the logits of declining by about `shift` where a label is predicted."""
    renderer, topics = Renderer(tokenizer), read_topics()
    spared = [
        (topic, line)
        for topic in topics
        if topic.key in SPARED
        for line in topic.training_lines(SPEAKING_APART)
        if not ALTERNATION.search(line)
    ]
    network.use_mxfp4()
    leaned_on = decision_states(network, renderer, topics, development_questions(topics))
    spared_on = decision_states(network, renderer, topics, spared)
    network.use_mxfp4(False)
    # The direction on which the former have as nearly as possible the component 1, and the latter,
    # counting as much in all, 0.
    spared_on *= (len(leaned_on) / len(spared_on)) ** 0.5
    states = torch.cat([leaned_on, spared_on])
    wanted = torch.cat([torch.ones(len(leaned_on), 1), torch.zeros(len(spared_on), 1)])
    ridge = 1e-2 * len(states) * torch.eye(states.shape[1])
    direction = torch.linalg.solve(states.mT @ states + ridge, states.mT @ wanted).squeeze(1)
    labels = {topic.label for topic in topics if topic.key == OUTSIDE}
    with torch.no_grad():
        for label in labels:
            network.lm_head.weight[renderer.ids(label)[0]] += shift * direction
