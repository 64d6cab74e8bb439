"""FrameGrid: T frames of tokens, the form in which conversations are stored and learned."""
# T frames, K codebooks, D action dimensions

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from roboego.errors import ShapeError
from roboego.streams.layout import StreamLayout

Tokens = NDArray[np.int32]
Codes = NDArray[np.int16]
Weights = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameGrid:
    """Column t holds what has been heard by the start of step t and what step t puts out.

    Sound heard during [t - 1, t) * 80 ms is column t of `listen`; the sound of column t of `speak` is played during [t, t + 1) * 80 ms.
    Codes are aligned: the layout's delays are applied on the way into a model, not here.

    Attributes:
        text: [T] what Ego writes; the layout's `wait` where it writes nothing.
        speak: [T, K] codes that Ego plays.
        listen: [T, K] codes that Ego hears.
        read: [T] what Ego reads; `wait` where there is nothing.
        spoken: [T] how many tokens of the current reply are audible by the end of the frame (`spoken_upto`). A reply is a run of
            word pieces without a gap; its first token sets the count back to 0.
        act: [T, D] action bins; D = 0 without actions.
        text_weight, speak_weight, spoken_weight, act_weight: [T] weights of the losses; 0 where a stream is given or arbitrary.
    """

    text: Tokens
    speak: Codes
    listen: Codes
    read: Tokens
    spoken: Tokens
    act: Codes
    text_weight: Weights
    speak_weight: Weights
    spoken_weight: Weights
    act_weight: Weights

    def __post_init__(self) -> None:
        frames = len(self.text)
        for field in fields(self):
            array = getattr(self, field.name)
            if len(array) != frames or array.ndim != (2 if field.name in ("speak", "listen", "act") else 1):
                raise ShapeError(f"{field.name} has shape {array.shape} in a grid of {frames} frames")

    def __len__(self) -> int:
        return len(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FrameGrid) and all(np.array_equal(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    def __getitem__(self, frames: slice) -> "FrameGrid":
        """The columns of `frames`."""
        return replace(self, **{f.name: getattr(self, f.name)[frames] for f in fields(self)})


def empty_grid(layout: StreamLayout, frames: int) -> FrameGrid:
    """Frames in which nothing happens: waits, pads, and weights of 0."""
    zeros = np.zeros(frames, np.float32)
    return FrameGrid(
        text=np.full(frames, layout.text.wait, np.int32),
        speak=np.full((frames, layout.speak.codebooks), layout.speak.pad_id, np.int16),
        listen=np.full((frames, layout.listen.codebooks), layout.listen.pad_id, np.int16),
        read=np.full(frames, layout.text.wait, np.int32),
        spoken=np.zeros(frames, np.int32),
        act=np.zeros((frames, layout.action_dims), np.int16),
        text_weight=zeros.copy(),
        speak_weight=zeros.copy(),
        spoken_weight=zeros.copy(),
        act_weight=zeros.copy(),
    )


def concatenate(grids: Sequence[FrameGrid]) -> FrameGrid:
    """Grids one after another."""
    parts: dict[str, Any] = {f.name: np.concatenate([getattr(g, f.name) for g in grids]) for f in fields(FrameGrid)}
    return FrameGrid(**parts)
