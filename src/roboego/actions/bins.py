"""Robot commands as tokens: each dimension of an action in bins that are finer for slow motion."""
# D dimensions

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from roboego.errors import InputError, ShapeError

Action = NDArray[np.float64]
Bins = NDArray[np.int16]


@dataclass(frozen=True, kw_only=True)
class ActionBins:
    """Actions [D] in [-1, 1] <-> bins [D].

    Attributes:
        dims: D.
        bins: of each dimension; an odd number, so that the middle one is rest.
        curve: bins stand at the `curve`th powers of even steps; 1 spaces them evenly.
    Raises:
        InputError: the numbers are not possible.
    """

    dims: int = 4
    bins: int = 31
    curve: float = 1.7

    def __post_init__(self) -> None:
        if self.dims < 1 or self.bins < 3 or self.bins % 2 == 0 or self.curve < 1:
            raise InputError(f"actions need dimensions, an odd number of bins from 3 on and a curve of at least 1, not {self}")

    @property
    def values(self) -> Action:
        """What each bin means [bins], from -1 to 1."""
        steps = np.linspace(-1, 1, self.bins)
        return np.sign(steps) * np.abs(steps) ** self.curve

    @property
    def rest(self) -> Bins:
        """[D] bins of an arm that keeps still."""
        return np.full(self.dims, self.bins // 2, np.int16)

    def encode(self, action: ArrayLike) -> Bins:
        """The nearest bins; what lies outside [-1, 1] counts as its end.

        Raises:
            ShapeError: it has not D dimensions.
            InputError: it is not finite.
        """
        wanted = np.asarray(action, np.float64)
        if wanted.shape[-1:] != (self.dims,):
            raise ShapeError(f"an action has {self.dims} dimensions, not shape {wanted.shape}")
        if not np.isfinite(wanted).all():
            raise InputError(f"an action must be finite, not {wanted}")
        found: Bins = np.abs(np.clip(wanted, -1, 1)[..., None] - self.values).argmin(-1).astype(np.int16)
        return found

    def decode(self, bins: ArrayLike) -> Action:
        """What bins [..., D] mean.

        Raises:
            InputError: a bin does not exist.
        """
        given = np.asarray(bins, np.int64)
        if given.shape[-1:] != (self.dims,):
            raise ShapeError(f"an action has {self.dims} bins, not shape {given.shape}")
        if given.min() < 0 or given.max() >= self.bins:
            raise InputError(f"bins go from 0 to {self.bins - 1}, not {given.min()} to {given.max()}")
        out: Action = self.values[given]
        return out
