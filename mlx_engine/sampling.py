"""How the next token is drawn from its scores, on the device.

Knows scores and random keys; nothing of models or of what tokens mean. A step's result is an
array that has not been computed yet, so that the next step can be queued upon it.
"""

import math
import random
import secrets

import mlx.core as mx

from mlx_engine.errors import BadRequest
from mlx_engine.protocol import Sampling

_GREEDY = 1e-6  # temperatures up to here: dividing by much less leaves float32's range


class Sampler:
    """Draws tokens; the same settings and seed draw the same ones from the same scores.

    Temperature comes first; of the tempered distribution, `top_k` keeps the most likely tokens,
    `top_p` the fewest that hold this probability together, `min_p` those at least so likely
    relative to the likeliest. Each is measured on what the ones before it kept.
    """

    def __init__(self, sampling: Sampling) -> None:
        """Raises BadRequest for a setting that makes no sense."""
        _check("temperature", sampling.temperature, 0 <= sampling.temperature <= 100, "0 to 100")
        _check("top_p", sampling.top_p, 0 < sampling.top_p <= 1, "above 0, up to 1")
        _check("top_k", sampling.top_k, sampling.top_k >= 0, "0 (off) or more")
        _check("min_p", sampling.min_p, 0 <= sampling.min_p <= 1, "0 to 1")
        seed = sampling.seed
        _check("seed", seed, seed is None or 0 <= seed < 1 << 64, "0 to 2^64 - 1")
        self._sampling = sampling
        self._keys = random.Random(secrets.randbits(64) if seed is None else seed)

    def __call__(self, logits: mx.array) -> mx.array:
        """`logits`: float32 (rows, vocabulary) → the token drawn for each row, uint32 (rows,)."""
        if self._sampling.temperature <= _GREEDY:
            return mx.argmax(logits, axis=-1)
        scores = self._kept(logits / self._sampling.temperature)
        noise = _gumbel_noise(scores.shape, mx.random.key(self._keys.getrandbits(64)))
        return mx.argmax(scores + noise, axis=-1)

    def _kept(self, scores: mx.array) -> mx.array:
        """Scores with those that the settings exclude at minus infinity."""
        sampling = self._sampling
        if 0 < sampling.top_k < scores.shape[-1]:
            least = mx.topk(scores, sampling.top_k, axis=-1).min(axis=-1, keepdims=True)
            scores = mx.where(scores >= least, scores, -math.inf)
        if sampling.top_p < 1:
            ordered = mx.sort(scores, axis=-1)  # ascending
            above = 1 - mx.cumsum(mx.softmax(ordered, axis=-1), axis=-1)  # held by likelier ones
            # The likeliest always stays: rounding may leave it more above than a tiny `top_p`.
            within = mx.where(above < sampling.top_p, ordered, ordered[..., -1:])
            scores = mx.where(scores >= within.min(axis=-1, keepdims=True), scores, -math.inf)
        if sampling.min_p > 0:
            least = scores.max(axis=-1, keepdims=True) + math.log(sampling.min_p)
            scores = mx.where(scores >= least, scores, -math.inf)
        return scores


def _gumbel_noise(shape: tuple[int, ...], key: mx.array) -> mx.array:
    """The largest of scores with this noise is a draw from their softmax: nothing is summed or
    sorted over the vocabulary, which `mx.random.categorical` does for a single row.

    Its rare large values come from uniform numbers near 0, of which float32 has all it needs.
    """
    uniform = mx.minimum(mx.random.uniform(0, -1, shape, key=key), -(2.0**-33))  # never 0
    return -mx.log(-mx.log1p(uniform))


def _check(name: str, value: object, sensible: bool, range_: str) -> None:
    if not sensible:
        raise BadRequest(f"{name} is {value!r:.40}; it may be {range_}.")
