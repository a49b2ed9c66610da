"""Tiny models that tests share. Sees to the BLAS before any test here imports MLX."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlx_engine.blas import prefer_openblas

if TYPE_CHECKING:
    from mlx_engine.model import Model

prefer_openblas()


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random checkpoint whose YaRN was stretched from 64 tokens. Read it, don't write to it."""
    from tests.checkpoints import write_tiny_checkpoint

    folder = tmp_path_factory.mktemp("tiny")
    rope = {"original_max_position_embeddings": 64}
    return write_tiny_checkpoint(folder, seed=3, rope_scaling=rope)


@pytest.fixture(scope="session")
def tiny_model(tiny_folder: Path) -> "Model":
    """That checkpoint, in float32."""
    import mlx.core as mx

    from mlx_engine.checkpoint import Checkpoint
    from mlx_engine.kernels import PLAIN
    from mlx_engine.model import Model

    checkpoint = Checkpoint.open(tiny_folder)
    return Model(checkpoint.config, checkpoint.weights, mx.float32, PLAIN)
