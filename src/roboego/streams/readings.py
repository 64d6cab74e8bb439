"""What a sense tells over some frames: its readings, and which of them is the latest in each frame."""
# T frames, R readings

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NO_READING = -1


@dataclass(frozen=True, kw_only=True, eq=False)
class Readings:
    """One sense's.

    Attributes:
        values: [R, ...], all of one shape.
        which: [T] the latest in each frame; `NO_READING` where there is none.
        stale: [T] whether it is older than it should be.
    """

    values: NDArray[np.float32]
    which: NDArray[np.int64]
    stale: NDArray[np.bool_]

    def __len__(self) -> int:
        """T."""
        return len(self.which)


Senses = Mapping[str, Readings]
"""Of several senses, by name; all of as many frames."""


def fresh(values: NDArray[np.float32], which: NDArray[np.int64]) -> Readings:
    """Readings none of which is stale."""
    return Readings(values=values, which=which, stale=np.zeros(len(which), np.bool_))


def joined(parts: Sequence[Senses], lengths: Sequence[int], frames: int) -> dict[str, Readings]:
    """One after another, cut off after so many frames.

    Args:
        lengths: of the parts in frames: one that lacks a sense has no readings of it for so long.
    """
    found: dict[str, Readings] = {}
    for name in sorted({name for part in parts for name in part}):
        which, stale, values, first = list[NDArray[np.int64]](), list[NDArray[np.bool_]](), list[NDArray[np.float32]](), 0
        for part, length in zip(parts, lengths, strict=True):
            mine = part.get(name)
            if mine is None:
                which.append(np.full(length, NO_READING, np.int64))
                stale.append(np.zeros(length, np.bool_))
                continue
            which.append(np.where(mine.which == NO_READING, NO_READING, mine.which + first))
            stale.append(mine.stale)
            values.append(mine.values)
            first += len(mine.values)
        found[name] = Readings(values=np.concatenate(values), which=np.concatenate(which)[:frames], stale=np.concatenate(stale)[:frames])
    return found
