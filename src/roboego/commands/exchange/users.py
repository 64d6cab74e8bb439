"""Who talks with Ego: one recording and then silence, or somebody who waits for replies and comes in on them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from roboego.commands.exchange.record import Sound
from roboego.evaluation.simulated_user import SimulatedUser
from roboego.runtime.frame import Frame
from roboego.timebase import FRAME_SAMPLES, seconds_to_frames_up

SILENCE: Sound = np.zeros(FRAME_SAMPLES, np.float32)


class User(Protocol):
    """One side of a conversation, asked in turn for a frame of sound and told what Ego made of it, until `done`."""

    @property
    def done(self) -> bool: ...

    def speak(self) -> Sound:
        """The next frame [1920]."""

    def hear(self, frame: Frame) -> None:
        """What Ego did meanwhile."""


@dataclass
class Recording:
    """A sound as frames [1920], and silence after it until Ego has been silent for `quiet_s`, for `longest_s` at most."""

    sound: Iterable[Sound]
    longest_s: float = 8.0
    quiet_s: float = 2.0
    _frames: Iterator[Sound] = field(init=False)
    _next: Sound | None = field(init=False)
    _after: int = 0
    _quiet: int = 0

    def __post_init__(self) -> None:
        self._frames = iter(self.sound)
        self._next = next(self._frames, None)

    @property
    def done(self) -> bool:
        longest, quiet = seconds_to_frames_up(self.longest_s), seconds_to_frames_up(self.quiet_s)
        return self._next is None and (self._after >= longest or self._quiet >= quiet)

    def speak(self) -> Sound:
        if self._next is None:
            self._after += 1
            return SILENCE
        now, self._next = self._next, next(self._frames, None)
        return now

    def hear(self, frame: Frame) -> None:
        if self._after:
            self._quiet = self._quiet + 1 if frame.is_silent and not frame.text else 0


@dataclass
class Visitor:
    """A simulated user, whose patience ends after `longest_s`: a model that never falls silent would keep them for ever."""

    inner: SimulatedUser
    longest_s: float
    _frames: int = 0

    @property
    def done(self) -> bool:
        return self.inner.done or self._frames >= seconds_to_frames_up(self.longest_s)

    def speak(self) -> Sound:
        self._frames += 1
        return self.inner.speak()

    def hear(self, frame: Frame) -> None:
        self.inner.hear(frame.speech)
