"""The network, its quantisation and its export; `make check-full` runs what needs torch."""

from __future__ import annotations

import json
import random
from datetime import date
from itertools import islice
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.full

from app.chats.models import ChatMessage, Effort  # noqa: E402
from app.prompt import conversation_json  # noqa: E402
from guide import batches, compose, corpus, export, mxfp4, network, vocabulary  # noqa: E402
from mlx_engine.harmony import conversation_from_json, render  # noqa: E402
from mlx_engine.tokenizer import Tokenizer  # noqa: E402

GUIDE = Path(__file__).parents[2] / "resources" / "guide"


def test_mxfp4_survives_packing_and_is_a_fixed_point() -> None:
    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(3, 4, 64, generator=generator)
    nibbles, scales = mxfp4.quantise(weights)
    assert nibbles.shape == (3, 4, 64)
    assert scales.shape == (3, 4, 2)
    assert mxfp4.pack(nibbles).shape == (3, 4, 2, 16)
    assert torch.equal(mxfp4.unpack(mxfp4.pack(nibbles)), nibbles)
    held = mxfp4.dequantise(nibbles, scales)
    assert (held - weights).abs().max() < 0.5 * weights.abs().max()
    assert torch.equal(mxfp4.dequantise(*mxfp4.quantise(held)), held)


def test_the_low_nibble_comes_first() -> None:
    nibbles = torch.arange(32, dtype=torch.uint8).remainder(16).view(1, 32)
    assert mxfp4.pack(nibbles)[0, 0, 0].item() == 0 | 1 << 4


def test_rope_bounds_are_not_rounded() -> None:
    frequencies, concentration = network.rope_frequencies(network.Shape())
    assert concentration == pytest.approx(1.3465735902799727)
    assert frequencies[0].item() == 1.0
    ramp = (9 - 8.0927) / (17.3980 - 8.0927)
    plain = 150_000.0 ** (-9 / 32)
    assert frequencies[9].item() == pytest.approx(plain * (1 - ramp) + plain / 32 * ramp, rel=1e-4)


def small() -> network.Network:
    """A network with weights that matter."""
    torch.manual_seed(2)
    made = network.Network(network.Shape())
    for name, weight in made.named_parameters():
        if "bias" in name or "sinks" in name:
            torch.nn.init.normal_(weight, std=0.3)
    made.eval()
    return made


def test_a_branch_of_a_packed_row_equals_the_plain_conversation() -> None:
    model = small()
    renderer = compose.Renderer(vocabulary.load(GUIDE / "tokenizer.json"))
    topics = corpus.read_topics()
    mixture = compose.Mixture(several_turns=0.8)
    composer = compose.Composer(topics, renderer, mixture, length=320)
    rng = random.Random(4)
    root = composer.draw_root("high", rng)
    rows = list(islice(composer.rows("high", rng), 3))
    numbers = {topic.name: number for number, topic in enumerate(topics)}
    passed = batches.prefixed(model, batches.collate(root, rows, numbers))
    with torch.no_grad():
        packed = model.lm_head(passed.speak(passed.read()))
    for number, row in enumerate(rows):
        last = max(range(len(row)), key=lambda place: row[place].end)
        path = [last]
        while row[path[0]].parent >= 0:
            path.insert(0, row[path[0]].parent)
        plain = root + [token for place in path for token in row[place].tokens]
        expected = export.logits(model, torch.tensor([plain]))[0, -len(row[last].tokens) :]
        begin = sum(len(segment.tokens) for segment in row[:last])
        found = packed[number, begin : begin + len(row[last].tokens)]
        assert (found - expected).abs().max() < 1e-4


@pytest.mark.parametrize("effort", ["low", "medium", "high"])
@pytest.mark.parametrize("instructions", ["", "Be brief."])
def test_training_sees_the_prompts_that_the_app_makes(effort: Effort, instructions: str) -> None:
    day, question = date(2026, 11, 21), "How do I export a chat?"
    renderer = compose.Renderer(vocabulary.load(GUIDE / "tokenizer.json"))
    trained = [
        *renderer.system(day, effort, instructions),
        *renderer.message("user", question),
        *renderer.assistant(),
    ]
    asked = [ChatMessage("1", None, "user", question)]
    made = conversation_json(
        asked, effort=effort, is_guide=True, system_prompt=instructions, today=day
    )
    tokenizer = Tokenizer.for_checkpoint(GUIDE, network.Shape().vocab_size)
    assert trained == render(conversation_from_json(made), tokenizer)


def test_composed_questions_are_never_held_out() -> None:
    renderer = compose.Renderer(vocabulary.load(GUIDE / "tokenizer.json"))
    composer = compose.Composer(corpus.read_topics(), renderer, compose.Mixture(), length=256)
    held_out = corpus.held_out_wordings()
    rng = random.Random(5)
    for _ in range(5000):
        assert corpus.normalise(composer.turn(rng).question) not in held_out


def test_the_network_agrees_with_transformers() -> None:
    transformers = pytest.importorskip("transformers")
    config = json.loads((GUIDE / "config.json").read_text(encoding="utf-8"))
    del config["quantization_config"]
    theirs = transformers.GptOssForCausalLM(
        transformers.GptOssConfig(**config, attn_implementation="eager")
    ).eval()
    ours = small()
    state = {
        name: weight.transpose(1, 2) if name.endswith(("gate_up_proj", "down_proj")) else weight
        for name, weight in ours.state_dict().items()
    }
    theirs.load_state_dict(state)
    tokens = torch.randint(0, 2500, (2, 300), generator=torch.Generator().manual_seed(6))
    with torch.no_grad():
        expected = theirs(tokens).logits
    assert (export.logits(ours, tokens) - expected).abs().max() < 1e-4


def test_what_is_published_reads_back_as_it_was() -> None:
    made = small()
    state = made.state_dict()
    tensors = export.published(state)
    blocks = tensors["model.layers.0.mlp.experts.gate_up_proj_blocks"]
    assert blocks.dtype == torch.uint8
    assert blocks.shape == (4, 384, 6, 16)
    read_back = network.Network(made.shape).eval()
    read_back.load_state_dict(export.restored(tensors))
    assert export.largest_difference(made, read_back) == 0.0
