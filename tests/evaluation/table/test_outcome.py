"""What came of episodes."""

from dataclasses import replace

import numpy as np
import pytest

from roboego.evaluation.table.episode import Episode
from roboego.evaluation.table.outcome import in_time, outcome
from tests.evaluation.table.tables import lifting, played, stopping, tone


@pytest.fixture(scope="module")
def lifted() -> Episode:
    return played(lifting())


def test_a_request_that_was_met(lifted: Episode) -> None:
    found = outcome(lifted)
    assert (found.done, found.still, found.reached, found.answered, found.told, found.spoke) == (True, False, True, True, True, False)
    assert found.written == "i am lifting the cone."
    assert found.began_s is not None
    assert 0.08 <= found.began_s <= 0.4
    assert found.done_s is not None
    assert found.done_s > found.began_s
    assert found.halt_s is None


def test_whoever_is_heard_while_the_arm_moves_speaks_while_it_moves(lifted: Episode) -> None:
    silent = lifted.talked
    moving = int(np.argmax(lifted.speeds))
    for first, spoke in ((moving, True), (0, False)):
        ego = silent.ego.copy()
        ego[(first + 1) * 1_920 : (first + 6) * 1_920] = tone(5)
        lifted.talked = replace(silent, ego=ego)
        assert outcome(lifted).spoke is spoke
    lifted.talked = silent


def test_an_arm_that_stops_when_told_to() -> None:
    found = outcome(played(stopping()))
    assert (found.done, found.reached, found.answered, found.told) == (False, True, True, True)
    assert found.halt_s is not None
    assert -0.1 < found.halt_s <= 0.4
    assert in_time(found, 0.4) is True
    assert in_time(replace(found, halt_s=0.5), 0.4) is False
    assert in_time(replace(found, halt_s=None), 0.4) is False
    assert in_time(replace(found, reached=False), 0.4) is None
    assert in_time(replace(found, done=True), 0.4) is None
    assert in_time(replace(found, done=True, halt_s=0.5), 0.4) is False


def test_nothing_written_is_no_reply() -> None:
    quiet = played(lifting(replies=("",), task=None))
    found = outcome(quiet)
    assert (found.still, found.told, found.written) == (True, False, "")
