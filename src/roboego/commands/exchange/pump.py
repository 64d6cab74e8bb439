"""Between a sound card, which asks for sound in a thread of its own, and a session, which makes a step whenever a frame has come."""
# N samples

import threading
from collections import deque

import numpy as np
from numpy.typing import NDArray

from roboego.runtime.frame import Sound, StepIn
from roboego.runtime.sound_queue import SoundQueue
from roboego.timebase import FRAME_SAMPLES

WAITING_FRAMES = 25
"""Frames that may wait to be heard; of more, the oldest are lost and counted."""
CUSHION_SAMPLES = FRAME_SAMPLES // 2
"""Silence before speech that follows a gap, so that the steps after it may be late by so much (40 ms)."""
AHEAD_FRAMES = 3
"""With more than so many frames waiting to be played, silent ones are left out: an engine that has caught up speaks late no longer."""
PATIENCE_S = 5.0
"""A microphone that gives nothing for so long is gone."""


class Speaker:
    """Sound on its way to a loudspeaker. Frames in, blocks of any length out; where nothing has come, silence.

    Attributes:
        gaps: how often there was nothing to play.
        lost: frames that came while too many waited.
    """

    def __init__(self) -> None:
        self.gaps = self.lost = 0
        self._blocks: deque[Sound] = deque()
        self._samples = 0
        self._playing = False
        self._lock = threading.Lock()

    def push(self, speech: Sound, *, silent: bool) -> None:
        """Adds a frame [1920]."""
        with self._lock:
            if silent and self._samples > AHEAD_FRAMES * FRAME_SAMPLES:
                return
            if not self._playing:
                self._playing = True
                self._add(np.zeros(CUSHION_SAMPLES, np.float32))
            self._add(speech)
            while self._samples > WAITING_FRAMES * FRAME_SAMPLES:
                self._samples -= len(self._blocks.popleft())
                self.lost += 1

    def take(self, samples: int) -> Sound:
        """The next [N] samples."""
        out = np.zeros(samples, np.float32)
        with self._lock:
            filled = 0
            while filled < samples and self._blocks:
                block = self._blocks.popleft()
                part = block[: samples - filled]
                out[filled : filled + len(part)] = part
                filled += len(part)
                if len(part) < len(block):
                    self._blocks.appendleft(block[len(part) :])
            self._samples -= filled
            if self._playing and filled < samples:
                self.gaps, self._playing = self.gaps + 1, False
        return out

    def _add(self, block: Sound) -> None:
        self._blocks.append(block)
        self._samples += len(block)


class Pump:
    """What a sound card calls back, and where a session gets its sound from: the card's clock is the session's.

    Attributes:
        heard: sound of the microphone. speaker: sound for the loudspeaker.
        overflows: how often the card itself lost sound.
    """

    def __init__(self) -> None:
        self.heard, self.speaker = SoundQueue(WAITING_FRAMES), Speaker()
        self.overflows = 0
        self._changed = threading.Condition()
        self._ended = False

    def callback(self, sound_in: NDArray[np.float32], sound_out: NDArray[np.float32], samples: int, time: object, status: object) -> None:
        """In the card's thread: takes sound [N, 1] in and gives sound [N, 1] out. See sounddevice.Stream."""
        self.heard.push(np.nan_to_num(sound_in[:, 0]))
        sound_out[:, 0] = self.speaker.take(samples)
        self.overflows += bool(status)
        with self._changed:
            self._changed.notify()

    def ended(self) -> None:
        """The card gives no more sound."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def next(self) -> StepIn | None:
        """Waits for the next frame of sound; None when no more comes."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or len(self.heard) > 0, PATIENCE_S)
        return self.heard.take() if len(self.heard) else None
