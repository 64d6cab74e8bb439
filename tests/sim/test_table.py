"""The table in motion: things rest, the arm goes where it is told and no farther, grips, and feels what it holds."""

import numpy as np
import pytest

from roboego.sim.experts import Expert
from roboego.sim.mjcf import HOME_M, OPEN_M, REACH_M
from roboego.sim.scene import Placed, Scene, sample_scene
from roboego.sim.table import SPEED_M_S, Table
from roboego.sim.tasks import Check, Task
from roboego.sim.things import Thing


def alone(**values: object) -> Scene:
    thing = Thing(**{"shape": "cube", "color": "red", "size": "big", **values})  # type: ignore[arg-type]
    return Scene(things=(Placed(thing=thing, x=0.05, y=0.0),))


def held(scene: Scene) -> Table:
    """A table whose thing has been picked up."""
    table = Table(scene)
    task = Task(verb="pick_up", thing=0)
    expert, check = Expert(task, table), Check(task, table)
    for _ in range(80):
        table.step(expert.act())
        if check.update():
            break
    assert check.done
    return table


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_things_stay_where_they_were_put(seed: int) -> None:
    scene = sample_scene(np.random.default_rng(seed), 6)
    table = Table(scene)
    for _ in range(12):
        table.step(np.zeros(4))
    for i, placed in enumerate(scene.things):
        body = table.thing(i)
        assert body.position[:2] == pytest.approx((placed.x, placed.y), abs=0.004)
        assert body.position[2] == pytest.approx(scene.height_m(i) + placed.thing.height_m / 2, abs=0.01)  # soft ones give a little
        assert body.upright > 0.99


def test_the_arm_follows_velocities_and_keeps_within_reach() -> None:
    table = Table(Scene())
    assert table.tip == pytest.approx(HOME_M, abs=0.003)
    for _ in range(5):
        table.step(np.array([0.5, 0.0, 0.0, 0.0]))
    assert table.tip[0] == pytest.approx(HOME_M[0] + 0.5 * SPEED_M_S * 0.4, abs=0.02)
    for _ in range(40):
        table.step(np.array([1.0, 1.0, 1.0, 1.0]))
    assert table.tip == pytest.approx([high for _, high in REACH_M], abs=0.004)
    assert table.opening == pytest.approx(OPEN_M, abs=0.003)


def test_pushed_against_the_table_it_bears_no_more_than_its_motors_give_and_comes_up_at_once() -> None:
    table = Table(Scene())
    for _ in range(30):
        table.step(np.array([0.0, 0.0, -1.0, 0.0]))
    assert -0.005 < table.tip[2] < 0.012
    table.step(np.array([0.0, 0.0, 1.0, 0.0]))
    table.step(np.array([0.0, 0.0, 1.0, 0.0]))
    assert table.tip[2] > 0.02


def test_what_is_held_presses_on_both_pads_and_heavy_things_pull() -> None:
    light, heavy = (held(alone(heavy=heavy)) for heavy in (False, True))
    for table in (light, heavy):
        assert table.held == 0
        assert table.pads.min() > 1.0
        for _ in range(6):
            table.step(np.array([0.0, 0.0, 0.0, -1.0]))
    assert heavy.effort[2] > light.effort[2] + 1.0
    assert Table(Scene()).held is None


def test_soft_things_give() -> None:
    hard, soft = (held(alone(soft=soft)) for soft in (False, True))
    assert soft.opening < hard.opening - 0.003
