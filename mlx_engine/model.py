"""The network of gpt-oss (arXiv 2508.10925), as it is published.

Knows weights, positions and what comes after what; leaves arithmetic to the operations it is given
and what is remembered to `cache`.
"""

import mlx.core as mx

from mlx_engine.cache import KeyValueCache
from mlx_engine.config import ModelConfig
from mlx_engine.kernels import Operations, on_cpu
from mlx_engine.rope import Rope
from mlx_engine.weights import Layer, Published, Weights

# A CPU computes in float32 whatever the weights are (see `kernels.plain`). Checkpoints up to this
# size, the guide and tests' models, are widened once; larger ones slice by slice at every use.
WIDEN_BYTES = 64 << 20


def serving_dtype(checkpoint_nbytes: int) -> mx.Dtype:
    """The dtype that a checkpoint of this size is best served in on this machine."""
    small = checkpoint_nbytes <= WIDEN_BYTES
    return mx.float32 if small and on_cpu() else mx.bfloat16


class Model:
    """A callable network. `dtype`, bfloat16 or float32, is that of its arithmetic and its caches.

    Operations may compute in another: then it is that of the caches alone.
    """

    def __init__(
        self,
        config: ModelConfig,
        published: Published,
        dtype: mx.Dtype,
        operations: Operations,
    ) -> None:
        self.config = config
        self.dtype = dtype
        small = sum(array.nbytes for array in published.values()) <= WIDEN_BYTES
        # Tokens to prefill at a time: the most that a wish to stop may have to wait for.
        self.prefill_chunk = 128 if small else 512
        self._operations = operations
        self._activations = operations.activations(dtype)
        self._rope = Rope(config)
        if small and self._activations == mx.float32:
            published = _widened(published)
        self._weights = Weights.gather(config, published)

    def __call__(self, tokens: mx.array, cache: KeyValueCache, last: int | None = None) -> mx.array:
        """Append `tokens` to `cache`, and score what may follow each.

        `tokens`: integers (L,) → float32 (L, vocabulary), or (`last`, vocabulary) for the last
        ones alone. With `last=0`, evaluate `cache.arrays` instead of the result.
        """
        config, weights, length = self.config, self._weights, tokens.shape[0]
        rope = self._rope.table(cache.offset, length)
        cache.begin(length)
        x = self._operations.embed(weights.embedding, tokens, self._activations)
        for number, layer in enumerate(weights.layers):
            x = self._attend(x, layer, number, cache, rope)
            x = self._feed_forward(x, layer)
        cache.commit()
        if last == 0:
            return mx.zeros((0, config.vocab_size))
        if last is not None:
            x = x[max(0, length - last) :]
        return self._operations.unembed(x, weights.norm, config.rms_norm_eps, weights.unembedding)

    def _attend(
        self,
        x: mx.array,
        layer: Layer,
        number: int,
        cache: KeyValueCache,
        rope: tuple[mx.array, mx.array],
    ) -> mx.array:
        operations, norm, eps = self._operations, layer.attention_norm, self.config.rms_norm_eps
        queries, fresh = operations.qkv_rope(x, norm, eps, layer.q, layer.k, layer.v, *rope)
        seen = cache.append(number, fresh)
        if not layer.banded:
            attended = operations.full_attention(
                queries, seen, cache.offset + x.shape[0], layer.sinks
            )
        elif x.shape[0] == 1:
            attended = operations.band_attention(queries, seen, cache.visible_slots(), layer.sinks)
        else:
            known = min(cache.offset, cache.window)
            attended = operations.band_attention_prefill(
                queries, seen, cache.window, known, layer.sinks
            )
        return operations.attention_out(x, attended, layer.out)

    def _feed_forward(self, x: mx.array, layer: Layer) -> mx.array:
        config = self.config
        normed, chosen, shares = self._operations.router(
            x, layer.experts_norm, config.rms_norm_eps, layer.router, config.num_experts_per_tok
        )
        return self._operations.experts(
            x, normed, chosen, shares, layer.gate_up, layer.down, config.swiglu_limit
        )


def _widened(published: Published) -> Published:
    """The weights with bfloat16 made float32.

    Matrices keep their shape but lie transposed, which halves the time of a product in the
    reference BLAS and costs OpenBLAS nothing.
    """
    wide = {}
    for name, array in published.items():
        if array.dtype == mx.bfloat16:
            array = array.astype(mx.float32)
            if name.endswith(("_proj.weight", "router.weight", "lm_head.weight")):
                array = mx.contiguous(array.T).T
            mx.eval(array)
        wide[name] = array
    return wide
