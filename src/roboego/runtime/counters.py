"""What an engine counts: steps, late ones, lost sound, pictures, and how long the last steps took."""

from dataclasses import dataclass

import numpy as np

from roboego.runtime.frame import Frame, NotSeen
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
        not_seen: frames that told of a picture which could not be encoded.
        context_pictures: pictures whose tokens all went into a context; `context_lag_frames`: by how many steps they lagged, all together.
        context_ms: what steps took longer for them, all together; on a GPU, what handing it over took.
        fallbacks: how often a session with sight "auto" was unsure and asked for the latest picture.
        p50_ms, p99_ms: of the last `KEPT_STEPS` steps; 0 before the first.
    """

    steps: int
    late_steps: int
    overruns: int
    failures: int
    not_seen: int
    context_pictures: int
    context_lag_frames: int
    context_ms: float
    fallbacks: int
    p50_ms: float
    p99_ms: float


class Counters:
    """Counts without growing."""

    def __init__(self) -> None:
        self.steps = self.late_steps = self.overruns = self.failures = 0
        self.not_seen = self.context_pictures = self.context_lag_frames = self.fallbacks = 0
        self.context_ms = 0.0
        self._ms = np.zeros(KEPT_STEPS, np.float32)

    def add_step(self, ms: float) -> None:
        self._ms[self.steps % KEPT_STEPS] = ms
        self.steps += 1
        self.late_steps += ms > FRAME_MS

    def add_frame(self, frame: Frame) -> None:
        """What a session's frame tells of its pictures."""
        self.not_seen += any(isinstance(event, NotSeen) for event in frame.events)
        self.fallbacks += frame.fell_back
        if frame.context_lag is not None:
            self.context_pictures += 1
            self.context_lag_frames += frame.context_lag

    def snapshot(self) -> Counts:
        known = self._ms[: min(self.steps, KEPT_STEPS)]
        p50, p99 = np.percentile(known, [50, 99]) if len(known) else (0.0, 0.0)
        return Counts(
            steps=self.steps,
            late_steps=self.late_steps,
            overruns=self.overruns,
            failures=self.failures,
            not_seen=self.not_seen,
            context_pictures=self.context_pictures,
            context_lag_frames=self.context_lag_frames,
            context_ms=self.context_ms,
            fallbacks=self.fallbacks,
            p50_ms=float(p50),
            p99_ms=float(p99),
        )
