"""What is measured while sessions run, as histograms: steps, their lateness, how soon Ego answers, how evenly sound comes, how late
pictures get into contexts."""

import math
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Histogram

from roboego.runtime.frame import Frame
from roboego.timebase import FRAME_S, frames_to_seconds

STEP_S = (0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.12, 0.16, 0.32)
LATE_S = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.08, 0.16, 0.5, 2.0)
JITTER_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 1.0)
RESPONSE_S = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0, 3.0)
LAG_S = tuple(n * FRAME_S for n in (0, 1, 2, 4, 8, 12, 16, 24, 32, 64))
LONGEST_RESPONSE_S = 3.0
"""What begins later than that after the user's voice is no answer to it."""


class Meters:
    """Histograms of one server. Any thread may add to them.

    Attributes:
        step: of each tick of the engine.
        late: by how much ticks begin after their time.
        jitter: by how much more or less than 80 ms lie between two frames of a session's sound.
        response: from the coming of the frame with the user's last voice to the end of the step with Ego's first.
        context_lag: from a picture's being asked into a session's context to the step that has all of it there.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.step = self._made("roboego_step_seconds", "Batched steps, all sessions together.", STEP_S)
        self.late = self._made("roboego_tick_lateness_seconds", "Ticks after their time.", LATE_S)
        self.jitter = self._made("roboego_sound_jitter_seconds", "Sound not 80 ms after the frame before it.", JITTER_S)
        self.response = self._made("roboego_response_seconds", "From the end of the user's voice to the beginning of Ego's.", RESPONSE_S)
        self.context_lag = self._made("roboego_context_lag_seconds", "Until a picture is whole in a session's context.", LAG_S)

    def _made(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, text, buckets=buckets, registry=self.registry)


@dataclass
class SessionMeter:
    """Follows one session, frame by frame, in the engine's thread."""

    meters: Meters
    _user_came: float = math.nan
    _speaking: bool = False
    _came: float = field(default=math.nan)

    def step(self, frame: Frame, *, voiced: bool, came: float, done: float) -> None:
        """One step.

        Args:
            voiced: whether there was a voice in what was heard.
            came, done: when that had come and when the step was over, in seconds of the monotonic clock.
        """
        if not math.isnan(self._came):
            self.meters.jitter.observe(abs(came - self._came - FRAME_S))
        self._came = came
        if frame.context_lag is not None:
            self.meters.context_lag.observe(frames_to_seconds(frame.context_lag))
        if voiced:
            self._user_came = came
        speaks = not frame.is_silent
        if speaks and not self._speaking and done - self._user_came < LONGEST_RESPONSE_S:
            self.meters.response.observe(done - self._user_came)
            self._user_came = math.nan
        self._speaking = speaks
