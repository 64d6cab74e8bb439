"""What a peer's tracks bring: sound for the ears, the latest picture for the eyes."""
# N samples

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, AudioResampler, VideoFrame
from numpy.typing import NDArray

from roboego.sound.pcm import from_pcm16
from roboego.timebase import FRAME_S, SAMPLE_RATE

OPUS_RATE = 48_000
MOST_MISSING_S = 0.24
"""A longer gap is not filled: by then the session has gone on with silence of its own (`Pace.hold_frames`)."""
MOST_SIDE = 1_280
"""Pixels; larger pictures are scaled down."""


class Ear:
    """Sound of 48 kHz in two channels, as Opus is decoded, becomes 24 kHz in one, block after block without a seam. Lost packets are
    silence in their place.

    Attributes:
        missing: samples at 48 kHz that were filled in.
    """

    def __init__(self) -> None:
        self.missing = 0
        self._resampler = AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        self._due: int | None = None

    def take(self, frame: AudioFrame) -> NDArray[np.float32]:
        """The samples [N] that a block adds: about half of its own; the resampler keeps a few back."""
        frames = [frame]
        if frame.pts is not None:
            gap = 0 if self._due is None else frame.pts - self._due
            if 0 < gap <= MOST_MISSING_S * OPUS_RATE:
                self.missing += gap
                frames.insert(0, _silence(gap))
            self._due = frame.pts + frame.samples
        # By its own count of time the resampler would fill gaps as well, each in its way: so it is told none.
        for one in frames:
            one.pts = None
        parts = [part.to_ndarray()[0] for one in frames for part in self._resampler.resample(one)]
        return from_pcm16(np.concatenate(parts)) if parts else np.zeros(0, np.float32)


def _silence(samples: int) -> AudioFrame:
    frame = AudioFrame.from_ndarray(np.zeros((1, 2 * samples), np.int16), format="s16", layout="stereo")
    frame.sample_rate = OPUS_RATE
    return frame


async def hear(track: MediaStreamTrack, take: Callable[[NDArray[np.float32]], None]) -> None:
    """Hands a track's sound on in blocks [N], until the track ends. A block of 20 ms costs some 30 us: less than a thread for it would."""
    ear = Ear()
    with suppress(MediaStreamError):
        while True:
            frame = await track.recv()
            assert isinstance(frame, AudioFrame)  # no other codec than Opus has been agreed upon
            take(ear.take(frame))


class Camera:
    """A camera's track, of which nothing waits: a picture replaces the one before it."""

    def __init__(self, track: MediaStreamTrack) -> None:
        self._track = track
        self._latest: VideoFrame | None = None

    async def watch(self, see: Callable[[NDArray[Any]], None], begun: asyncio.Event) -> None:
        """Shows one picture [height, width, 3] in 80 ms at most, from `begun` on until the track ends. Colours are converted in another
        thread."""
        taking = asyncio.create_task(self._take())
        loop = asyncio.get_running_loop()
        try:
            await begun.wait()
            while not taking.done():
                frame, self._latest = self._latest, None
                if frame is not None:
                    see(await loop.run_in_executor(None, to_picture, frame))
                await asyncio.sleep(FRAME_S)
        finally:
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)

    async def _take(self) -> None:
        with suppress(MediaStreamError):
            while True:
                frame = await self._track.recv()
                assert isinstance(frame, VideoFrame)
                self._latest = frame


def to_picture(frame: VideoFrame) -> NDArray[Any]:
    """Colours [height, width, 3] of 8 bits, at most 1280 pixels a side."""
    scale = min(1.0, MOST_SIDE / max(frame.width, frame.height))
    width, height = (max(1, round(scale * side)) for side in (frame.width, frame.height))
    return frame.to_ndarray(format="rgb24", width=width, height=height)
