"""What Ego says on its way to a track: frames of 80 ms come when the engine has made them, blocks of 20 ms go out by the clock."""
# N samples, T blocks

import asyncio
from collections import deque
from fractions import Fraction

import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame
from numpy.typing import NDArray

from roboego.runtime.frame import Frame
from roboego.sound.pcm import to_pcm16
from roboego.timebase import FRAME_SAMPLES, SAMPLE_RATE

BLOCK = 480
"""Samples of a block: the 20 ms of an Opus packet."""
BLOCK_S = BLOCK / SAMPLE_RATE
LATE_S = 0.2
"""A track that is asked so late for a block has stood still: it goes on from there, and does not hurry after the clock."""
_NOTHING = np.zeros(BLOCK, np.int16)


class Playout:
    """A jitter buffer. Its policy ("silence gives way"):

    Late sound: silence is played while there is none. What comes then is played `ahead` blocks later, so that the next frame may be
    that late too. Early sound, such as the engine makes when it catches up: while more than `early` blocks wait, frames in which
    nothing is to be heard are left out, so that pauses become shorter and no word is lost. Beyond `most` blocks the oldest go, counted.

    Attributes:
        shortened: silent frames that were left out.
        lost: blocks that were.
    """

    def __init__(self, *, ahead: int = 2, early: int = 6, most: int = 200) -> None:
        self.ahead, self.early, self.most = ahead, early, most
        self.shortened = self.lost = 0
        self._blocks: deque[NDArray[np.int16]] = deque()

    def __len__(self) -> int:
        """Blocks that wait."""
        return len(self._blocks)

    def put(self, frame: Frame) -> int:
        """Adds a frame's speech. How many blocks were lost by that."""
        if len(frame.speech) != FRAME_SAMPLES:  # a model without a codec says nothing
            return 0
        if len(self) > self.early and frame.is_silent:
            self.shortened += 1
            return 0
        if not self._blocks:
            self._blocks.extend([_NOTHING] * self.ahead)
        self._blocks.extend(to_pcm16(frame.speech).reshape(-1, BLOCK))
        lost = max(0, len(self) - self.most)
        for _ in range(lost):
            self._blocks.popleft()
        self.lost += lost
        return lost

    def take(self) -> NDArray[np.int16]:
        """The next block [480]; silence if there is none."""
        return self._blocks.popleft() if self._blocks else _NOTHING


class Voice(MediaStreamTrack):
    """The track that plays it: a block every 20 ms, from `begun` on for ever."""

    kind = "audio"

    def __init__(self, playout: Playout, begun: asyncio.Event) -> None:
        super().__init__()
        self.playout, self.begun = playout, begun
        self._began: float | None = None
        self._played = 0

    async def recv(self) -> AudioFrame:
        """The next block, when it is due.

        Raises:
            MediaStreamError: the track has been stopped.
        """
        if self.readyState != "live":
            raise MediaStreamError
        await self.begun.wait()
        now = asyncio.get_running_loop().time()
        if self._began is None:
            self._began = now
        late = now - (self._began + self._played * BLOCK_S)
        if late > LATE_S:
            self._began += late
        elif late < 0:
            await asyncio.sleep(-late)
        # Two channels, as Opus has in WebRTC: made of one they would be 3 dB softer.
        frame = AudioFrame.from_ndarray(self.playout.take().repeat(2)[None], format="s16", layout="stereo")
        frame.sample_rate, frame.time_base, frame.pts = SAMPLE_RATE, Fraction(1, SAMPLE_RATE), self._played * BLOCK
        self._played += 1
        return frame
