"""Turns with a call, frame by frame."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from roboego.data.calling import Sheet, course, told_after
from roboego.data.manners import Manners
from roboego.recipes import nano
from roboego.streams.grid import empty_grid

TEXT = nano.text_layout()


@given(seed=st.integers(0, 1_000), start=st.integers(0, 50), call=st.integers(1, 9), result=st.integers(1, 9), busy=st.integers(0, 90))
def test_a_result_is_read_after_the_call_and_told_when_all_of_it_was_read(seed: int, start: int, call: int, result: int, busy: int) -> None:
    went = course(start, call, result, Manners(), np.random.default_rng(seed), reads_from=busy)
    assert went.free == start + call + 2  # the token before it, and the wait after it
    assert went.arrives >= max(went.free, busy)
    assert went.read == went.arrives + result
    assert 0 <= went.told - went.read <= 3
    assert went.moment is None or went.free < went.moment < went.arrives


def test_ego_says_that_it_waits_only_where_it_waits_for_long() -> None:
    rng = np.random.default_rng(0)
    soon, late = replace(Manners(), result_s=(0.1, 0.5)), replace(Manners(), result_s=(2.0, 3.0))
    assert all(course(5, 3, 3, soon, rng).moment is None for _ in range(20))
    assert all(course(5, 3, 3, late, rng).moment is not None for _ in range(20))
    assert {told_after(Manners(), rng) for _ in range(200)} == {0, 1, 2, 3}


def test_what_is_read_queues_and_what_is_called_stands_in_the_text() -> None:
    sheet, grid = Sheet(), empty_grid(nano.layout(), 80)
    assert sheet.reads([50, 51, 52], 1) == 4
    assert sheet.reads([60], 2) == 5
    at_once = replace(Manners(), result_s=(0.0, 0.0), told_frames=(1.0,))
    went = sheet.calling([70, 71], [80, 81], 10, at_once, np.random.default_rng(0))
    assert (went.arrives, went.read, went.told) == (13, 15, 15)
    sheet.lay(grid, TEXT)
    assert grid.read[:15].tolist() == [0, 50, 51, 52, 60, *[0] * 8, 80, 81]
    assert grid.text[9:14].tolist() == [TEXT.wait, TEXT.call, 70, 71, TEXT.wait]
    assert grid.text_weight[10:13].tolist() == [1, 1, 1]
