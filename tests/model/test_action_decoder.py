"""The action decoder goes by the shared state and by what is felt and seen in the same step."""

from dataclasses import replace

import torch
from torch.testing import assert_close

from roboego.model.action_decoder import ActionDecoder
from roboego.model.config import GlanceConfig, ModelConfig, SenseConfig
from roboego.model.model import RoboEgoModel
from roboego.recipes import nano

SENSES = (SenseConfig(name="touch", size=2, hidden=8),)
GLANCE = GlanceConfig(tokens=3, token_width=8, heads=2, head_dim=4)


def config(**changes: object) -> ModelConfig:
    tiny = nano.tiny()
    return replace(tiny, layout=replace(tiny.layout, action_dims=3, action_bins=5), act_width=16, act_layers=2, **changes)


def test_it_gives_bins_for_each_dimension_and_hangs_on_what_is_felt_and_seen() -> None:
    torch.manual_seed(0)
    decoder = ActionDecoder(config(senses=SENSES, glance=GLANCE))
    h, felt, found = torch.randn(2, 4, 32), torch.randn(2, 4, 32), torch.randn(2, 4, 8)
    assert decoder(h, felt, found).shape == (2, 4, 3, 5)
    assert not torch.allclose(decoder(h, felt, found), decoder(h, -felt, found))
    assert not torch.allclose(decoder(h, felt, found), decoder(h, felt, -found))
    assert_close(decoder(h, felt, None), decoder(h, felt, torch.zeros_like(found)))


def test_a_model_without_senses_or_eyes_acts_by_its_state_alone() -> None:
    torch.manual_seed(0)
    model = RoboEgoModel(config())
    h = torch.randn(2, 32)
    assert model.fusion.felt_now(None, 2) is None
    assert_close(model.act_logits(h, None, None), model.act_head(h, torch.randn(2, 32), None))  # type: ignore[misc]
    assert RoboEgoModel(nano.tiny()).act_logits(h, None, None).shape == (2, 0, 0)
