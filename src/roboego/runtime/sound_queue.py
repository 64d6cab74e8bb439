"""Sound on its way to a session: blocks of any length in, frames of 1920 samples out, nothing lost without being counted."""

import threading
from collections import deque

import numpy as np
from numpy.typing import NDArray

from roboego.errors import InputError
from roboego.runtime.frame import Sound, StepIn
from roboego.timebase import FRAME_SAMPLES


class SoundQueue:
    """Carries sound from one thread to another. Bounded; when it is full the oldest frame goes ("drop oldest"), so that what is heard stays
    recent, and the loss is counted and reported with the next frame.

    Attributes:
        overruns: frames dropped because they came faster than they were taken.
        underruns: times that a frame was asked for before it had come.
    """

    def __init__(self, frames: int = 25) -> None:
        if frames < 1:
            raise InputError(f"a sound queue holds at least one frame, not {frames}")
        self.overruns = self.underruns = 0
        self._frames: deque[Sound] = deque()
        self._most, self._more = frames, 0
        self._part = np.zeros(0, np.float32)
        self._lost = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Whole frames that wait."""
        return len(self._frames)

    def allow(self, frames: int) -> None:
        """Room for so many more, once: what was kept back comes all together. The room goes as frames are taken."""
        with self._lock:
            self._more = frames

    def push(self, pcm: NDArray[np.floating]) -> None:
        """Adds samples [N] in [-1, 1] at 24 kHz, any number of them.

        Raises:
            InputError: they are not floating point samples of one channel, or some are NaN or infinite; none is taken.
        """
        if pcm.ndim != 1 or pcm.dtype.kind != "f" or not np.isfinite(pcm).all():
            raise InputError(f"sound must be finite floating point samples [N] of one channel, not {pcm.dtype} of shape {list(pcm.shape)}")
        with self._lock:
            self._part = np.concatenate([self._part, pcm.astype(np.float32)])
            whole = len(self._part) // FRAME_SAMPLES * FRAME_SAMPLES
            self._frames.extend(self._part[:whole].reshape(-1, FRAME_SAMPLES).copy())
            self._part = self._part[whole:].copy()
            while len(self._frames) > self._most + self._more:
                self._frames.popleft()
                self.overruns += 1
                self._lost += 1

    def take(self) -> StepIn:
        """The next frame; silence if it has not come yet."""
        with self._lock:
            lost, self._lost = self._lost, 0
            self._more = max(self._more - 1, 0)
            if not self._frames:
                self.underruns += 1
                return StepIn(lost_frames=lost)
            return StepIn(listen=self._frames.popleft(), lost_frames=lost)
