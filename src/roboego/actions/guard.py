"""What stands between a model and a robot: limits, a hold when commands are late or broken, an emergency stop that stays."""
# D dimensions

import threading
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from roboego.actions.bins import Action
from roboego.errors import InputError
from roboego.timebase import FRAME_NS

Reason = Literal["", "late", "broken", "stopped"]
"""Why the robot is held; "" if it is not."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a robot is allowed.

    Attributes:
        most: of each dimension, from 0 to 1.
        change: how much each dimension may change from one command to the next; holding and stopping are never delayed by it.
        patience_ns: after so long without a command the robot is held.
    """

    most: float = 1.0
    change: float = 1.0
    patience_ns: int = 2 * FRAME_NS

    def __post_init__(self) -> None:
        if not 0 < self.most <= 1 or not 0 < self.change <= 2 or self.patience_ns < FRAME_NS:
            raise InputError(f"limits go up to 1, changes up to 2, and patience is at least a frame of {FRAME_NS} ns, not {self}")


@dataclass(kw_only=True)
class GuardCounts:
    """Commands: all that came, those cut to the limits, those that were broken; and how often the robot was held for their lateness."""

    commands: int = 0
    limited: int = 0
    broken: int = 0
    late: int = 0


class Guard:
    """Turns what a model wants into what a robot may do. Threads may share it.

    Args:
        rest: [D] the command of a robot that keeps still: a hold.
    """

    def __init__(self, rest: ArrayLike, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.counts = GuardCounts()
        self._rest: Action = np.array(rest, np.float64)
        self._last = self._rest
        self._given_ns: int | None = None
        self._why: Reason = ""
        self._stopped = False
        self._lock = threading.Lock()

    def command(self, action: ArrayLike, now_ns: int) -> None:
        """What is to be done from now on, for as long as `patience_ns`. What is not finite, or of another shape, is a hold and counted."""
        wanted = np.asarray(action, np.float64)
        with self._lock:
            self.counts.commands += 1
            self._given_ns = now_ns
            if wanted.shape != self._rest.shape or not np.isfinite(wanted).all():
                self.counts.broken += 1
                self._last, self._why = self._rest, "broken"
                return
            most = np.clip(wanted, -self.limits.most, self.limits.most)
            allowed = np.clip(most, self._last - self.limits.change, self._last + self.limits.change)
            self.counts.limited += bool(np.any(allowed != wanted))
            self._last, self._why = allowed, ""

    def beat(self, now_ns: int) -> tuple[Action, Reason]:
        """What the robot is to do now [D], and why it is held if it is: asked at each of its own ticks."""
        with self._lock:
            if self._stopped:
                return self._rest.copy(), "stopped"
            if self._given_ns is None or now_ns - self._given_ns > self.limits.patience_ns:
                self.counts.late += self._why != "late"
                self._last, self._why = self._rest, "late"
            return self._last.copy(), self._why

    def stop(self) -> None:
        """Emergency stop: the robot is held until `release`."""
        with self._lock:
            self._stopped, self._last = True, self._rest

    def release(self) -> None:
        """Ends an emergency stop. The robot is held until the next command."""
        with self._lock:
            self._stopped, self._given_ns, self._why = False, None, ""
