"""What an engine counts: steps, late ones, lost sound, and how long the last steps took."""

from dataclasses import dataclass

import numpy as np

from roboego.timebase import FRAME_MS

KEPT_STEPS = 1_024
"""Steps over which percentiles are taken."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Figures of an engine since it was made.

    Attributes:
        steps: batched steps.
        late_steps: those that took longer than a frame of 80 ms.
        overruns: frames of sound that were lost before they were heard.
        failures: steps of single sessions that failed.
        p50_ms, p99_ms: of the last `KEPT_STEPS` steps; 0 before the first.
    """

    steps: int
    late_steps: int
    overruns: int
    failures: int
    p50_ms: float
    p99_ms: float


class Counters:
    """Counts without growing."""

    def __init__(self) -> None:
        self.steps = self.late_steps = self.overruns = self.failures = 0
        self._ms = np.zeros(KEPT_STEPS, np.float32)

    def add_step(self, ms: float) -> None:
        self._ms[self.steps % KEPT_STEPS] = ms
        self.steps += 1
        self.late_steps += ms > FRAME_MS

    def snapshot(self) -> Counts:
        known = self._ms[: min(self.steps, KEPT_STEPS)]
        p50, p99 = np.percentile(known, [50, 99]) if len(known) else (0.0, 0.0)
        return Counts(
            steps=self.steps,
            late_steps=self.late_steps,
            overruns=self.overruns,
            failures=self.failures,
            p50_ms=float(p50),
            p99_ms=float(p99),
        )
