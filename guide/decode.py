"""Batched decoding with a cache, and the reading of what was decoded."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from guide.compose import Renderer
from guide.network import Cache, Network, Place

LIMIT = 220  # tokens of the longest reply


def generate(
    network: Network,
    prompts: list[list[int]],
    stop: int,
    temperature: float = 0.0,
    generator: torch.Generator | None = None,
) -> list[list[int]]:
    """The replies to prompts, up to and with `stop`; greedy unless there is a temperature."""
    longest = max(len(prompt) for prompt in prompts)
    padding = torch.tensor([longest - len(prompt) for prompt in prompts])
    tokens = torch.tensor([[0] * (longest - len(prompt)) + prompt for prompt in prompts])
    caches = [Cache() for _ in range(network.shape.num_hidden_layers)]
    replies: list[list[int]] = [[] for _ in prompts]
    running = torch.ones(len(prompts), dtype=torch.bool)
    start = 0
    with torch.no_grad():
        while bool(running.any()) and len(replies[0]) < LIMIT:
            place = window(network, start, tokens.shape[1], padding)
            place.caches = caches
            logits = network.lm_head(network(tokens, place)[:, -1])
            start += tokens.shape[1]
            tokens = pick(logits, temperature, generator)
            for reply, token in zip(replies, tokens[:, 0].tolist(), strict=True):
                reply.append(token)
            running &= tokens[:, 0] != stop
    return [reply[: reply.index(stop) + 1] if stop in reply else reply for reply in replies]


def window(network: Network, start: int, length: int, padding: torch.Tensor) -> Place:
    """The places of `length` new columns from `start`, behind left padding (B,)."""
    columns = torch.arange(start + length)
    new = columns[start:]
    distance = new.unsqueeze(1) - columns.unsqueeze(0)
    is_real = columns.unsqueeze(0) >= padding.unsqueeze(1)
    full = (distance >= 0).unsqueeze(0) & is_real.unsqueeze(1)
    positions = (new.unsqueeze(0) - padding.unsqueeze(1)).clamp(min=0)
    return network.place(positions, full, full & (distance < network.shape.sliding_window))


def pick(
    logits: torch.Tensor, temperature: float, generator: torch.Generator | None
) -> torch.Tensor:
    """logits (B, V) → tokens (B, 1)."""
    if temperature == 0.0:
        return logits.argmax(-1, keepdim=True)
    return torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)


@dataclass(frozen=True)
class Reply:
    """A reply in its parts; one that can't be parted has neither."""

    thought: str
    answer: str
    is_well_formed: bool


def read_reply(renderer: Renderer, tokens: list[int]) -> Reply:
    """Split a reply at Harmony's marks; only the exact form is well formed."""
    special = renderer.special
    opening = renderer.channel("analysis")
    middle = [special["end"], *renderer.assistant(), *renderer.channel("final")]
    text = renderer.tokenizer.decode
    places = [at for at in range(len(tokens)) if tokens[at : at + len(middle)] == middle]
    if tokens[: len(opening)] != opening or len(places) != 1 or tokens[-1] != special["return"]:
        return Reply("", "", False)
    thought = tokens[len(opening) : places[0]]
    answer = tokens[places[0] + len(middle) : -1]
    is_plain = not set(thought + answer) & set(special.values())
    return Reply(text(thought), text(answer), is_plain)
