"""Which route serves a model on this machine. Knows what there is; computes nothing itself."""

from mlx_engine.kernels.operations import Operations
from mlx_engine.kernels.plain import PLAIN


def choose() -> Operations:
    """The best there is."""
    return PLAIN
