"""The user's turns, as clients of a turn-taking protocol want to see them. The model does not: it hears all the time."""

from dataclasses import dataclass

import numpy as np

from roboego.data.voices.base import Sound
from roboego.timebase import FRAME_MS


@dataclass(frozen=True, kw_only=True)
class Detection:
    """When voice begins a turn, and when silence ends it.

    Attributes:
        level_db: of a frame that counts as voice, in dB of full scale (root mean square).
        start_frames, stop_frames: voiced frames in a row that begin a turn, and silent ones that end it.
    """

    level_db: float = -40.0
    start_frames: int = 2
    stop_frames: int = 6


@dataclass(frozen=True)
class Started:
    """The user began to speak so many milliseconds into the session."""

    at_ms: int


@dataclass(frozen=True)
class Stopped:
    """The user's voice ended so many milliseconds into the session; the turn, of which that was the end, is over."""

    at_ms: int


class TurnDetector:
    """Levels, frame by frame."""

    def __init__(self, detection: Detection | None = None) -> None:
        self.detection = detection or Detection()
        self.speaking = False
        self._frame = self._run = 0

    def step(self, sound: Sound) -> Started | Stopped | None:
        """What a frame of sound [1920] begins or ends."""
        self._frame += 1
        voiced = float(np.sqrt(np.mean(np.square(sound)))) > 10 ** (self.detection.level_db / 20)
        self._run = self._run + 1 if voiced != self.speaking else 0
        if self._run < (self.detection.stop_frames if self.speaking else self.detection.start_frames):
            return None
        at_ms = round((self._frame - self._run) * FRAME_MS)
        self.speaking, self._run = not self.speaking, 0
        return Started(at_ms) if self.speaking else Stopped(at_ms)
