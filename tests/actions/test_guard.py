"""What a robot is allowed, and when it is held."""

import numpy as np
import pytest

from roboego.actions.guard import Guard, Limits
from roboego.errors import InputError
from roboego.timebase import FRAME_NS

FORWARD = np.array([0.5, 0.0, 0.0, -1.0])


def test_a_command_holds_for_its_time_and_no_longer() -> None:
    guard = Guard(np.zeros(4))
    assert guard.beat(0)[1] == "late"  # nobody has said anything yet
    guard.command(FORWARD, 0)
    for now in (0, FRAME_NS, 2 * FRAME_NS):
        action, why = guard.beat(now)
        assert (action.tolist(), why) == (FORWARD.tolist(), "")
    action, why = guard.beat(2 * FRAME_NS + 1)
    assert (action.tolist(), why) == ([0, 0, 0, 0], "late")
    guard.beat(9 * FRAME_NS)
    assert guard.counts.late == 2  # once before the first command, once after the last
    guard.command(FORWARD, 10 * FRAME_NS)
    assert guard.beat(10 * FRAME_NS)[1] == ""


@pytest.mark.parametrize("broken", [[np.nan, 0, 0, 0], [np.inf, 0, 0, 0], [0, 0]])
def test_a_broken_command_is_a_hold(broken: list[float]) -> None:
    guard = Guard(np.zeros(4))
    guard.command(FORWARD, 0)
    guard.command(broken, FRAME_NS)
    action, why = guard.beat(FRAME_NS)
    assert (action.tolist(), why, guard.counts.broken) == ([0, 0, 0, 0], "broken", 1)


def test_limits_cut_speed_and_its_change() -> None:
    guard = Guard(np.zeros(4), Limits(most=0.5, change=0.2))
    seen = []
    for t in range(4):
        guard.command([1.0, -0.1, 0.0, 0.0], t * FRAME_NS)
        seen.append(guard.beat(t * FRAME_NS)[0].tolist())
    assert seen == [pytest.approx([x, -0.1, 0, 0]) for x in (0.2, 0.4, 0.5, 0.5)]
    assert guard.counts.limited == 4


def test_an_emergency_stop_stays_until_it_is_released_and_a_new_command_comes() -> None:
    guard = Guard(np.zeros(4))
    guard.command(FORWARD, 0)
    guard.stop()
    guard.command(FORWARD, FRAME_NS)
    action, why = guard.beat(FRAME_NS)
    assert (action.tolist(), why) == ([0, 0, 0, 0], "stopped")
    guard.release()
    assert guard.beat(FRAME_NS)[1] == "late"
    guard.command(FORWARD, 2 * FRAME_NS)
    assert guard.beat(2 * FRAME_NS)[0].tolist() == FORWARD.tolist()


@pytest.mark.parametrize("wrong", [{"most": 0.0}, {"most": 2.0}, {"change": 0.0}, {"patience_ns": 1}])
def test_impossible_limits_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        Limits(**wrong)  # type: ignore[arg-type]
