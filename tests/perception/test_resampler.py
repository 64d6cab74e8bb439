"""Patches gathered into a few tokens: in order, whatever the latents' places, and as a part of the encoder that can be taken off."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from roboego.errors import CheckpointError
from roboego.perception.files import load_vit, save_vit
from roboego.perception.resampler import Resampler
from roboego.perception.vit import ViT, ViTConfig, with_latents, without_latents

CONFIG = ViTConfig(image_size=32, patch_size=8, width=24, layers=1, heads=3, hidden=32, latents=5, latent_hidden=16, rounds=2)


def test_tokens_come_in_rising_order_of_their_ranks() -> None:
    torch.manual_seed(0)
    resampler = Resampler(24, 5, 2, 3, 16, 2, 1e-6)
    patches = torch.randn(4, 16, 24)
    tokens, gathered = resampler(patches), resampler.gathered(patches)
    ranks = resampler.rank(tokens)[..., 0]
    assert (ranks[:, 1:] >= ranks[:, :-1]).all()
    assert_close(ranks, resampler.rank(gathered)[..., 0].sort(1).values[:, :5])
    assert (tokens.shape[1], gathered.shape[1]) == (5, 7)


def test_pictures_do_not_see_each_other() -> None:
    torch.manual_seed(0)
    vit = ViT(CONFIG)
    pixels = torch.randn(3, 3, 32, 32)
    together = vit(pixels)
    assert together.tokens.shape == (3, CONFIG.tokens, 24) == (3, 5, 24)
    assert_close(vit(pixels[1:2]).tokens, together.tokens[1:2], atol=1e-5, rtol=0)


def test_latents_are_taken_off_and_put_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    vit, pixels = ViT(CONFIG).eval(), torch.randn(2, 3, 32, 32)
    assert vit.resampler is not None
    plain = without_latents(vit)
    assert plain.config.tokens == plain.config.patches == 16
    assert torch.equal(plain(pixels).tokens, vit.patches(pixels))
    assert torch.equal(plain(pixels).vector, vit(pixels).vector)
    again = with_latents(plain, CONFIG, vit.resampler)
    assert torch.equal(again(pixels).tokens, vit(pixels).tokens)
    assert plain.fingerprint != again.fingerprint == vit.fingerprint
    save_vit(vit, tmp_path)
    assert load_vit(tmp_path).fingerprint == vit.fingerprint


@pytest.mark.parametrize("wrong", [{"latents": -1}, {"rounds": 0}, {"latent_hidden": 0}])
def test_shapes_that_cannot_be(wrong: dict[str, int]) -> None:
    with pytest.raises(CheckpointError, match="change"):
        replace(CONFIG, **wrong)
