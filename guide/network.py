"""The gpt-oss network in PyTorch, for training the guide on a few CPU threads.

Parameters carry the published names, so that export is a walk over the state dict. Masks and
positions come from outside: a training row is a tree of conversations, not one sequence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from guide import mxfp4


@dataclass(frozen=True)
class Shape:
    """The sizes of the guide; everything else is as in gpt-oss-20b."""

    vocab_size: int = 2560
    hidden_size: int = 192
    intermediate_size: int = 192
    num_hidden_layers: int = 4
    num_attention_heads: int = 4
    num_key_value_heads: int = 2
    head_dim: int = 64
    num_local_experts: int = 4
    num_experts_per_tok: int = 2
    sliding_window: int = 128
    swiglu_limit: float = 7.0
    rms_norm_eps: float = 1e-5
    rope_theta: float = 150_000.0
    rope_factor: float = 32.0
    rope_original_length: int = 4096
    rope_beta_fast: float = 32.0
    rope_beta_slow: float = 1.0


def rope_frequencies(shape: Shape) -> tuple[torch.Tensor, float]:
    """YaRN's frequencies (head_dim/2,) with unrounded ramp bounds, and the concentration."""
    half = shape.head_dim // 2
    plain = shape.rope_theta ** (-torch.arange(half, dtype=torch.float32) / half)

    def bound(turns: float) -> float:
        ratio = shape.rope_original_length / (turns * 2 * math.pi)
        return half * math.log(ratio) / math.log(shape.rope_theta)

    low, high = bound(shape.rope_beta_fast), bound(shape.rope_beta_slow)
    ramp = ((torch.arange(half, dtype=torch.float32) - low) / (high - low)).clamp(0, 1)
    concentration = 0.1 * math.log(shape.rope_factor) + 1.0
    return plain * (1 - ramp) + plain / shape.rope_factor * ramp, concentration


def drop(x: torch.Tensor, rate: float) -> torch.Tensor:
    """Dropout with one mask for all rows of a batch: as good, and its random numbers are few."""
    mask = torch.empty(x.shape[1:]).bernoulli_(1 - rate) / (1 - rate)
    return x * mask


