"""Decoders in transformers format: logits equal the reference's, and a new RoboEgo starts on them."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.testing import assert_close
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

from roboego.errors import CheckpointError, InputError
from roboego.model.config import SpeechDecoderConfig
from roboego.model.context_vision import Pictures
from roboego.model.foreign.decoder import config_on, is_decoder, load_decoder, new_model_on, text_layout
from roboego.model.foreign.text import vocabulary
from roboego.model.fusion import stream_sizes
from roboego.model.model import RoboEgoModel
from roboego.streams.layout import SoundLayout, StreamLayout

SMALL: dict[str, Any] = {
    "vocab_size": 90, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 256, "initializer_range": 0.3,
}  # fmt: skip
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 1000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}  # fmt: skip
LINEAR = {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}
MODELS = {
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**SMALL, tie_word_embeddings=False)),
    "qwen2 tied": lambda: Qwen2ForCausalLM(Qwen2Config(**SMALL, tie_word_embeddings=True, rope_theta=1e6)),
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SMALL)),
    "llama with biases": lambda: LlamaForCausalLM(LlamaConfig(**SMALL, attention_bias=True, mlp_bias=True, head_dim=6)),
    "llama 3.1": lambda: LlamaForCausalLM(LlamaConfig(**SMALL, rope_parameters=LLAMA3)),
    "llama, linear": lambda: LlamaForCausalLM(LlamaConfig(**SMALL, rope_parameters=LINEAR)),
}


def saved(model: PreTrainedModel, folder: Path, shard: str = "5GB") -> PreTrainedModel:
    """A reference model on disk, biases and norms drawn too."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias") or "norm" in name:
                parameter.add_(torch.randn(parameter.shape) * 0.3)
    model.save_pretrained(folder, max_shard_size=shard)
    return model.eval()


