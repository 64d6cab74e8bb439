"""What happened in a session, frame by frame."""
# T frames, N samples, K codebooks, D action dimensions, M blocks of 10 ms

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from roboego.runtime.frame import Frame, Overrun, ReplyStarted
from roboego.runtime.replies import Reply
from roboego.sound.writing import WavWriter
from roboego.timebase import FRAME_MS, FRAME_SAMPLES, frames_to_seconds, samples_to_seconds

BLOCKS_PER_FRAME = 8
BLOCK_S = samples_to_seconds(FRAME_SAMPLES // BLOCKS_PER_FRAME)
"""Seconds over which levels are measured: 10 ms."""
BLOCKS_PER_SECOND = round(1 / BLOCK_S)
DRAWN_FRAMES = 1_440
"""Frames that a timeline draws at most: 115 s. Of later ones nothing is kept that is only drawn."""

Sound = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """A token at a frame.

    Attributes:
        text: how it reads on from what came before; the name of a special token.
        piece: it is part of the words of a reply, or of a text that was read.
    """

    frame: int
    id: int
    text: str
    piece: bool


@dataclass(frozen=True, kw_only=True)
class Look:
    """A picture given at a frame."""

    frame: int
    path: Path


@dataclass(kw_only=True)
class Record:
    """What happens, for the transcript and the picture.

    Step t hears frame t of the input once it is complete, so what it puts out begins at (t + 1) * 80 ms.

    A frame takes 72 bytes, and 2 more for each action dimension: 3.2 MB an hour. A token that is written, heard or made audible takes about
    200 more: an hour of talking without a pause, some 10 MB. Nothing else grows. To write an hour's transcript takes 20 MB for a moment.

    Attributes:
        replies: what Ego wrote, and when it was heard; the engine's own account, all of them.
        text: tokens written; frames without one are waits.
        heard: tokens of what Ego heard.
        read: tokens read; looks: pictures given.
        spoken: [T] `spoken_upto`.
        codes: codes [K] of Ego's speech in the first `DRAWN_FRAMES` frames.
        bins: [T * D] action bins of all frames, one frame's after the other's; `action_dims` is D, 0 if the model does not act.
        step_ms: [T] milliseconds that each step took; `late_steps` of them took longer than a frame.
        user_rms, ego_rms: [M] root mean squares of 10 ms blocks; Ego's begin one frame late.
        overruns: frames of sound that were lost.
    """

    model: str
    replies: list[Reply] = field(default_factory=list)
    text: list[Token] = field(default_factory=list)
    heard: list[Token] = field(default_factory=list)
    read: list[Token] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    spoken: "array[int]" = field(default_factory=lambda: array("i"))
    codes: list[NDArray[np.int16]] = field(default_factory=list)
    bins: "array[int]" = field(default_factory=lambda: array("h"))
    action_dims: int = 0
    step_ms: "array[float]" = field(default_factory=lambda: array("f"))
    late_steps: int = 0
    user_rms: "array[float]" = field(default_factory=lambda: array("f"))
    ego_rms: "array[float]" = field(default_factory=lambda: array("f"))
    overruns: int = 0

    @property
    def title(self) -> str:
        """The model's name without the folders that it lies in."""
        return Path(self.model).name or self.model

    @property
    def frames(self) -> int:
        """T."""
        return len(self.spoken)

    @property
    def duration_s(self) -> float:
        """To the end of Ego's last frame."""
        return out_s(self.frames) if self.frames else 0.0

    @property
    def actions(self) -> NDArray[np.int16]:
        """Action bins [T, D] of all frames; [0, 0] if the model does not act."""
        return np.array(self.bins, np.int16).reshape(-1, self.action_dims) if self.action_dims else np.zeros((0, 0), np.int16)

    def step_percentiles(self) -> tuple[float, float]:
        """p50 and p99 of `step_ms`; zeros before the first step."""
        p50, p99 = np.percentile(self.step_ms, [50, 99]) if self.step_ms else (0.0, 0.0)
        return float(p50), float(p99)

    def add(self, user: Sound, frame: Frame, transcript: Sequence[Reply], *, wait: int, special: str) -> None:
        """Takes in one step.

        Args:
            user: [1920] what was heard.
            transcript: the session's; its last reply is the one that an event of this frame began.
            wait: the id that is no token.
            special: name of the token, if it is a special one.
        """
        for event in frame.events:
            if isinstance(event, ReplyStarted):
                self.replies.append(transcript[-1])
            elif isinstance(event, Overrun):
                self.overruns += event.frames
        if frame.token != wait:
            self.text.append(Token(frame=frame.index, id=frame.token, text=frame.text or special, piece=not special))
        if frame.heard:
            self.heard.append(Token(frame=frame.index, id=frame.caption, text=frame.heard, piece=True))
        self.spoken.append(frame.spoken_upto)
        if len(self.codes) < DRAWN_FRAMES:
            self.codes.append(frame.codes.astype(np.int16))
        if frame.action is not None:
            self.bins.extend(frame.action.tolist())
            self.action_dims = len(frame.action)
        self.step_ms.append(frame.step_ms)
        self.late_steps += frame.step_ms > FRAME_MS
        self.user_rms.extend(block_levels(user))
        self.ego_rms.extend(block_levels(frame.speech))


class StereoWriter:
    """The conversation as it is heard: user left, Ego right, whose sound of step t begins one frame after the input's frame t."""

    def __init__(self, path: Path) -> None:
        self._wav = WavWriter(path, channels=2)
        self._ego = np.zeros(FRAME_SAMPLES, np.float32)

    def __enter__(self) -> "StereoWriter":
        self._wav.__enter__()
        return self

    def write(self, user: Sound, ego: Sound) -> None:
        """One step's input and output, [1920] each."""
        self._wav.write(np.stack([user, self._ego], 1))
        self._ego = ego

    def __exit__(self, *failure: object) -> None:
        if failure[0] is None:
            self._wav.write(np.stack([np.zeros_like(self._ego), self._ego], 1))
        self._wav.__exit__(*failure)  # type: ignore[arg-type]


def out_s(frame: int) -> float:
    """When what step `frame` puts out begins."""
    return frames_to_seconds(frame + 1)


def block_levels(pcm: Sound) -> list[float]:
    """Root mean squares of one frame's blocks."""
    return [float(r) for r in np.sqrt(np.mean(np.square(pcm.reshape(BLOCKS_PER_FRAME, -1), dtype=np.float64), axis=1))]
