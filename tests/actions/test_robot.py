"""The robot that plays a recording."""

import numpy as np
import pytest

from roboego.actions.robot import ReplayRobot, Robot, Sensed
from roboego.errors import InputError


def reading(value: float) -> Sensed:
    return Sensed(body=np.full(3, value), touch=np.zeros(2))


def test_it_feels_what_was_recorded_and_remembers_what_it_was_told() -> None:
    robot = ReplayRobot([reading(0), reading(1)])
    moved: Robot = robot
    felt = []
    for k in range(3):
        felt.append(float(moved.sense().body[0]))
        moved.move(np.full(4, k / 2))
    assert felt == [0, 1, 1]
    assert [float(told[0]) for told in robot.told] == [0, 0.5, 1]
    with pytest.raises(InputError):
        ReplayRobot([])
