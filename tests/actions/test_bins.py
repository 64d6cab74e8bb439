"""Actions as tokens."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roboego.actions.bins import ActionBins
from roboego.errors import InputError, ShapeError

BINS = ActionBins()


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4))
def test_there_and_back_is_as_near_as_the_bins_are(action: list[float]) -> None:
    found = BINS.decode(BINS.encode(action))
    gaps = np.diff(BINS.values).max()
    assert np.abs(found - action).max() <= gaps / 2 + 1e-9
    assert np.array_equal(BINS.encode(found), BINS.encode(action))


def test_rest_is_zero_and_slow_motion_is_told_more_finely_than_fast() -> None:
    assert np.array_equal(BINS.decode(BINS.rest), np.zeros(4))
    assert np.array_equal(BINS.encode(np.zeros(4)), BINS.rest)
    gaps = np.diff(BINS.values)
    assert gaps.min() == pytest.approx(gaps[BINS.bins // 2])
    assert gaps.max() == pytest.approx(gaps[0])
    assert gaps[0] > 5 * gaps[BINS.bins // 2]


def test_too_fast_is_as_fast_as_there_is() -> None:
    assert np.array_equal(BINS.decode(BINS.encode([9, -9, 0, 0])), [1, -1, 0, 0])


@pytest.mark.parametrize("action", [[np.nan, 0, 0, 0], [np.inf, 0, 0, 0]])
def test_what_is_not_finite_is_refused(action: list[float]) -> None:
    with pytest.raises(InputError):
        BINS.encode(action)


def test_wrong_shapes_and_bins_are_refused() -> None:
    with pytest.raises(ShapeError):
        BINS.encode([0, 0])
    with pytest.raises(ShapeError):
        BINS.decode([0])
    with pytest.raises(InputError):
        BINS.decode([31, 0, 0, 0])
    for wrong in ({"bins": 4}, {"dims": 0}, {"curve": 0.5}):
        with pytest.raises(InputError):
            ActionBins(**wrong)
