"""Patches gathered into a few tokens: in order, whatever the latents' places."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from roboego.errors import CheckpointError
from roboego.perception.files import load_vit, save_vit
from roboego.perception.resampler import Resampler
from roboego.perception.vit import ViT, ViTConfig

CONFIG = ViTConfig(image_size=32, patch_size=8, width=24, layers=1, heads=3, hidden=32, latents=5, latent_hidden=16, rounds=2)


def test_tokens_come_in_rising_order_of_their_ranks() -> None:
    torch.manual_seed(0)
    resampler = Resampler(24, 5, 3, 16, 2, 1e-6)
    patches = torch.randn(4, 16, 24)
    tokens = resampler(patches)
    ranks = resampler.rank(tokens)[..., 0]
    assert (ranks[:, 1:] >= ranks[:, :-1]).all()
    gathered = resampler.gathered(patches)
    assert_close(tokens.sum(1), gathered.sum(1))
    assert not torch.equal(tokens, gathered)


def test_pictures_do_not_see_each_other() -> None:
    torch.manual_seed(0)
    vit = ViT(CONFIG)
    pixels = torch.randn(3, 3, 32, 32)
    together = vit(pixels)
    assert together.tokens.shape == (3, CONFIG.tokens, 24) == (3, 5, 24)
    assert_close(vit(pixels[1:2]).tokens, together.tokens[1:2], atol=1e-5, rtol=0)


def test_latents_are_part_of_the_files(tmp_path: Path) -> None:
    torch.manual_seed(0)
    vit, pixels = ViT(CONFIG).eval(), torch.randn(2, 3, 32, 32)
    save_vit(vit, tmp_path)
    loaded = load_vit(tmp_path)
    assert loaded.fingerprint == vit.fingerprint
    assert_close(loaded(pixels).tokens, vit(pixels).tokens, atol=0.1, rtol=0)
    assert vit.patches(pixels).shape == (2, CONFIG.patches, 24)


@pytest.mark.parametrize("wrong", [{"latents": -1}, {"rounds": 0}, {"latent_hidden": 0}])
def test_shapes_that_cannot_be(wrong: dict[str, int]) -> None:
    with pytest.raises(CheckpointError, match="change"):
        replace(CONFIG, **wrong)
