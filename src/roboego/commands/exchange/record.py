"""What happened in a session, frame by frame."""
# T frames, K codebooks, D action dimensions, M blocks of 10 ms

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roboego.timebase import FRAME_SAMPLES, frames_to_seconds, samples_to_seconds

BLOCKS_PER_FRAME = 8
BLOCK_S = samples_to_seconds(FRAME_SAMPLES // BLOCKS_PER_FRAME)
"""Seconds over which levels are measured: 10 ms."""
BLOCKS_PER_SECOND = round(1 / BLOCK_S)


@dataclass(frozen=True, kw_only=True)
class Token:
    """A token written or read at a frame.

    Attributes:
        text: what it reads as, a word with its leading space, or the name of a special token.
        piece: it is part of a reply's words.
    """

    frame: int
    id: int
    text: str
    piece: bool

    @property
    def time_s(self) -> float:
        return out_s(self.frame)


@dataclass(frozen=True, kw_only=True)
class Look:
    """A picture given at a frame."""

    frame: int
    path: Path


@dataclass(kw_only=True)
class Record:
    """Grows by one entry a frame. Step t hears frame t of the input once it is complete, so what it puts out begins at (t + 1) * 80 ms.

    Attributes:
        text: tokens written, in order; frames without one are waits.
        read: tokens read.
        spoken: [T] how many tokens of the reply had been heard.
        codes: [T] codes [K] of Ego's speech.
        actions: [T] commands [D]; empty without actions.
        step_ms: [T] milliseconds that each step took.
        user_rms, ego_rms: [M] root mean squares of 10 ms blocks; Ego's begin one frame late.
    """

    model: str
    text: list[Token] = field(default_factory=list)
    read: list[Token] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    spoken: list[int] = field(default_factory=list)
    codes: list[NDArray[np.int16]] = field(default_factory=list)
    actions: list[NDArray[np.float32]] = field(default_factory=list)
    step_ms: list[float] = field(default_factory=list)
    user_rms: list[float] = field(default_factory=list)
    ego_rms: list[float] = field(default_factory=list)

    @property
    def frames(self) -> int:
        """T."""
        return len(self.spoken)

    @property
    def duration_s(self) -> float:
        """To the end of Ego's last frame."""
        return out_s(self.frames)


def out_s(frame: int) -> float:
    """When what step `frame` puts out begins."""
    return frames_to_seconds(frame + 1)


def block_levels(pcm: NDArray[np.float32]) -> list[float]:
    """Root mean squares of one frame's blocks."""
    return [float(r) for r in np.sqrt(np.mean(np.square(pcm.reshape(BLOCKS_PER_FRAME, -1), dtype=np.float64), axis=1))]
