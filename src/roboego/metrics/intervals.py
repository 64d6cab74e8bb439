"""How sure a measured figure is: Wilson's interval for rates, the bootstrap for means, medians and ratios of sums."""
# N observations, R resamples

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from roboego.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """The range [low, high] that holds the true figure with probability `confidence`."""

    low: float
    high: float
    confidence: float = 0.95

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def wilson(successes: int, trials: int, *, confidence: float = 0.95) -> Interval:
    """Interval for a rate seen as `successes` out of `trials` (Wilson 1927): sound for few trials and for rates near 0 and 1.

    Raises:
        InputError: no trials, or more successes than trials.
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise InputError(f"{successes} successes out of {trials} trials is no rate; count at least one trial")
    z = NormalDist().inv_cdf(0.5 + _checked(confidence) / 2)
    rate, shrink = successes / trials, 1 + z * z / trials
    middle = (rate + z * z / (2 * trials)) / shrink
    half = z * float(np.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))) / shrink
    return Interval(
        low=0.0 if successes == 0 else middle - half,
        high=1.0 if successes == trials else middle + half,
        confidence=confidence,
    )


def bootstrap_mean(values: Sequence[float], *, confidence: float = 0.95, resamples: int = 2_000, seed: int = 0) -> Interval:
    """Interval for the mean of `values`, in their unit. Raises as `bootstrap_median`."""
    return _bootstrap(values, lambda drawn_RNF: drawn_RNF[..., 0].mean(axis=1), confidence, resamples, seed)


def bootstrap_median(values: Sequence[float], *, confidence: float = 0.95, resamples: int = 2_000, seed: int = 0) -> Interval:
    """Interval for the median of `values`, in their unit. A reply that never came may be counted as infinite.

    Raises:
        InputError: no values, or one of them is NaN.
    """
    return _bootstrap(values, lambda drawn_RNF: _median(drawn_RNF[..., 0]), confidence, resamples, seed)


def bootstrap_ratio(
    numerators: Sequence[float], denominators: Sequence[float], *, confidence: float = 0.95, resamples: int = 2_000, seed: int = 0
) -> Interval:
    """Interval for sum(numerators) / sum(denominators), pairs being drawn together: a word error rate over sentences.

    Raises:
        InputError: no values, NaN, unequal lengths, or a denominator that is not positive.
    """
    if len(numerators) != len(denominators) or not all(d > 0 for d in denominators):
        raise InputError("a ratio needs as many denominators as numerators, all of them positive")
    pairs = list(zip(numerators, denominators, strict=True))
    return _bootstrap(pairs, lambda drawn_RNF: drawn_RNF[..., 0].sum(axis=1) / drawn_RNF[..., 1].sum(axis=1), confidence, resamples, seed)


def _bootstrap(
    values: Sequence[float] | Sequence[tuple[float, ...]],
    statistic: Callable[[Floats], Floats],
    confidence: float,
    resamples: int,
    seed: int,
) -> Interval:
    """Percentile bootstrap. `statistic` maps R resamples of N observations of F numbers, [R, N, F], to [R]."""
    if len(values) == 0 or np.isnan(values).any():
        raise InputError("an interval needs at least one value and no NaN; leave out what could not be measured")
    values_NF = np.asarray(values, np.float64).reshape(len(values), -1)
    rng = np.random.default_rng(seed)
    block = max(1, 1_000_000 // values_NF.size)  # resamples held in memory at once
    sizes = [min(block, resamples - start) for start in range(0, resamples, block)]
    figures = np.concatenate([statistic(values_NF[rng.integers(len(values_NF), size=(size, len(values_NF)))]) for size in sizes])
    tail = (1 - _checked(confidence)) / 2
    # A quantile that is one of the figures, never a mean of two: some may be infinite.
    low, high = np.quantile(figures, [tail, 1 - tail], method="inverted_cdf")
    return Interval(low=float(low), high=float(high), confidence=confidence)


def _median(values_RN: Floats) -> Floats:
    """As np.median over the last axis, but infinite values make no NaN."""
    ordered = np.sort(values_RN, axis=1)
    n = ordered.shape[1]
    low, high = ordered[:, (n - 1) // 2], ordered[:, n // 2]
    return np.where(low == high, low, low / 2 + high / 2)


def _checked(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise InputError(f"a confidence of {confidence} lies outside 0..1; give 0.95 for 95%")
    return confidence
