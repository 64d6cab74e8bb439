"""What a robot has to offer to be moved: the simulated one does, a recording that plays again does, and a real one can."""
# D dimensions, Q joints or other readings of the robot's own state, S pads

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from roboego.actions.bins import Action
from roboego.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Sensed:
    """What a robot feels.

    Attributes:
        body: [Q] where it is and what its motors bear; the robot says what each is.
        touch: [S] force on each pad, newtons.
    """

    body: NDArray[np.float64]
    touch: NDArray[np.float64]


class Robot(Protocol):
    """A robot that is told what to do every 80 ms."""

    @property
    def dims(self) -> int:
        """D: how many numbers a command has."""

    def move(self, action: Action) -> None:
        """Does this for 80 ms: velocities [D], each in [-1, 1] of the greatest; all zeros hold it where it is."""

    def sense(self) -> Sensed:
        """What it feels now."""


class ReplayRobot:
    """Feels what was recorded, whatever it is told, and remembers that: for tests of what drives a robot, without one.

    Args:
        recorded: what it feels after each command; the last one from then on.
    Raises:
        InputError: nothing was recorded.
    """

    def __init__(self, recorded: Sequence[Sensed], dims: int = 4) -> None:
        if not recorded:
            raise InputError("a recording to replay needs at least one reading")
        self.told: list[Action] = []
        self._recorded, self._dims = tuple(recorded), dims

    @property
    def dims(self) -> int:
        return self._dims

    def move(self, action: Action) -> None:
        self.told.append(np.array(action, np.float64))

    def sense(self) -> Sensed:
        return self._recorded[min(len(self.told), len(self._recorded) - 1)]
