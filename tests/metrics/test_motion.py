"""When an arm began to move, and when it came to rest."""

from roboego.metrics.motion import RESTS_FRAMES, STILL_M_S, begins, frames_moving, rests
from roboego.sim import tasks

STILL = [0.0] * RESTS_FRAMES


def test_it_keeps_still_below_the_speed_at_which_tasks_call_it_still() -> None:
    assert STILL_M_S == tasks.STILL_M_S
    assert begins([0.0, 0.02, 0.029]) is None
    assert begins([0.0, 0.02, 0.03]) == 2


def test_a_pause_is_no_rest() -> None:
    assert rests([0.2, 0.0, 0.0, 0.1, *STILL]) == 4
    assert rests([0.2, 0.0, 0.0]) is None
    assert rests([0.2, *STILL, 0.1]) is None
    assert rests(STILL) == 0
    assert frames_moving([0.2, 0.0, 0.0, 0.1, *STILL]) == 2


def test_motion_is_looked_for_from_a_frame_on() -> None:
    assert begins([0.2, 0.0, 0.0, 0.1], 1) == 3
    assert begins([0.2, 0.0], 1) is None
