"""The picture encoder: shapes, parity with SigLIP's vision tower, and its files."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.testing import assert_close
from transformers import PreTrainedModel, SiglipConfig, SiglipModel, SiglipVisionConfig, SiglipVisionModel

from roboego.errors import CheckpointError, ShapeError
from roboego.perception.files import load_vit, save_vit
from roboego.perception.siglip import load_siglip
from roboego.perception.vit import ViT, ViTConfig

SMALL = ViTConfig(image_size=32, patch_size=8, width=24, layers=2, heads=3, hidden=32)
TOWER: dict[str, Any] = {
    "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 3, "image_size": 32, "patch_size": 8,
}  # fmt: skip
TEXT = {
    "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 9,
    "max_position_embeddings": 4,
}  # fmt: skip


def saved(model: PreTrainedModel, folder: Path) -> PreTrainedModel:
    """A reference model on disk, every parameter drawn."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.2)
    model.save_pretrained(folder)
    return model.eval()


def test_a_picture_becomes_a_vector_and_a_token_for_each_patch() -> None:
    vit = ViT(SMALL)
    seen = vit(torch.rand(5, 3, 32, 32) * 2 - 1)
    assert seen.vector.shape == (5, 24)
    assert seen.tokens.shape == (5, SMALL.patches, 24) == (5, 16, 24)
    assert ViTConfig().patches == 64


def test_pictures_do_not_see_each_other() -> None:
    torch.manual_seed(0)
    vit = ViT(SMALL)
    pixels = torch.randn(3, 3, 32, 32)
    together = vit(pixels)
    assert_close(vit(pixels[1:2]).tokens, together.tokens[1:2], atol=1e-5, rtol=0)
    assert_close(vit(pixels[1:2]).vector, together.vector[1:2], atol=1e-5, rtol=0)


def test_a_stem_halves_the_picture_before_it_is_cut() -> None:
    config = ViTConfig(image_size=32, patch_size=8, width=24, layers=1, heads=3, hidden=32, stem=(4, 6))
    vit = ViT(config)
    assert vit.patch.kernel_size == (2, 2)
    assert vit(torch.zeros(2, 3, 32, 32)).tokens.shape == (2, 16, 24)
    with pytest.raises(CheckpointError, match="halves for each layer of the stem"):
        ViTConfig(image_size=32, patch_size=4, width=24, layers=1, heads=3, hidden=32, stem=(4, 6, 8))


def test_tokens_begin_at_the_top_left() -> None:
    vit = ViT(ViTConfig(image_size=32, patch_size=8, width=24, layers=0, heads=3, hidden=32))
    blank, dot = torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 32, 32)
    dot[0, :, 1, 9] = 1.0
    changed = (vit(dot).tokens - vit(blank).tokens).abs().sum(-1)[0]
    assert changed.nonzero().flatten().tolist() == [1]


@pytest.mark.parametrize("whole", [False, True], ids=["tower alone", "with the text tower"])
def test_numbers_equal_siglips(whole: bool, tmp_path: Path) -> None:
    torch.manual_seed(0)
    tower = SiglipVisionConfig(**TOWER)
    if whole:
        both = saved(SiglipModel(SiglipConfig(text_config=TEXT, vision_config=tower.to_dict())), tmp_path)
        reference = both.vision_model
    else:
        reference = saved(SiglipVisionModel(tower), tmp_path)
    pixels = torch.rand(2, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        expected = reference(pixel_values=pixels)
    seen = load_siglip(tmp_path)(pixels)
    assert_close(seen.tokens, expected.last_hidden_state, atol=1e-4, rtol=0)
    assert_close(seen.vector, expected.pooler_output, atol=1e-4, rtol=0)


def test_older_names_of_the_tower(tmp_path: Path) -> None:
    saved(SiglipVisionModel(SiglipVisionConfig(**TOWER)), tmp_path)
    expected = load_siglip(tmp_path).state_dict()
    file = tmp_path / "model.safetensors"
    save_file({f"vision_model.{name}": tensor for name, tensor in load_file(file).items()}, file)
    found = load_siglip(tmp_path).state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model_type": "clip"}, "'clip' is not supported"),
        ({"vision_use_head": False}, "no pooling head"),
        ({"hidden_act": "gelu"}, "gelu_pytorch_tanh"),
        ({"patch_size": 7}, "divide into patches"),
        ({"hidden_size": 48}, r"\[24, 3, 8, 8\].*\[48, 3, 8, 8\]"),
        ({"num_hidden_layers": 1}, "encoder.layers.1"),
    ],
)
def test_towers_of_another_shape(values: dict[str, Any], message: str, tmp_path: Path) -> None:
    saved(SiglipVisionModel(SiglipVisionConfig(**TOWER)), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text()) | values
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=message):
        load_siglip(tmp_path)


@pytest.mark.parametrize("stem", [(), (4, 6)], ids=["patches", "stem"])
def test_files(stem: tuple[int, ...], tmp_path: Path) -> None:
    vit = ViT(replace(SMALL, stem=stem)).to(torch.bfloat16).float()
    save_vit(vit, tmp_path)
    found = load_vit(tmp_path)
    assert found.config == vit.config
    assert all(torch.equal(found.state_dict()[name], tensor) for name, tensor in vit.state_dict().items())
    (tmp_path / "vit.safetensors").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match="fetch or train it again"):
        load_vit(tmp_path)
    (tmp_path / "vit.json").write_text('{"colour": 1}')
    with pytest.raises(CheckpointError, match="colour"):
        load_vit(tmp_path)


def test_pictures_of_another_size() -> None:
    with pytest.raises(ShapeError, match=r"\[B, 3, 32, 32\], not \[1, 3, 16, 32\]"):
        ViT(SMALL)(torch.zeros(1, 3, 16, 32))
