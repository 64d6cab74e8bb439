"""Who talks with Ego: one recording and then silence, or somebody who waits for replies and comes in on them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
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

    def look(self) -> Path | None:
        """A picture that is shown with this frame, and until the next one."""

    def hear(self, frame: Frame) -> None:
        """What Ego did meanwhile."""


@dataclass
class Recording:
    """A sound as frames [1920], and silence after it until Ego has been silent for `quiet_s`, for `longest_s` at most.

    Attributes:
        picture: what is shown from the start on.
    """

    sound: Iterable[Sound]
    picture: Path | None = None
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

    def look(self) -> Path | None:
        shown, self.picture = self.picture, None
        return shown

    def hear(self, frame: Frame) -> None:
        if self._after:
            self._quiet = self._quiet + 1 if frame.is_silent and not frame.text else 0


@dataclass
class Visitor:
    """A simulated user, whose patience ends after `longest_s`: a model that never falls silent would keep them for ever.

    Attributes:
        pictures: what is shown when a turn begins, by the turn's place.
    """

    inner: SimulatedUser
    longest_s: float
    pictures: Mapping[int, Path] = field(default_factory=dict)
    _frames: int = 0
    _turns: int = 0

    @property
    def done(self) -> bool:
        return self.inner.done or self._frames >= seconds_to_frames_up(self.longest_s)

    def speak(self) -> Sound:
        self._frames += 1
        return self.inner.speak()

    def look(self) -> Path | None:
        before, self._turns = self._turns, len(self.inner.went)
        return self.pictures.get(self._turns - 1) if self._turns > before else None

    def hear(self, frame: Frame) -> None:
        self.inner.hear(frame.speech)
