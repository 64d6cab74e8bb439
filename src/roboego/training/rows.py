"""Training rows: grids drawn from pools by share, one after another as in a session that goes on, cut at the row's end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from roboego.streams.grid import FrameGrid, concatenate


class Grids(Protocol):
    """A pool of grids: a shard reader, or a list."""

    def __len__(self) -> int: ...

    def __getitem__(self, i: int, /) -> FrameGrid: ...


@dataclass(frozen=True)
class Pool:
    """Grids and the share of a row's frames that they get."""

    grids: Grids
    share: float


class Mixture:
    """Implements `roboego.training.stage.GridSource`.

    Shares are of frames: pools with long grids are drawn less often.
    """

    def __init__(self, pools: Sequence[Pool]) -> None:
        self.pools = [p for p in pools if len(p.grids)]
        probe = [np.mean([len(p.grids[i]) for i in range(0, len(p.grids), max(1, len(p.grids) // 50))]) for p in self.pools]
        odds = np.asarray([p.share for p in self.pools]) / np.asarray(probe)
        self.odds = odds / odds.sum()

    def row(self, rng: np.random.Generator, frames: int) -> FrameGrid:
        parts: list[FrameGrid] = []
        count = 0
        while count < frames:
            pool = self.pools[rng.choice(len(self.pools), p=self.odds)]
            grid = pool.grids[int(rng.integers(len(pool.grids)))]
            parts.append(grid)
            count += len(grid)
        return concatenate(parts)[:frames]
