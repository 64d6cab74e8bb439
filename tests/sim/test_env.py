"""The gymnasium environment, its pictures and points."""

import warnings

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from roboego.actions.robot import Robot
from roboego.errors import InputError
from roboego.sim.body import BODY
from roboego.sim.env import TableEnv
from roboego.sim.eye import ARM, NOTHING, Eye
from roboego.sim.robot import TableRobot
from roboego.sim.scene import Placed, Scene
from roboego.sim.table import Table
from roboego.sim.tasks import Task
from roboego.sim.things import Thing

BALL = Placed(thing=Thing(shape="ball", color="red", size="big"), x=0.1, y=-0.05)
SCENE = Scene(things=(BALL,))


def test_it_is_a_gymnasium_environment() -> None:
    env = TableEnv(48, 64, longest=5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice about normalised spaces
        check_env(env, skip_render_check=True)
    env.close()


def test_an_episode_ends_with_the_task_or_with_its_time() -> None:
    env = TableEnv(0, 0, longest=60)
    _, info = env.reset(seed=0, options={"scene": SCENE, "task": Task(verb="point", thing=0)})
    assert info["task"].verb == "point"
    for _ in range(60):
        seen, reward, done, cut, info = env.step(info["expert"])
        if done:
            break
    assert (reward, done, cut, info["done"]) == (1.0, True, False, True)
    assert set(seen) == {"body", "touch"}
    assert seen["body"].shape == (len(BODY),)
    env.reset(options={"scene": SCENE, "task": Task(verb="touch", thing=0)})
    ends = [env.step(np.zeros(4, np.float32))[2:4] for _ in range(60)]
    assert ends[-1] == (False, True)
    assert not any(done or cut for done, cut in ends[:-1])


def test_equal_seeds_give_equal_episodes() -> None:
    env = TableEnv(32, 32)
    first, second = (env.reset(seed=5)[0] for _ in range(2))
    env.close()
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_the_eye_sees_the_ball_in_its_colour_and_measures_where_it_is() -> None:
    table = Table(SCENE)
    with Eye(table, 96, 128) as eye:
        picture, points, far, shown = eye.picture(), eye.points(2_000), eye.depth(), eye.things()
    red = (picture[..., 0] > 90) & (picture[..., 1] < 60) & (picture[..., 2] < 60)
    rows, columns = np.nonzero(red)
    assert 15 < red.sum() < 400
    assert columns.mean() > 64  # on the right
    assert rows.mean() > 48  # and in front
    ball = points[(np.abs(points[:, :2] - (0.1, -0.05)) < 0.05).all(1)]
    assert len(ball) > 10
    assert np.linalg.norm(ball - (0.1, -0.05, 0.028), axis=1) == pytest.approx(0.028, abs=0.006)
    assert np.isfinite(far).any()
    assert (shown[red] == 0).mean() > 0.9  # at its edge colours mix
    assert set(np.unique(shown)) <= {0, NOTHING, ARM}


def test_the_simulated_robot_is_a_robot() -> None:
    robot: Robot = TableRobot(Table(SCENE))
    before = robot.sense().body
    robot.move(np.array([1.0, 0.0, 0.0, 0.0]))
    assert robot.dims == 4
    assert robot.sense().body[0] > before[0]
    with pytest.raises(InputError):
        TableEnv().table  # noqa: B018
