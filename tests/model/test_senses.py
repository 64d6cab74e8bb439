"""Senses in each step: whole grids and steps agree, and what is missing or stale is told."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from roboego.errors import InputError, ShapeError
from roboego.model.config import ModelConfig, SenseConfig
from roboego.model.fusion import Fusion
from roboego.model.model import RoboEgoModel
from roboego.model.senses import FRESH, NONE, STALE, Felt, FeltNow, Sense
from tiny import tiny_config

TOUCH = SenseConfig(name="touch", size=2, scales=(0.2, 0.5), hidden=8)
POINTS = SenseConfig(name="points", size=3, points=5, hidden=8)


def config() -> ModelConfig:
    return replace(tiny_config(), senses=(TOUCH, POINTS))


def awake(module: torch.nn.Module) -> None:
    """As after training: nothing is zero any more."""
    generator = torch.Generator().manual_seed(3)
    for name, tensor in module.state_dict().items():
        if any(part in name for part in ("out.", "marks")):
            tensor.copy_(torch.randn(tensor.shape, generator=generator))


def felt(values: Tensor, which: list[list[int]], stale: list[list[bool]]) -> Felt:
    return Felt(values, torch.tensor(which), torch.tensor(stale))


def test_steps_feel_what_whole_grids_feel() -> None:
    torch.manual_seed(0)
    fusion = Fusion(config())
    awake(fusion)
    touch = felt(torch.randn(2, 3, 2), [[-1, 0, 1, 1], [2, 2, -1, 0]], [[False, False, False, True], [False, True, False, False]])
    points = felt(torch.randn(2, 2, 5, 3), [[0, 0, 1, 1], [-1, -1, -1, 1]], [[False] * 4, [False] * 4])
    whole = fusion.felt({"touch": touch, "points": points}, 2, 4)
    for t in range(4):
        now = fusion.sense_memory(2)
        for name, given in (("touch", touch), ("points", points)):
            for b in range(2):
                fusion.feel(name, now[name], b, given.values[b, given.which[b, t].clamp(min=0)])
            now[name].standing[:] = torch.where(given.which[:, t] < 0, NONE, torch.where(given.stale[:, t], STALE, FRESH))
        assert_close(fusion.felt_now(now, 2), whole[:, t])


def test_a_sense_that_nobody_tells_of_is_one_without_readings() -> None:
    fusion = Fusion(config())
    awake(fusion)
    nothing = {name: sense.memory(2) for name, sense in fusion.senses.items()}
    assert_close(fusion.felt_now(nothing, 2), fusion.felt_now({}, 2))
    assert_close(fusion.felt_now(None, 2), fusion.felt_now({}, 2))
    only = {"touch": fusion.sense_memory(2)["touch"]}
    fusion.feel("touch", only["touch"], 0, torch.ones(2))
    assert not torch.allclose(fusion.felt_now(only, 2), fusion.felt_now({}, 2))


def test_fresh_stale_and_missing_readings_differ_and_slots_do_not_mix() -> None:
    sense = Sense(16, TOUCH)
    awake(sense)
    memory = sense.memory(3)
    sense.feel(memory, 1, torch.tensor([1.0, 2.0]))
    before = sense.step(memory)
    assert_close(before[0], before[2])
    memory.standing[1] = STALE
    assert not torch.allclose(sense.step(memory)[1], before[1])
    assert_close(sense.step(memory)[[0, 2]], before[[0, 2]])
    memory.clear(1)
    assert_close(sense.step(memory)[1], before[0])


def test_the_order_of_points_does_not_count() -> None:
    sense = Sense(16, POINTS)
    awake(sense)
    cloud = torch.randn(5, 3)
    assert_close(sense.encoded(cloud), sense.encoded(cloud[[4, 2, 0, 1, 3]]))


def test_new_senses_change_nothing_until_they_are_learned() -> None:
    torch.manual_seed(1)
    fusion = Fusion(config())
    given = {"touch": felt(torch.randn(1, 1, 2), [[0]], [[False]])}
    assert (fusion.felt(given, 1, 1) == 0).all()


def test_what_does_not_fit_is_told() -> None:
    fusion = Fusion(config())
    with pytest.raises(ShapeError, match="no sense smell; it has touch, points"):
        fusion.felt_now({"smell": FeltNow(torch.ones(1, 2), torch.ones(1, dtype=torch.int64))}, 1)
    with pytest.raises(ShapeError, match=r"readings of touch are \[2\]"):
        Sense(16, TOUCH).encoded(torch.ones(3, 4))
    with pytest.raises(InputError, match="a name each"):
        replace(tiny_config(), senses=(TOUCH, TOUCH))
    with pytest.raises(InputError, match="one scale or 3"):
        SenseConfig(name="points", size=3, scales=(1.0, 2.0))


def test_a_model_with_senses_opens_on_no_device_and_fills_its_scales() -> None:
    with torch.device("meta"):
        model = RoboEgoModel(config())
    model.materialize_buffers()
    assert_close(model.fusion.senses["touch"].scales, torch.tensor(TOUCH.scales))
