"""The operations that a gpt-oss layer is made of, on every route that can compute them.

`operations` says what a route offers, `plain` is the definition in MLX's own operations, `choice`
decides which route serves a model on this machine. They know arrays, not layers' names nor caches.
"""

from mlx_engine.kernels.choice import Choice, choose
from mlx_engine.kernels.operations import Operations
from mlx_engine.kernels.plain import PLAIN, on_cpu

__all__ = ["PLAIN", "Choice", "Operations", "choose", "on_cpu"]