@pytest.mark.parametrize("name", MODELS)
def test_logits_equal_the_references(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    reference = saved(MODELS[name](), tmp_path)
    decoder = load_decoder(tmp_path)
    ids = torch.randint(90, (2, 100))
    with torch.no_grad():
        expected = reference(ids).logits
    assert_close(decoder.logits(ids), expected, atol=1e-4, rtol=0)
    assert decoder.tied == (name == "qwen2 tied")

    state = decoder.backbone.initial_state(2)
    for t in range(60):
        h, state = decoder.backbone.step(decoder.embedding[ids[:, t]], state)
    assert_close(h @ decoder.head.T, expected[:, 59], atol=1e-4, rtol=0)


def test_shards(tmp_path: Path) -> None:
    torch.manual_seed(0)
    reference = saved(MODELS["qwen2"](), tmp_path, shard="20KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    assert torch.equal(load_decoder(tmp_path).head, reference.lm_head.weight)


def test_older_and_newer_files_say_the_same(tmp_path: Path) -> None:
    torch.manual_seed(0)
    saved(MODELS["llama 3.1"](), tmp_path)
    new = load_decoder(tmp_path).backbone.config
    values = json.loads((tmp_path / "config.json").read_text())
    values.pop("rope_parameters")
    older = {"rope_theta": 1000.0, "rope_scaling": {k: v for k, v in LLAMA3.items() if k != "rope_theta"}}
    (tmp_path / "config.json").write_text(json.dumps(values | older))
    assert load_decoder(tmp_path).backbone.config == new


def test_windows(tmp_path: Path) -> None:
    saved(MODELS["qwen2"](), tmp_path)
    assert load_decoder(tmp_path).backbone.config.window == 256
    assert load_decoder(tmp_path, window=32).backbone.config.window == 32
    with pytest.raises(CheckpointError, match="256 positions"):
        load_decoder(tmp_path, window=257)
    with pytest.raises(CheckpointError, match="kept_sinks"):
        load_decoder(tmp_path, window=4)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model_type": "gpt2"}, "'gpt2' is not supported"),
        ({"rope_parameters": {"rope_type": "yarn", "factor": 4.0}}, "yarn"),
        ({"hidden_act": "gelu"}, "silu"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary"),
        ({"layer_types": ["full_attention", "sliding_attention"]}, "sliding"),
        ({"use_sliding_window": True, "sliding_window": 16}, "sliding"),
        ({"intermediate_size": 50}, "gate_proj"),
        ({"num_key_value_heads": 3}, "cannot share"),
        ({"tie_word_embeddings": None}, None),
    ],
)
def test_models_of_another_shape(values: dict[str, Any], message: str | None, tmp_path: Path) -> None:
    saved(MODELS["qwen2"](), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text()) | values
    (tmp_path / "config.json").write_text(json.dumps(config))
    if message is None:
        load_decoder(tmp_path)
        return
    with pytest.raises(CheckpointError, match=message):
        load_decoder(tmp_path)


def test_tensors_that_would_be_ignored(tmp_path: Path) -> None:
    saved(MODELS["qwen2"](), tmp_path)
    file = tmp_path / "model.safetensors"
    state = load_file(file)
    save_file(state | {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.zeros(4)}, file)
    load_decoder(tmp_path)
    save_file(state | {"model.layers.0.self_attn.q_norm.weight": torch.ones(8)}, file)
    with pytest.raises(CheckpointError, match="q_norm"):
        load_decoder(tmp_path)


@pytest.mark.parametrize("name", ["qwen2", "qwen2 tied"])
def test_a_new_model_starts_on_a_decoder(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    saved(MODELS[name](), tmp_path)
    decoder = load_decoder(tmp_path)
    sound = SoundLayout(codebooks=2, entries=16)
    layout = StreamLayout(text=text_layout(90), speak=sound, listen=sound)
    speech = SpeechDecoderConfig(width=16, layers=1, heads=2, hidden=16)
    model = new_model_on(tmp_path, layout, speech, window=64, caption_head=True)
    assert is_decoder(tmp_path)
    assert vocabulary(tmp_path) == 90
    assert model.config == config_on(tmp_path, layout, speech, window=64, caption_head=True)
    # What would be built of this configuration has the same parts.
    assert {n: p.shape for n, p in RoboEgoModel(model.config).state_dict().items()} == {n: p.shape for n, p in model.state_dict().items()}
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert torch.equal(model.fusion.text_table[:90], decoder.embedding)
    hidden = torch.randn(3, 32)
    assert_close(model.text_logits(hidden)[:, :90], hidden @ decoder.head.T)
    starts, start = {}, 0
    for stream, size in stream_sizes(model.config):
        starts[stream] = start
        start += size
    for stream in ("read", "caption"):
        assert torch.equal(model.fusion.table[starts[stream] : starts[stream] + 90], decoder.embedding)
    assert model.caption_head is not None
    assert torch.equal(model.caption_head.weight[:90], decoder.head)
    listen = model.fusion.table.detach()[starts["listen.0"] : starts["listen.0"] + 17]
    assert 0.5 < float(listen.std() / decoder.embedding.std()) < 2
    tokens = torch.zeros(1, 5, model.streams, dtype=torch.int64)
    model.text_logits(model.hidden_from_tokens(tokens)).sum().backward()


def test_a_new_model_that_sees(tmp_path: Path) -> None:
    torch.manual_seed(0)
    saved(MODELS["qwen2"](), tmp_path)
    sound = SoundLayout(codebooks=2, entries=16)
    layout = StreamLayout(text=text_layout(90), speak=sound, listen=sound, looks=True)
    speech = SpeechDecoderConfig(width=16, layers=1, heads=2, hidden=16)
    model = new_model_on(tmp_path, layout, speech, window=64, vision_width=24, context_width=40)
    assert (model.config.vision_width, model.config.context_width) == (24, 40)
    spread = float(model.fusion.text_table[:90].detach().std())
    positions = model.fusion.picture_positions(torch.randn(1, 500, 40))
    assert 0.5 < float(positions.detach().std()) / spread < 2
    tokens = torch.zeros(1, 5, model.streams, dtype=torch.int64)
    pictures = Pictures(torch.randn(1, 3, 40), row=torch.tensor([0]), frame=torch.tensor([2]))
    assert model.hidden_from_tokens(tokens, torch.randn(1, 5, 24), torch.ones(1, 5, dtype=torch.bool), pictures).shape == (1, 5, 32)


def test_a_layout_with_too_few_ids(tmp_path: Path) -> None:
    saved(MODELS["qwen2"](), tmp_path)
    sound = SoundLayout(codebooks=2, entries=16)
    layout = StreamLayout(text=text_layout(80), speak=sound, listen=sound)
    with pytest.raises(InputError, match=r"text_layout\(90\)"):
        new_model_on(tmp_path, layout, SpeechDecoderConfig(width=16, layers=1, heads=2, hidden=16))
