"""What the guide thinks before it answers: a label, a sentence, or a few sentences."""

from __future__ import annotations

import random
import re

from guide.corpus import OUTSIDE, Topic

EFFORTS = ("low", "medium", "high")


def first_sentence(answer: str) -> str:
    """The opening of an answer up to its first full stop that ends a sentence."""
    match = re.match(r".+?[.?;:](?=\s|$)", answer)
    return (match.group(0) if match else answer).rstrip(".;:")


def think(topic: Topic, effort: str, answer: str, rng: random.Random) -> str:
    """The thought for a question of `topic` that `answer` will answer; it opens with the label."""
    opening = topic.label
    if effort == "low":
        return opening
    asks = "The user asks" if topic.language == "en" else "On me demande"
    sentence = f"{opening}. {asks} {topic.about.rstrip('.')}."
    if effort == "medium":
        return sentence
    reason = outside_reasons if topic.key == OUTSIDE else reasons
    return f"{sentence} {reason(topic, answer, rng)}"


def reasons(topic: Topic, answer: str, rng: random.Random) -> str:
    """Two or three sentences that lead from a topic to its answer."""
    fact = first_sentence(answer)
    if topic.language == "en":
        where = rng.choice(("This is about Sordino, so I can help.", "I know this one."))
        end = rng.choice(("I will say it plainly.", "A short answer is enough."))
        return f"{where} What matters: {fact}. {end}"
    where = rng.choice(("Cela concerne Sordino, je peux donc aider.", "Je connais ce sujet."))
    end = rng.choice(("Je le dirai simplement.", "Une réponse courte suffit."))
    return f"{where} L'essentiel : {fact}. {end}"


def outside_reasons(topic: Topic, answer: str, rng: random.Random) -> str:
    """Why the guide declines, and whom it points to."""
    if topic.language == "en":
        end = rng.choice(("I will say so plainly.", "Better to say so than to guess."))
        return (
            "I am a small model that knows only Sordino, so I might invent something. "
            f"gpt-oss-20b, in the model menu, can help with this. {end}"
        )
    end = rng.choice(("Je le dirai simplement.", "Mieux vaut le dire que deviner."))
    return (
        "Je suis un petit modèle qui ne connaît que Sordino et je pourrais inventer. "
        f"gpt-oss-20b, dans le menu des modèles, peut aider. {end}"
    )
