"""Leans an exported guide towards declining when it is unsure, without a parameter gpt-oss lacks.

The states from which labels are predicted have a common direction; a multiple of it added to the
unembedding rows of the labels of `outside` raises their logits there by about `shift`.
"""

from __future__ import annotations

import torch
from tokenizers import Tokenizer

from guide.batches import collate, prefixed
from guide.compose import Renderer
from guide.corpus import OUTSIDE, read_topics
from guide.development import development_rows
from guide.network import Network


def decision_states(network: Network, renderer: Renderer) -> torch.Tensor:
    """(N, H): the states that predict the first token of each development question's label."""
    topics = read_topics()
    numbers = {topic.name: number for number, topic in enumerate(topics)}
    found = []
    for effort in ("low", "medium", "high"):
        root, rows, _ = development_rows(renderer, topics, effort)
        for start in range(0, len(rows), 12):
            batch = collate(root, rows[start : start + 12], numbers)
            with torch.no_grad():
                passed = prefixed(network, batch)
                states = passed.speak(passed.read())
            found += [states[row, begin] for row, begin, _ in batch.labels]
    return torch.stack(found)


def shifted_head(network: Network, tokenizer: Tokenizer, shift: float) -> None:
    """Raise the logits of declining by about `shift` where a label is predicted."""
    renderer = Renderer(tokenizer)
    network.use_mxfp4()
    states = decision_states(network, renderer)
    network.use_mxfp4(False)
    # The direction on which all states have as nearly as possible the same component, 1.
    ones = torch.ones(len(states), 1)
    ridge = 1e-2 * len(states) * torch.eye(states.shape[1])
    direction = torch.linalg.solve(states.mT @ states + ridge, states.mT @ ones).squeeze(1)
    labels = {topic.label for topic in read_topics() if topic.key == OUTSIDE}
    with torch.no_grad():
        for label in labels:
            network.lm_head.weight[renderer.ids(label)[0]] += shift * direction