def rotate(heads: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Half-split rotation; heads (B, N, L, D), cos and sin (B, 1, L, D/2)."""
    first, second = heads.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


@dataclass
class Cache:
    """Keys and values of one layer, (B, N, T, D), for decoding."""

    keys: torch.Tensor | None = None
    values: torch.Tensor | None = None

    def widen(self, batch: int) -> None:
        """Let all rows of a batch share what one row holds."""
        assert self.keys is not None and self.values is not None
        self.keys = self.keys.expand(batch, -1, -1, -1)
        self.values = self.values.expand(batch, -1, -1, -1)

    def extend(self, key: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Add new positions and return all."""
        if self.keys is not None and self.values is not None:
            key = torch.cat([self.keys, key], dim=2)
            value = torch.cat([self.values, value], dim=2)
        self.keys, self.values = key, value
        return key, value


@dataclass
class Place:
    """Where tokens stand: rotations and additive masks, shared by all layers."""

    cos: torch.Tensor  # (B, 1, L, D/2)
    sin: torch.Tensor
    full: torch.Tensor  # (B, 1, L, 1 + T): 0 or -inf; the first column is the sink
    banded: torch.Tensor
    caches: list[Cache] = field(default_factory=list)


class RMSNorm(nn.Module):  # type: ignore[misc,unused-ignore]
    """Pre-norm, weight only."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(…, H) → (…, H)"""
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


class Attention(nn.Module):  # type: ignore[misc,unused-ignore]
    """Grouped-query attention with one learned sink a query head."""

    PADDING = 8  # extra columns that carry the sink; a whole SIMD register keeps SDPA fast

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        size, head = shape.hidden_size, shape.head_dim
        self.heads, self.kv_heads, self.head = (
            shape.num_attention_heads,
            shape.num_key_value_heads,
            head,
        )
        self.q_proj = nn.Linear(size, self.heads * head)
        self.k_proj = nn.Linear(size, self.kv_heads * head)
        self.v_proj = nn.Linear(size, self.kv_heads * head)
        self.o_proj = nn.Linear(self.heads * head, size)
        self.sinks = nn.Parameter(torch.zeros(self.heads))

    def forward(self, x: torch.Tensor, place: Place, mask: torch.Tensor, layer: int) -> Any:
        """x (B, L, H) → (B, L, H)"""
        batch, length, _ = x.shape
        query = self.q_proj(x).view(batch, length, self.heads, self.head).transpose(1, 2)
        key = self.k_proj(x).view(batch, length, self.kv_heads, self.head).transpose(1, 2)
        value = self.v_proj(x).view(batch, length, self.kv_heads, self.head).transpose(1, 2)
        query, key = rotate(query, place.cos, place.sin), rotate(key, place.cos, place.sin)
        if place.caches:
            key, value = place.caches[layer].extend(key, value)
        mixed = self.attend(query, key, value, mask)
        return self.o_proj(mixed.transpose(1, 2).reshape(batch, length, -1))

    def attend(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """Softmax attention with the sink as a key that only the extra column sees.

        query (B, N, L, D), key and value (B, KV, T, D), mask (B, 1, L, 1 + T) → (B, N, L, D)
        """
        batch, _, _, head = query.shape
        group = self.heads // self.kv_heads
        key = key.repeat_interleave(group, dim=1)
        value = value.repeat_interleave(group, dim=1)
        one = F.pad(torch.ones(1), (head, self.PADDING - 1))
        query = F.pad(query, (0, self.PADDING)) + one
        sink = (self.sinks * head**0.5).view(1, self.heads, 1, 1) * one
        key = torch.cat([sink.expand(batch, -1, -1, -1), F.pad(key, (0, self.PADDING))], dim=2)
        value = F.pad(value, (0, self.PADDING, 1, 0))
        mixed = F.scaled_dot_product_attention(query, key, value, mask, scale=head**-0.5)
        return mixed[..., :head]


class Experts(nn.Module):  # type: ignore[misc,unused-ignore]
    """The experts' matrices in the published orientation, rows by inputs."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        count, size, inner = shape.num_local_experts, shape.hidden_size, shape.intermediate_size
        self.limit = shape.swiglu_limit
        self.gate_up_proj = nn.Parameter(torch.empty(count, 2 * inner, size))
        self.gate_up_proj_bias = nn.Parameter(torch.zeros(count, 2 * inner))
        self.down_proj = nn.Parameter(torch.empty(count, size, inner))
        self.down_proj_bias = nn.Parameter(torch.zeros(count, size))
        self.as_mxfp4 = False

    def weights(self) -> tuple[torch.Tensor, torch.Tensor]:
        """gate_up and down, through MXFP4 once that is switched on."""
        if self.as_mxfp4:
            return (
                mxfp4.straight_through(self.gate_up_proj),
                mxfp4.straight_through(self.down_proj),
            )
        return self.gate_up_proj, self.down_proj

    def swiglu(self, gate_up: torch.Tensor) -> torch.Tensor:
        """Clamped SwiGLU over interleaved rows, (…, 2I) → (…, I)."""
        gate = gate_up[..., 0::2].clamp(max=self.limit)
        up = gate_up[..., 1::2].clamp(-self.limit, self.limit)
        return gate * torch.sigmoid(1.702 * gate) * (up + 1)

    def forward(self, x: torch.Tensor, chosen: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
        """x (N, H), chosen and share (N, K) → (N, H)"""
        gate_up, down = self.weights()
        mixed = torch.zeros_like(x)
        for expert in range(gate_up.shape[0]):
            token, slot = torch.where(chosen == expert)
            inner = F.linear(x[token], gate_up[expert], self.gate_up_proj_bias[expert])
            outer = F.linear(self.swiglu(inner), down[expert], self.down_proj_bias[expert])
            mixed = mixed.index_add(0, token, outer * share[token, slot].unsqueeze(-1))
        return mixed


class MLP(nn.Module):  # type: ignore[misc,unused-ignore]
    """Router and experts."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.active = shape.num_experts_per_tok
        self.router = nn.Linear(shape.hidden_size, shape.num_local_experts)
        self.experts = Experts(shape)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, L, H) → (B, L, H)"""
        flat = x.flatten(0, 1)
        logits, chosen = self.router(flat).topk(self.active, dim=-1)
        return self.experts(flat, chosen, logits.softmax(-1)).view_as(x)


class Layer(nn.Module):  # type: ignore[misc,unused-ignore]
    """Attention and experts, each behind a norm, added to the stream."""

    def __init__(self, shape: Shape, number: int) -> None:
        super().__init__()
        self.number = number
        self.is_banded = number % 2 == 0
        self.input_layernorm = RMSNorm(shape.hidden_size, shape.rms_norm_eps)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = RMSNorm(shape.hidden_size, shape.rms_norm_eps)
        self.mlp = MLP(shape)
        self.dropout = 0.0

    def drop(self, x: torch.Tensor) -> torch.Tensor:
        """Dropout while training."""
        return drop(x, self.dropout) if self.training and self.dropout else x

    def forward(self, x: torch.Tensor, place: Place) -> torch.Tensor:
        """(B, L, H) → (B, L, H)"""
        mask = place.banded if self.is_banded else place.full
        attended = self.self_attn(self.input_layernorm(x), place, mask, self.number)
        x = x + self.drop(attended)
        return x + self.drop(self.mlp(self.post_attention_layernorm(x)))


class Body(nn.Module):  # type: ignore[misc,unused-ignore]
    """All but the unembedding."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocab_size, shape.hidden_size)
        self.layers = nn.ModuleList(
            Layer(shape, number) for number in range(shape.num_hidden_layers)
        )
        self.norm = RMSNorm(shape.hidden_size, shape.rms_norm_eps)


class Network(nn.Module):  # type: ignore[misc,unused-ignore]
    """GptOssForCausalLM; its state dict has the published names."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.model = Body(shape)
        self.lm_head = nn.Linear(shape.hidden_size, shape.vocab_size, bias=False)
        self.frequencies, self.concentration = rope_frequencies(shape)
        self.dropout = 0.0
        self.half = shape.num_hidden_layers // 2
        self.initialise()

    def initialise(self) -> None:
        """Small normal weights; matrices that write to the stream are scaled by depth."""
        depth = (2 * self.shape.num_hidden_layers) ** -0.5
        for name, weight in self.named_parameters():
            if name.endswith("bias") or "norm" in name or "sinks" in name:
                continue
            if "embed_tokens" in name:
                nn.init.normal_(weight, std=0.2)
            else:
                writes = "o_proj" in name or "down_proj" in name
                scale = depth if writes else 1.0
                nn.init.normal_(weight, std=0.7 * scale * weight.shape[-1] ** -0.5)

    def use_mxfp4(self, active: bool = True) -> None:
        """Let the experts' weights pass through MXFP4."""
        for layer in self.model.layers:
            layer.mlp.experts.as_mxfp4 = active

    def set_dropout(self, rate: float) -> None:
        """The share of the embeddings and of each layer's output that training drops."""
        self.dropout = rate
        for layer in self.model.layers:
            layer.dropout = rate

    def place(self, positions: torch.Tensor, full: torch.Tensor, banded: torch.Tensor) -> Place:
        """positions (B, L); full and banded (B, L, T) bool: which keys each token sees."""
        angles = positions.unsqueeze(1).unsqueeze(-1).float() * self.frequencies
        return Place(
            cos=angles.cos() * self.concentration,
            sin=angles.sin() * self.concentration,
            full=additive(full),
            banded=additive(banded),
        )

    def embed(self, tokens: torch.Tensor) -> torch.Tensor:
        """tokens (B, L) → (B, L, H)"""
        x = self.model.embed_tokens(tokens)
        return drop(x, self.dropout) if self.training and self.dropout else x

    def read(self, tokens: torch.Tensor, place: Place) -> torch.Tensor:
        """The stream after the lower half of the layers (B, L, H)."""
        x = self.embed(tokens)
        for layer in self.model.layers[: self.half]:
            x = layer(x, place)
        return x

    def speak(self, x: torch.Tensor, place: Place) -> torch.Tensor:
        """The upper half: the stream after `read` → hidden states after the last norm."""
        for layer in self.model.layers[self.half :]:
            x = layer(x, place)
        return self.model.norm(x)

    def forward(self, tokens: torch.Tensor, place: Place) -> torch.Tensor:
        """tokens (B, L) → hidden states after the last norm (B, L, H)."""
        return self.speak(self.read(tokens, place), place)


@dataclass
class Prefixed:
    """A pass over rows that share a root, which is itself passed through but once."""

    network: Network
    root: torch.Tensor  # (1, R)
    tokens: torch.Tensor  # (B, L)
    place: Place  # of the rows; its masks are (B, 1, L, 1 + R + L)
    root_place: Place = field(init=False)
    root_middle: torch.Tensor = field(init=False)

    def __post_init__(self) -> None:
        """Root and rows get the same caches."""
        length = self.root.shape[1]
        positions = torch.arange(length).unsqueeze(0)
        distance = positions.unsqueeze(2) - positions.unsqueeze(1)
        full = distance >= 0
        banded = full & (distance < self.network.shape.sliding_window)
        self.root_place = self.network.place(positions, full, banded)
        caches = [Cache() for _ in range(self.network.shape.num_hidden_layers)]
        self.root_place.caches = self.place.caches = caches

    def read(self) -> torch.Tensor:
        """The rows' stream after the lower half (B, L, H)."""
        self.root_middle = self.network.read(self.root, self.root_place)
        self.widen(0, self.network.half)
        return self.network.read(self.tokens, self.place)

    def speak(self, middle: torch.Tensor) -> torch.Tensor:
        """The rows' hidden states after the last norm (B, L, H)."""
        self.network.speak(self.root_middle, self.root_place)
        self.widen(self.network.half, self.network.shape.num_hidden_layers)
        return self.network.speak(middle, self.place)

    def widen(self, first: int, end: int) -> None:
        """Share the root's keys and values of these layers."""
        for cache in self.place.caches[first:end]:
            cache.widen(self.tokens.shape[0])


def additive(visible: torch.Tensor) -> torch.Tensor:
    """(B, L, T) bool → (B, 1, L, 1 + T) float: 0 where seen, -inf elsewhere, 0 for the sink."""
    mask = torch.zeros(visible.shape).masked_fill_(~visible, float("-inf"))
    return F.pad(mask, (1, 0)).unsqueeze(1)
