"""A simulated user: speaks its turns one after another, waiting for Ego to finish unless it is to come in while Ego speaks."""
# Time: the user's frame t is heard during [t, t + 1) * 80 ms; what Ego answers to it is played during [t + 1, t + 2) * 80 ms.

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from roboego.data.voices.base import Sound
from roboego.metrics.turns import DEFAULT_ACTIVITY
from roboego.timebase import FRAME_SAMPLES, samples_to_seconds, seconds_to_samples


class User(Protocol):
    """Who talks with Ego, frame by frame, until `done`."""

    @property
    def done(self) -> bool: ...

    def speak(self) -> Sound:
        """The next frame [1920]."""

    def hear(self, speech: Sound) -> None:
        """What Ego plays while the next frame is captured."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long the user waits, in seconds.

    Attributes:
        first: before its first turn.
        gap: from the end of Ego's reply to the next turn.
        quiet: of Ego's silence after which its reply counts as ended.
        no_answer: without any reply before going on.
    """

    first: float = 1.0
    gap: float = 0.5
    quiet: float = 0.8
    no_answer: float = 4.0


@dataclass(frozen=True, kw_only=True)
class Leak:
    """How Ego's own voice comes back into the microphone: its level beside what is played, and how much later."""

    level_db: float = -15.0
    delay_s: float = 0.12


@dataclass
class SpokenTurn:
    """A turn as it went: samples on the user's clock."""

    start: int
    end: int


@dataclass
class SimulatedUser:
    """Gives one frame of sound at a time and listens to Ego's.

    Attributes:
        turns: what it says, trimmed of silence.
        heard_as: the same as the microphone has it, each as long as its turn; empty: as it is said.
        background: what the microphone hears beside it, over and over; None: nothing.
        meanwhile: which turns are said while Ego speaks, by their place, and how many seconds after it began to.
        leak: Ego's voice in the user's microphone; None: headphones.
        went: the turns said so far.
    """

    turns: Sequence[Sound]
    heard_as: Sequence[Sound] = ()
    background: Sound | None = None
    patience: Patience = field(default_factory=Patience)
    meanwhile: Mapping[int, float] = field(default_factory=dict)
    leak: Leak | None = None
    went: list[SpokenTurn] = field(default_factory=list)
    clock: int = 0
    done: bool = False
    _next: int = -1
    _first_voiced: int = -1
    _last_voiced: int = -1
    _played: list[Sound] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._next = seconds_to_samples(self.patience.first)

    def hear(self, speech: Sound) -> None:
        """What Ego plays while the user's next frame is captured."""
        if self.leak is not None:
            self._played.append(speech)
        if np.sqrt(np.mean(speech**2)) > 10 ** (DEFAULT_ACTIVITY.absolute_db / 20):
            self._last_voiced = self.clock + FRAME_SAMPLES
            if self.went and self._first_voiced < self.went[-1].end <= self.clock:
                self._first_voiced = self.clock

    def speak(self) -> Sound:
        """The user's next frame [1920]."""
        start, stop = self.clock, self.clock + FRAME_SAMPLES
        frame, sounds = self._around(start), self.heard_as or self.turns
        for i, turn in enumerate(self.went):
            piece = sounds[i][max(start - turn.start, 0) : max(stop - turn.start, 0)]
            at = max(turn.start - start, 0)
            frame[at : at + len(piece)] += piece
        if len(self.went) == len(self.turns):
            self.done = self._over()
        elif self._may_begin() and self._next < stop:
            begin = max(self._next, start)
            sound = sounds[len(self.went)]
            self.went.append(SpokenTurn(start=begin, end=begin + len(sound)))
            frame[begin - start :] += sound[: stop - begin]
            self._next = -1
        self.clock = stop
        return frame if self.leak is None else frame + self._leaked(start)

    def come_in(self) -> None:
        """Says the next turn with the next frame, whatever Ego does."""
        self._next = self.clock

    def _around(self, start: int) -> Sound:
        """What is heard beside the user from this sample on [1920]."""
        if self.background is None:
            return np.zeros(FRAME_SAMPLES, np.float32)
        return self.background[np.arange(start, start + FRAME_SAMPLES) % len(self.background)]

    def _may_begin(self) -> bool:
        if self._next >= 0:
            return True
        after = self.meanwhile.get(len(self.went))
        if after is not None and self._first_voiced >= self.went[-1].end:
            self._next = self._first_voiced + seconds_to_samples(after)
        elif self._over():
            self._next = self.clock + seconds_to_samples(self.patience.gap)
        return self._next >= 0

    def _over(self) -> bool:
        """Whether the exchange about the last turn has ended: Ego has answered and fallen silent, or has not answered for long."""
        end = self.went[-1].end
        if self.clock < end:
            return False
        if self._last_voiced > end:
            return samples_to_seconds(self.clock - self._last_voiced) >= self.patience.quiet
        return samples_to_seconds(self.clock - end) >= self.patience.no_answer

    def _leaked(self, start: int) -> Sound:
        """What is heard of Ego from this sample on: one frame of what it has played, which stands a frame later on the user's clock."""
        assert self.leak is not None
        heard = np.zeros(FRAME_SAMPLES, np.float32)
        begin = start - seconds_to_samples(self.leak.delay_s)
        for t in (begin // FRAME_SAMPLES, begin // FRAME_SAMPLES + 1):
            if 1 <= t <= len(self._played):
                at = t * FRAME_SAMPLES - begin
                piece = self._played[t - 1][max(-at, 0) : FRAME_SAMPLES - max(at, 0)]
                heard[max(at, 0) : max(at, 0) + len(piece)] += piece
        return heard * np.float32(10 ** (self.leak.level_db / 20))
