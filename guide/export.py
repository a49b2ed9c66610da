"""Writes a trained guide in the published gpt-oss layout: `python -m guide.export RUN_FOLDER`.

Experts as MXFP4, all else bfloat16; then reads it back and compares the logits.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from guide import mxfp4, vocabulary
from guide.calibrate import shifted_head
from guide.network import Network, Shape

DESTINATION = Path(__file__).parents[1] / "resources" / "guide"
LARGEST_BYTES = 10_000_000
WEIGHTS = "model.safetensors"
SHARPNESS = 4.0  # factor on all logits: at temperature 1 the guide then speaks as at a quarter
SHIFT = 4.0  # how far to lean towards declining, from the development questions


def config(shape: Shape, end: int, pad: int) -> dict[str, Any]:
    """`config.json` with the published keys."""
    kinds = ("sliding_attention", "full_attention")
    return {
        "architectures": ["GptOssForCausalLM"],
        "attention_bias": True,
        "attention_dropout": 0.0,
        "eos_token_id": end,
        "experts_per_token": shape.num_experts_per_tok,
        "head_dim": shape.head_dim,
        "hidden_act": "silu",
        "hidden_size": shape.hidden_size,
        "initial_context_length": shape.rope_original_length,
        "initializer_range": 0.02,
        "intermediate_size": shape.intermediate_size,
        "layer_types": [kinds[number % 2] for number in range(shape.num_hidden_layers)],
        "max_position_embeddings": int(shape.rope_original_length * shape.rope_factor),
        "model_type": "gpt_oss",
        "num_attention_heads": shape.num_attention_heads,
        "num_experts_per_tok": shape.num_experts_per_tok,
        "num_hidden_layers": shape.num_hidden_layers,
        "num_key_value_heads": shape.num_key_value_heads,
        "num_local_experts": shape.num_local_experts,
        "output_router_logits": False,
        "pad_token_id": pad,
        "quantization_config": {
            "modules_to_not_convert": [
                "model.layers.*.self_attn",
                "model.layers.*.mlp.router",
                "model.embed_tokens",
                "lm_head",
            ],
            "quant_method": "mxfp4",
        },
        "rms_norm_eps": shape.rms_norm_eps,
        "rope_scaling": {
            "beta_fast": shape.rope_beta_fast,
            "beta_slow": shape.rope_beta_slow,
            "factor": shape.rope_factor,
            "original_max_position_embeddings": shape.rope_original_length,
            "rope_type": "yarn",
            "truncate": False,
        },
        "rope_theta": int(shape.rope_theta),
        "router_aux_loss_coef": 0.9,
        "sliding_window": shape.sliding_window,
        "swiglu_limit": shape.swiglu_limit,
        "tie_word_embeddings": False,
        "use_cache": True,
        "vocab_size": shape.vocab_size,
    }


def published(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The state dict of `Network` under the published names and dtypes."""
    tensors: dict[str, torch.Tensor] = {}
    for name, weight in state.items():
        if name.endswith(("gate_up_proj", "down_proj")):
            nibbles, scales = mxfp4.quantise(weight.float())
            tensors[f"{name}_blocks"] = mxfp4.pack(nibbles).contiguous()
            tensors[f"{name}_scales"] = scales.contiguous()
        else:
            tensors[name] = weight.to(torch.bfloat16).contiguous()
    return tensors


def restored(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The inverse of `published`, in float32."""
    state: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        if name.endswith("_blocks"):
            bare = name.removesuffix("_blocks")
            state[bare] = mxfp4.dequantise(mxfp4.unpack(tensor), tensors[f"{bare}_scales"])
        elif not name.endswith("_scales"):
            state[name] = tensor.float()
    return state


def load(folder: Path, shape: Shape | None = None) -> Network:
    """An exported guide as a network."""
    network = Network(shape or Shape())
    network.load_state_dict(restored(load_file(str(folder / WEIGHTS))))
    network.eval()
    return network


def logits(network: Network, tokens: torch.Tensor) -> torch.Tensor:
    """tokens (B, L) → (B, L, V), as one plain sequence a row."""
    batch, length = tokens.shape
    positions = torch.arange(length).expand(batch, -1)
    distance = positions.unsqueeze(2) - positions.unsqueeze(1)
    full = distance >= 0
    place = network.place(positions, full, full & (distance < network.shape.sliding_window))
    with torch.no_grad():
        return network.lm_head(network(tokens, place))


def largest_difference(trained: Network, exported: Network) -> float:
    """Between the network as trained, dense weights rounded to bfloat16, and the one read back."""
    rounded = Network(trained.shape).eval()
    state = {
        name: weight if name.endswith(("gate_up_proj", "down_proj")) else weight.bfloat16().float()
        for name, weight in trained.state_dict().items()
    }
    rounded.load_state_dict(state)
    rounded.use_mxfp4()
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, trained.shape.vocab_size, (4, 200), generator=generator)
    return float((logits(rounded, tokens) - logits(exported, tokens)).abs().max())


def export(run: Path, destination: Path, shift: float = SHIFT) -> None:
    """Write, read back, compare, and refuse what is too large."""
    state = torch.load(run / "checkpoint.pt", weights_only=True)
    network = Network(Shape()).eval()
    network.load_state_dict(state["averaged"])
    tokenizer = vocabulary.load(run / "tokenizer.json")
    if shift:
        shifted_head(network, tokenizer, shift)
    with torch.no_grad():
        network.model.norm.weight *= SHARPNESS
    destination.mkdir(parents=True, exist_ok=True)
    tensors = published(network.state_dict())
    save_file(tensors, str(destination / WEIGHTS), metadata={"format": "pt"})
    (destination / WEIGHTS).chmod(0o644)  # safetensors leaves it to its owner alone
    total = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    index = {
        "metadata": {"total_size": total},
        "weight_map": dict.fromkeys(sorted(tensors), WEIGHTS),
    }
    write_json(destination / f"{WEIGHTS}.index.json", index)
    end, pad = tokenizer.token_to_id("<|return|>"), tokenizer.token_to_id("<|endoftext|>")
    write_json(destination / "config.json", config(network.shape, end, pad))
    shutil.copy(run / "tokenizer.json", destination / "tokenizer.json")
    difference = largest_difference(network, load(destination, network.shape))
    size = sum(path.stat().st_size for path in destination.iterdir())
    print(f"step {state['step']}: {size / 1e6:.2f} MB, logits differ by at most {difference:.2g}")
    if difference > 1e-3 or size > LARGEST_BYTES:
        raise SystemExit("the exported guide is not fit to ship")


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Indented, with a final newline."""
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--to", type=Path, default=DESTINATION)
    parser.add_argument("--shift", type=float, default=SHIFT, help="lean towards declining")
    options = parser.parse_args()
    torch.set_num_threads(2)
    export(options.run, options.to, options.shift)


if __name__ == "__main__":
    main()
