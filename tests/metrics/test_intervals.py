"""Intervals: known values, coverage, edges."""

import numpy as np
import pytest

from roboego.errors import InputError
from roboego.metrics.intervals import bootstrap_mean, bootstrap_median, bootstrap_ratio, wilson


def test_wilson_known_value() -> None:
    # Newcombe 1998, table I: 81 of 263, and 0 of 20.
    interval = wilson(81, 263)
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.2553, 0.3662)
    assert (wilson(0, 20).low, round(wilson(0, 20).high, 4)) == (0.0, 0.1611)
    assert wilson(20, 20).high == 1.0


@pytest.mark.parametrize("rate", [0.02, 0.5, 0.9])
def test_wilson_covers_the_true_rate(rate: float) -> None:
    seen = np.random.default_rng(0).binomial(200, rate, size=2_000)
    assert np.mean([rate in wilson(int(k), 200) for k in seen]) == pytest.approx(0.95, abs=0.025)


def test_bootstrap_mean_agrees_with_the_normal_interval() -> None:
    values = np.random.default_rng(1).normal(3, 2, size=400)
    interval = bootstrap_mean(list(values))
    half = 1.96 * values.std() / 20
    assert interval.low == pytest.approx(values.mean() - half, abs=0.05)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.05)


def test_bootstrap_median_takes_replies_that_never_came() -> None:
    latencies = [0.3, 0.4, 0.5, 0.6, float("inf"), 0.4, 0.5]
    interval = bootstrap_median(latencies)
    assert 0.5 in interval
    assert interval.low >= 0.3
    assert bootstrap_median([float("inf")] * 4).low == float("inf")


def test_bootstrap_ratio_weighs_by_denominator() -> None:
    assert 10 / 30 in bootstrap_ratio([0.0, 10.0], [10.0, 20.0])
    assert bootstrap_ratio([1.0] * 5, [4.0] * 5).low == 0.25


def test_equal_seeds_give_equal_intervals() -> None:
    values = list(np.random.default_rng(2).random(2_000))
    assert bootstrap_mean(values, resamples=1_500) == bootstrap_mean(values, resamples=1_500)
    assert bootstrap_mean(values, seed=1) != bootstrap_mean(values, seed=2)


def test_higher_confidence_is_wider() -> None:
    assert wilson(5, 10, confidence=0.99).high > wilson(5, 10, confidence=0.9).high
    values = [float(v) for v in range(50)]
    assert bootstrap_mean(values, confidence=0.99).high > bootstrap_mean(values, confidence=0.5).high


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="at least one trial"):
        wilson(0, 0)
    with pytest.raises(InputError, match="successes"):
        wilson(3, 2)
    with pytest.raises(InputError, match="at least one value"):
        bootstrap_mean([])
    with pytest.raises(InputError, match="NaN"):
        bootstrap_median([0.1, float("nan")])
    with pytest.raises(InputError, match="denominators"):
        bootstrap_ratio([1.0], [1.0, 2.0])
    with pytest.raises(InputError, match="confidence"):
        wilson(1, 2, confidence=95)
