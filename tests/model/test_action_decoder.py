"""The action decoder goes by the shared state and by what is felt in the same step."""

from dataclasses import replace

import torch
from torch.testing import assert_close

from roboego.model.action_decoder import ActionDecoder
from roboego.model.config import ModelConfig, SenseConfig
from roboego.model.model import RoboEgoModel
from roboego.recipes import nano

SENSES = (SenseConfig(name="touch", size=2, hidden=8),)


def config(**changes: object) -> ModelConfig:
    tiny = nano.tiny()
    return replace(tiny, layout=replace(tiny.layout, action_dims=3, action_bins=5), act_hidden=16, **changes)


def test_it_gives_bins_for_each_dimension_and_hangs_on_what_is_felt() -> None:
    torch.manual_seed(0)
    decoder = ActionDecoder(config(senses=SENSES))
    h, felt = torch.randn(2, 4, 32), torch.randn(2, 4, 32)
    assert decoder(h, felt).shape == (2, 4, 3, 5)
    assert not torch.allclose(decoder(h, felt), decoder(h, -felt))


def test_a_model_without_senses_acts_by_its_state_alone() -> None:
    torch.manual_seed(0)
    model = RoboEgoModel(config())
    h = torch.randn(2, 32)
    assert model.fusion.felt_now(None, 2) is None
    assert_close(model.act_logits(h, None), model.act_head(h, torch.randn(2, 32)))  # type: ignore[misc]
    assert RoboEgoModel(nano.tiny()).act_logits(h, None).shape == (2, 0, 0)
