"""The shape of a gpt-oss model, read from the `config.json` of a checkpoint.

Owns the names, types and ranges of its fields; knows neither files of weights nor MLX. Field
names are the published ones. `tie_word_embeddings`, dropout and training fields are ignored.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

from mlx_engine.errors import CheckpointError

LayerType = Literal["sliding_attention", "full_attention"]

CONFIG_FILE = "config.json"
INDEX_FILE = "model.safetensors.index.json"  # which shard holds which tensor
MXFP4_BLOCK = 32  # values that share one exponent, along a matrix's input axis

_SIZE = 1 << 20  # no width, count or window of a model that could be meant is larger
_CONTEXT = 1 << 24
_CONFIG_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class YarnConfig:
    """How rotary frequencies stretch beyond the length a model first learned (arXiv 2309.00071)."""

    factor: float
    beta_fast: float  # rotations over the original length above which a frequency is kept
    beta_slow: float  # … and below which it is divided by `factor`
    original_max_position_embeddings: int
    truncate: bool  # round the ramp's bounds outwards to whole dimensions; false in gpt-oss


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The numbers that fix every shape and constant of a model."""

    hidden_size: int
    intermediate_size: int  # of one expert
    vocab_size: int
    layer_types: tuple[LayerType, ...]
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    sliding_window: int  # tokens that a banded layer sees, the current one included
    num_local_experts: int
    num_experts_per_tok: int
    rms_norm_eps: float
    swiglu_limit: float
    rope_theta: float
    rope_scaling: YarnConfig
    max_position_embeddings: int

    @property
    def num_hidden_layers(self) -> int:
        return len(self.layer_types)

    @classmethod
    def read(cls, folder: Path) -> "ModelConfig":
        """Raises CheckpointError, whose one line names the field and the remedy."""
        path = folder / CONFIG_FILE
        try:
            if path.stat().st_size > _CONFIG_BYTES:
                raise CheckpointError(f"{path} is far too large for a config; fetch it again.")
            published = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise CheckpointError(
                f"{folder} has no {CONFIG_FILE}; choose a folder with a gpt-oss checkpoint."
            ) from None
        except OSError as error:
            raise CheckpointError(f"{path} can't be read: {error.strerror}.") from None
        except (ValueError, RecursionError):
            raise CheckpointError(f"{path} is not JSON; fetch it again.") from None
        return cls.from_json(published, str(path))

    @classmethod
    def from_json(cls, published: Any, source: str = CONFIG_FILE) -> "ModelConfig":
        """`source` names the file in errors. Raises CheckpointError."""
        fields = _Fields(published, source)
        fields.require("model_type", "gpt_oss", "this is not a gpt-oss model")
        quantization = fields.inner("quantization_config")
        quantization.require("quant_method", "mxfp4", "the experts must be MXFP4")
        yarn = fields.inner("rope_scaling")
        yarn.require("rope_type", "yarn", "other scalings are not known")
        config = cls(
            hidden_size=fields.integer("hidden_size", multiple_of=MXFP4_BLOCK),
            intermediate_size=fields.integer("intermediate_size", multiple_of=MXFP4_BLOCK),
            vocab_size=fields.integer("vocab_size", at_most=_CONTEXT),
            layer_types=fields.layer_types(),
            num_attention_heads=fields.integer("num_attention_heads"),
            num_key_value_heads=fields.integer("num_key_value_heads"),
            head_dim=fields.integer("head_dim", multiple_of=2),
            sliding_window=fields.integer("sliding_window"),
            num_local_experts=fields.integer("num_local_experts"),
            num_experts_per_tok=fields.integer("num_experts_per_tok"),
            rms_norm_eps=fields.number("rms_norm_eps", at_most=1.0),
            swiglu_limit=fields.number("swiglu_limit"),
            rope_theta=fields.number("rope_theta", more_than=1.0),
            rope_scaling=YarnConfig(
                factor=yarn.number("factor", more_than=1.0),
                beta_fast=yarn.number("beta_fast"),
                beta_slow=yarn.number("beta_slow"),
                original_max_position_embeddings=yarn.integer(
                    "original_max_position_embeddings", at_most=_CONTEXT
                ),
                truncate=yarn.boolean("truncate", default=True),
            ),
            max_position_embeddings=fields.integer("max_position_embeddings", at_most=_CONTEXT),
        )
        if config.num_attention_heads % config.num_key_value_heads:
            fields.fail("num_attention_heads", "must be a multiple of num_key_value_heads")
        if config.num_experts_per_tok > config.num_local_experts:
            fields.fail("num_experts_per_tok", "is more than num_local_experts")
        return config


class _Fields:
    """One JSON object of the config; each method reads a field and refuses what makes no sense."""

    def __init__(self, published: Any, source: str, prefix: str = "") -> None:
        self._source = source
        self._prefix = prefix
        if not isinstance(published, Mapping):
            self.fail("", "is not a JSON object")
        self._published: Mapping[str, Any] = published

    def fail(self, name: str, what: str) -> NoReturn:
        label = f"{self._prefix}{name}".rstrip(".")
        subject = f"{label} in {self._source}" if label else self._source
        raise CheckpointError(f"{subject} {what}; fetch the checkpoint's {CONFIG_FILE} again.")

    def inner(self, name: str) -> "_Fields":
        return _Fields(self._published.get(name), self._source, f"{self._prefix}{name}.")

    def require(self, name: str, value: str, reason: str) -> None:
        found = self._published.get(name)
        if found != value:
            what = "is missing" if found is None else f"is {found!r:.40}"
            raise CheckpointError(
                f"{self._prefix}{name} in {self._source} {what}, not {value!r}: {reason}; "
                "choose a published gpt-oss checkpoint."
            )

    def integer(self, name: str, *, at_most: int = _SIZE, multiple_of: int = 1) -> int:
        value = self._published.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            self.fail(name, _expected("a whole number", value))
        if not 1 <= value <= at_most:
            self.fail(name, _expected(f"between 1 and {at_most}", value))
        if value % multiple_of:
            self.fail(name, _expected(f"a multiple of {multiple_of}", value))
        return value

    def number(self, name: str, *, more_than: float = 0.0, at_most: float = 1e9) -> float:
        value = self._published.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            self.fail(name, _expected("a number", value))
        if not more_than < value <= at_most:  # also refuses NaN
            self.fail(name, _expected(f"more than {more_than:g} and at most {at_most:g}", value))
        return float(value)

    def boolean(self, name: str, *, default: bool) -> bool:
        value = self._published.get(name, default)
        if not isinstance(value, bool):
            self.fail(name, _expected("true or false", value))
        return value

    def layer_types(self) -> tuple[LayerType, ...]:
        count = self.integer("num_hidden_layers", at_most=1024)
        types = self._published.get("layer_types")
        if not isinstance(types, list) or len(types) != count:
            self.fail("layer_types", f"must list num_hidden_layers, {count}, layers")
        known = ("sliding_attention", "full_attention")
        if any(kind not in known for kind in types):
            self.fail("layer_types", f"may hold only {known[0]} and {known[1]}")
        return tuple(types)


def _expected(wanted: str, found: object) -> str:
    return "is missing" if found is None else f"must be {wanted}, not {found!r:.40}"
