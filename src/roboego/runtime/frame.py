"""What a session is given and what it gives back, once every 80 ms."""
# K codebooks, D action dimensions, V width of a picture's vector

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from roboego.errors import RoboEgoError
from roboego.perception.latest import Sight
from roboego.perception.picture import Picture
from roboego.timebase import FRAME_SAMPLES

Sound = NDArray[np.float32]
Codes = NDArray[np.int64]
Text: TypeAlias = str | Sequence[int]
"""Words, or their tokens."""
Look: TypeAlias = Picture | torch.Tensor
"""A picture, or its vector [V] if the caller has encoded it."""


@dataclass(frozen=True)
class ReplyStarted:
    """Ego began to write a reply. `reply` numbers the replies of a session from 0."""

    reply: int


@dataclass(frozen=True)
class ReplyTextDone:
    """Ego has written the whole text of a reply; its speech may go on."""

    reply: int
    tokens: int


@dataclass(frozen=True)
class ReplySpoken:
    """All of a reply is audible."""

    reply: int


@dataclass(frozen=True)
class Cut:
    """A reply was broken off, by `<cut>` or by the next reply: `spoken` of its tokens were audible."""

    reply: int
    spoken: int


@dataclass(frozen=True)
class CallWritten:
    """Ego has written the call of a function, the first of a session being 0; `text` is how it reads (see `roboego.streams.calls`)."""

    call: int
    text: str


@dataclass(frozen=True)
class Overrun:
    """Sound was lost before this frame: so many frames came faster than they were taken."""

    frames: int


@dataclass(frozen=True)
class NotSeen:
    """A picture given in this frame or before could not be encoded; what was seen before it stays in sight. `reason` says why."""

    reason: str


@dataclass(frozen=True)
class NotFelt:
    """A sense that cannot be relied on from this frame on: what was felt before counts as stale. `reason` says why."""

    sense: str
    reason: str


Event: TypeAlias = ReplyStarted | ReplyTextDone | ReplySpoken | Cut | CallWritten | Overrun | NotSeen | NotFelt


@dataclass(frozen=True, kw_only=True, eq=False)
class StepIn:
    """What one session is given for one frame. Everything may be left out.

    Attributes:
        listen: up to 1920 samples in [-1, 1] at 24 kHz, heard since the last step; None is silence. A shorter frame ends the sound.
        codes: [K] the same as codes, for models without a codec.
        look: the latest picture. If it cannot be encoded, this frame or a later one says so with `NotSeen`.
        sense: readings of the model's senses by name, such as `{"touch": [0.2, 0.0]}`: those that are new. When none of a sense come any
            more, or one cannot be used, a frame says so with `NotFelt`.
        read: text to read, a token a frame, after what is still queued.
        say: text to write and say, whatever the model would.
        lost_frames: frames of sound that were dropped before this one; they are counted and reported.
    """

    listen: ArrayLike | torch.Tensor | None = None
    codes: ArrayLike | torch.Tensor | None = None
    look: Look | None = None
    sense: Mapping[str, ArrayLike] | None = None
    read: Text | None = None
    say: Text | None = None
    lost_frames: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """What one step puts out.

    Attributes:
        index: number of the frame, from 0.
        speech: [1920] samples to be played during the next 80 ms; silence until a model with acoustic delays has a complete frame.
            Empty if the model has no codec.
        codes: [K] the codes of `speech`, pads where there are none yet.
        token: what was written; `text` is how it reads on from what came before, "" for waits and for calls, of which `events` tell.
        forced: the token was given to Ego, not chosen by it.
        read: the token that was read; None if there was nothing to read. `read_text` is how it reads on.
        caption: what was heard, as a token; `heard` is how it reads on. Waits from a model without captions.
        action: [D] action bins; None if the model does not act.
        spoken_upto: how many tokens of the current reply are audible by the end of this frame; `spoken_text` is how they read.
        events: what happened in this frame.
        step_ms: how long the step took, for all slots together.
        context_lag: in the first step that had a picture whole in its context, by how many steps that was late; else None.
        fell_back: the model was unsure of this token, so that the latest picture goes into its context; only with sight "auto".
    """

    index: int
    speech: Sound
    codes: Codes
    token: int
    text: str
    caption: int
    heard: str
    action: Codes | None
    spoken_upto: int
    spoken_text: str
    events: tuple[Event, ...] = ()
    step_ms: float = 0.0
    forced: bool = False
    read: int | None = None
    read_text: str = ""
    context_lag: int | None = None
    fell_back: bool = False

    @property
    def is_silent(self) -> bool:
        """Nothing to be heard: all samples are below -50 dBFS."""
        return not len(self.speech) or float(np.abs(self.speech).max()) < SILENT_LEVEL


SILENT_LEVEL = 10 ** (-50 / 20)


@dataclass(frozen=True, kw_only=True, eq=False)
class Feeling:
    """What a session feels before a step.

    Attributes:
        readings: new ones, by sense.
        standing: of each sense, as `roboego.model.senses` has it: none, fresh or stale.
        lost: senses that were relied on until now.
    """

    readings: Mapping[str, torch.Tensor] = field(default_factory=dict)
    standing: Mapping[str, int] = field(default_factory=dict)
    lost: tuple[NotFelt, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """A `StepIn` that has been checked, as the engine takes it.

    Attributes:
        listen: [1920] samples, or None; codes: [K], or None.
        read, forced: tokens; forced is -1 if the model is free.
        look: what is newly seen; None if nothing new is.
        not_seen: why a picture could not be encoded; "" if none failed since the last frame.
        feeling: what is felt.
    """

    read: int
    forced: int
    listen: Sound | None = None
    codes: Codes | None = None
    look: Sight | None = None
    not_seen: str = ""
    feeling: Feeling = field(default_factory=Feeling)
    lost_frames: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Output:
    """A slot's part of a step, on the host; `certainty` as of `StepOutput`, 1 if nobody asked for it."""

    pcm: Sound
    codes: Codes
    token: int
    spoken: int
    caption: int
    action: Codes = field(default_factory=lambda: np.zeros(0, np.int64))
    certainty: float = 1.0


SILENCE: Sound = np.zeros(FRAME_SAMPLES, np.float32)


class SessionError(RoboEgoError):
    """A session could not take a step; no other session is touched. The cause is chained."""


class EngineFull(RoboEgoError):
    """All slots of an engine are taken."""
