"""The config is read as published, and nonsense in it is refused in one line."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from mlx_engine.config import CONFIG_FILE, ModelConfig
from mlx_engine.errors import CheckpointError
from tests.checkpoints import published_config


def test_reads_the_published_20b() -> None:
    config = ModelConfig.from_json(published_config("20b"))
    assert config.num_hidden_layers == 24
    assert config.layer_types[:2] == ("sliding_attention", "full_attention")
    assert (config.num_local_experts, config.num_experts_per_tok) == (32, 4)
    assert config.rope_scaling.original_max_position_embeddings == 4096
    assert not config.rope_scaling.truncate
    assert config.max_position_embeddings == 131072


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hidden_size", -64),
        ("hidden_size", 0),
        ("hidden_size", 65),
        ("hidden_size", True),
        ("hidden_size", "64"),
        ("hidden_size", 64.0),
        ("hidden_size", None),
        ("intermediate_size", 10**30),
        ("vocab_size", 1 << 40),
        ("num_hidden_layers", 10**9),
        ("num_hidden_layers", 5),
        ("num_attention_heads", 3),
        ("head_dim", 33),
        ("sliding_window", 0),
        ("num_experts_per_tok", 5),
        ("rms_norm_eps", -1e-5),
        ("rms_norm_eps", math.nan),
        ("rms_norm_eps", False),
        ("swiglu_limit", math.inf),
        ("rope_theta", 0),
        ("max_position_embeddings", "long"),
        ("layer_types", "full_attention"),
        ("layer_types", ["full_attention"] * 3),
        ("layer_types", ["full_attention", "full_attention", "other", "full_attention"]),
        ("layer_types", [["full_attention"]] * 4),
        ("rope_scaling", None),
        ("rope_scaling", [1]),
        ("quantization_config", None),
        ("quantization_config", {"quant_method": "gptq"}),
        ("model_type", "llama"),
        ("model_type", None),
    ],
)
def test_refuses_a_field_that_makes_no_sense(field: str, value: Any) -> None:
    published = published_config("tiny") | {field: value}
    with pytest.raises(CheckpointError) as error:
        ModelConfig.from_json(published)
    message = str(error.value)
    assert field in message
    assert "\n" not in message


@pytest.mark.parametrize("field", ["factor", "beta_fast", "original_max_position_embeddings"])
@pytest.mark.parametrize("value", [None, -1, True, "x"])
def test_refuses_a_rope_field_that_makes_no_sense(field: str, value: Any) -> None:
    published = published_config("tiny", rope_scaling={field: value})
    with pytest.raises(CheckpointError, match=rf"rope_scaling\.{field} in config.json"):
        ModelConfig.from_json(published)


def test_refuses_another_rope() -> None:
    published = published_config("tiny", rope_scaling={"rope_type": "llama3"})
    with pytest.raises(CheckpointError, match=r"rope_scaling\.rope_type"):
        ModelConfig.from_json(published)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff\xfe", b"null", b"[" * 100_000, b'{"hidden_size": 1' + b"0" * 9999],
)
def test_refuses_a_file_that_is_no_config(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CONFIG_FILE).write_bytes(content)
    with pytest.raises(CheckpointError, match=CONFIG_FILE):
        ModelConfig.read(tmp_path)


def test_refuses_a_config_beyond_all_measure(tmp_path: Path) -> None:
    with (tmp_path / CONFIG_FILE).open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(CheckpointError, match="too large"):
        ModelConfig.read(tmp_path)


def test_a_config_that_is_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / CONFIG_FILE).mkdir()
    with pytest.raises(CheckpointError, match=CONFIG_FILE):
        ModelConfig.read(tmp_path)


def test_fields_beyond_the_known_are_ignored(tmp_path: Path) -> None:
    published = published_config("tiny") | {"transformers_version": "9", "use_cache": True}
    (tmp_path / CONFIG_FILE).write_text(json.dumps(published))
    assert ModelConfig.read(tmp_path).hidden_size == 64
