"""Deeper models that begin as the shallower ones they grew from."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from roboego.errors import InputError
from roboego.model.config import GlanceConfig
from roboego.model.growth import deepened, is_deeper, places, sees_or_acts_more, with_more_streams
from roboego.model.model import Batch, RoboEgoModel
from tiny import tiny_config


def batch(model: RoboEgoModel) -> Batch:
    layout, generator = model.config.layout, torch.Generator().manual_seed(0)

    def some(ids: int, *shape: int) -> torch.Tensor:
        return torch.randint(0, ids, (2, 9, *shape), generator=generator)

    text, codes = layout.text.ids, (layout.speak.entries, layout.speak.codebooks)
    zeros = torch.zeros(2, 9, dtype=torch.int64)
    return Batch(some(text), zeros, some(*codes), some(*codes), zeros, torch.zeros(2, 9, layout.action_dims, dtype=torch.int64))


def test_new_layers_change_nothing_until_they_learn() -> None:
    torch.manual_seed(1)
    small = RoboEgoModel(tiny_config(layers=2))
    large = deepened(small, tiny_config(layers=5))
    expected, found = small(batch(small)), large(batch(large))
    assert_close(found.text, expected.text)
    assert_close(found.speak, expected.speak)
    found.text.square().mean().backward()
    new = large.backbone.layers[1]
    assert new.attention.out.weight.grad.abs().max() > 0
    assert new.mlp.down.weight.grad.abs().max() > 0


def test_new_layers_are_spread_evenly() -> None:
    assert places(6, 8) == [0, 1, 2, 2, 3, 4, 5, 5]
    assert places(2, 5) == [0, 0, 1, 1, 1]
    assert places(3, 3) == [0, 1, 2]


def test_only_the_number_of_layers_may_grow() -> None:
    small, wide = tiny_config(layers=2), replace(tiny_config(layers=3), max_advance=5)
    assert is_deeper(tiny_config(layers=3), than=small)
    assert not is_deeper(small, than=small)
    assert not is_deeper(wide, than=small)
    with pytest.raises(InputError, match="otherwise the same shape"):
        deepened(RoboEgoModel(small), wide)


def test_sight_and_actions_change_nothing_until_they_are_learned() -> None:
    torch.manual_seed(2)
    plain = tiny_config()
    blind = replace(plain, layout=replace(plain.layout, action_dims=0, action_bins=0), vision_width=0)
    glance = GlanceConfig(tokens=4, token_width=6, heads=2, head_dim=8)
    seeing = replace(blind, layout=replace(blind.layout, looks=True, action_dims=4, action_bins=9), vision_width=6, glance=glance)
    small = RoboEgoModel(blind)
    large = with_more_streams(small, seeing)
    given = batch(small)
    with_act = replace(given, act=torch.randint(0, 9, (2, 9, 4)), look=torch.randn(2, 9, 6), seen=torch.ones(2, 9, dtype=torch.bool))
    assert_close(large(with_act).text, small(given).text)
    assert sees_or_acts_more(seeing, than=blind)
    assert not sees_or_acts_more(blind, than=seeing)
    assert not sees_or_acts_more(blind, than=blind)
    with pytest.raises(InputError, match="sight and actions that it lacks"):
        with_more_streams(small, replace(seeing, max_advance=5))
