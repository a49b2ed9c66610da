"""A published gpt-oss checkpoint as a GGUF file for llama.cpp, with the very same weights.

    python gguf_file.py FOLDER FILE      needs the `gguf` package; imports nothing of the project

bfloat16 matrices stay bfloat16; MXFP4 stays MXFP4, its bytes in llama.cpp's order. Without a
vocabulary: it serves measurements alone. Names: llama.cpp's `llama-arch.cpp`, OPENAI_MOE.
"""

import json
import math
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gguf
import numpy as np

ALL = slice(None)
Kind = gguf.GGMLQuantizationType
DENSE = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.router": "ffn_gate_inp",
}
VECTORS = {
    "input_layernorm.weight": "attn_norm.weight",
    "post_attention_layernorm.weight": "post_attention_norm.weight",
    "self_attn.sinks": "attn_sinks.weight",
}


def published(folder: Path) -> dict[str, Any]:
    """Views of the mapped files, bfloat16 as uint16."""
    tensors = {}
    for path in sorted(folder.glob("*.safetensors")):
        data = np.memmap(path, np.uint8, mode="r")
        start = 8 + int.from_bytes(data[:8].tobytes(), "little")
        for name, entry in json.loads(data[8:start].tobytes()).items():
            if name != "__metadata__":
                first, last = (start + offset for offset in entry["data_offsets"])
                dtype = np.uint16 if entry["dtype"] == "BF16" else np.uint8
                tensors[name] = data[first:last].view(dtype).reshape(entry["shape"])
    return tensors


def wide(bits: Any) -> Any:
    return (bits.astype(np.uint32) << 16).view(np.float32)


def mxfp4(blocks: Any, scales: Any) -> Any:
    """(…, rows, n, 16) and (…, rows, n) → uint8 (…, rows, 17 · n): a scale, then 16 bytes whose
    low nibbles are the first 16 values."""
    out = np.empty((*scales.shape, 17), np.uint8)
    out[..., 0] = scales
    low, high = blocks & 15, blocks >> 4
    for j in range(8):  # values 2j, 2j + 1 and 16 + 2j, 17 + 2j
        out[..., 1 + 2 * j] = low[..., j] | low[..., 8 + j] << 4
        out[..., 2 + 2 * j] = high[..., j] | high[..., 8 + j] << 4
    return out.reshape(*scales.shape[:-1], -1)


def tensors(layers: int, given: dict[str, Any]) -> Iterator[tuple[str, Any, tuple[int, ...], Any]]:
    """Name, kind, shape (in bytes where NumPy has no such kind) and what gives the array."""

    def narrow(name: str, source: str) -> tuple[str, Any, tuple[int, ...], Any]:
        *rows, columns = given[source].shape
        return name, Kind.BF16, (*rows, 2 * columns), lambda: given[source].view(np.uint8)

    def floats(name: str, source: str, rows: slice = ALL) -> tuple[str, Any, tuple[int, ...], Any]:
        chosen = given[source][..., rows] if rows != ALL else given[source]
        return name, Kind.F32, chosen.shape, lambda: wide(chosen)

    for own, theirs in (("model.embed_tokens", "token_embd"), ("lm_head", "output")):
        yield narrow(f"{theirs}.weight", f"{own}.weight")
    yield floats("output_norm.weight", "model.norm.weight")
    for number in range(layers):
        own, block = f"model.layers.{number}.", f"blk.{number}."
        for name, theirs in VECTORS.items():
            yield floats(block + theirs, own + name)
        for name, theirs in DENSE.items():
            matrix = floats if name == "mlp.router" else narrow  # so llama.cpp's own converter
            yield matrix(f"{block}{theirs}.weight", f"{own}{name}.weight")
            yield floats(f"{block}{theirs}.bias", f"{own}{name}.bias")
        for theirs, name, rows in (
            ("ffn_gate_exps", "gate_up_proj", slice(0, None, 2)),
            ("ffn_up_exps", "gate_up_proj", slice(1, None, 2)),
            ("ffn_down_exps", "down_proj", ALL),
        ):
            blocks, scales = (
                given[f"{own}mlp.experts.{name}_{part}"][:, rows] for part in ("blocks", "scales")
            )
            shape = (*scales.shape[:2], 17 * scales.shape[2])
            read = partial(mxfp4, blocks, scales)
            yield f"{block}{theirs}.weight", Kind.MXFP4, shape, read
            yield floats(f"{block}{theirs}.bias", f"{own}mlp.experts.{name}_bias", rows)


def main() -> None:
    folder, target = map(Path, sys.argv[1:])
    config, given = json.loads((folder / "config.json").read_text()), published(folder)
    writer = gguf.GGUFWriter(target, "gpt-oss")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_expert_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_expert_count(config["num_local_experts"])
    writer.add_expert_used_count(config["num_experts_per_tok"])
    writer.add_sliding_window(config["sliding_window"])
    writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
    writer.add_rope_scaling_factor(config["rope_scaling"]["factor"])
    writer.add_rope_scaling_orig_ctx_len(4096)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("none")
    every = list(tensors(config["num_hidden_layers"], given))
    for name, kind, shape, _ in every:
        count, floats = math.prod(shape), kind == Kind.F32
        dtype = np.dtype(np.float32 if floats else np.uint8)
        raw = None if floats else kind
        writer.add_tensor_info(name, shape, dtype, count * dtype.itemsize, raw)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for _, _, _, read in every:
        writer.write_tensor_data(np.ascontiguousarray(read()))
    writer.close()


if __name__ == "__main__":
    main()
