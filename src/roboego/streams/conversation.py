"""Conversation: who says, hears, reads, sees and does what when, in seconds. Organizers turn it into a FrameGrid and back."""
# T frames, n tokens or frames of one event, K codebooks, D action dimensions

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from roboego.errors import InputError, ShapeError
from roboego.streams.grid import Codes, Tokens
from roboego.timebase import frames_to_seconds, seconds_to_frames_down

Seconds = NDArray[np.float64]
Mode = Literal["asr", "tts", "duplex"]
MODES: tuple[Mode, ...] = ("asr", "tts", "duplex")


@dataclass(frozen=True, kw_only=True, eq=False)
class Reply:
    """Something that Ego writes and says.

    Attributes:
        tokens: [n] word pieces, at least one.
        codes: [m, K] its speech. Silence at its end says nothing that silence after it would not; organizers drop it.
        token_ends_s: [n] when each token has become audible, in seconds from the start of speech; never falling, inf for tokens that
            never do.
        start_s: when its text begins. None: the organizer finds it from `speech_start_s`.
        speech_start_s: when its speech begins. None: the organizer finds it from `start_s`.
        word_starts_s: [n] when the word that a token begins is begun, in seconds from the start of speech; nan for a token that
            continues its word. None: not known.
        cut_s: when Ego was interrupted. Speech is silent from there on, and tokens not yet written are dropped.
        forced: the text was given to Ego, not chosen by it; it learns to say but not to write it.
    """

    tokens: Tokens
    codes: Codes
    token_ends_s: Seconds
    start_s: float | None = None
    speech_start_s: float | None = None
    word_starts_s: Seconds | None = None
    cut_s: float | None = None
    forced: bool = False

    def __post_init__(self) -> None:
        _check_tokens(self.tokens, "a reply")
        if self.codes.ndim != 2:
            raise ShapeError(f"a reply's codes are [frames, codebooks], not {self.codes.shape}")
        if len(self.token_ends_s) != len(self.tokens):
            raise ShapeError(f"{len(self.tokens)} tokens have {len(self.token_ends_s)} token_ends_s: give one each")
        if np.isnan(self.token_ends_s).any() or (self.token_ends_s[1:] < self.token_ends_s[:-1]).any():
            raise InputError("token_ends_s must not fall: tokens become audible in their order")
        if self.start_s is None and self.speech_start_s is None:
            raise InputError("a reply needs start_s or speech_start_s")
        if self.word_starts_s is not None and (len(self.word_starts_s) != len(self.tokens) or np.isnan(self.word_starts_s[0])):
            raise ShapeError("word_starts_s has one entry a token, and the first token begins a word")


@dataclass(frozen=True, kw_only=True, eq=False)
class Call:
    """A function that Ego calls: it writes the call, whether it speaks meanwhile or not, and does not say it.

    Attributes:
        start_s: when it begins to write it.
        tokens: [n] the call (see `roboego.streams.calls`).
    """

    start_s: float
    tokens: Tokens

    def __post_init__(self) -> None:
        _check_tokens(self.tokens, "a call")


@dataclass(frozen=True, kw_only=True, eq=False)
class Caption:
    """A word that Ego hears, for transcription.

    Attributes:
        end_s: when the word has been heard.
        tokens: [n] its pieces.
        start_s: when it begins; None if not known (a grid does not tell).
    """

    end_s: float
    tokens: Tokens
    start_s: float | None = None

    def __post_init__(self) -> None:
        _check_tokens(self.tokens, "a caption")


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """Text given to Ego to read: a prompt, typed words, a tool's result.

    Attributes:
        start_s: when it arrives. Ego reads one token a frame; what arrives meanwhile queues.
        tokens: [n] the text.
    """

    start_s: float
    tokens: Tokens

    def __post_init__(self) -> None:
        _check_tokens(self.tokens, "a reading")


@dataclass(frozen=True, kw_only=True)
class Look:
    """A picture that replaces the one before.

    Attributes:
        start_s: from when on it is seen.
        picture: its number among the pictures stored beside the conversation.
    """

    start_s: float
    picture: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Motion:
    """Something that Ego does.

    Attributes:
        start_s: when it begins.
        bins: [n, D] action bins, frame by frame.
    """

    start_s: float
    bins: Codes


@dataclass(frozen=True, kw_only=True, eq=False)
class Conversation:
    """All that happens between Ego and the world over T frames.

    Attributes:
        heard: [T, K] what Ego hears; column t is the sound of [t - 1, t) * 80 ms, so column 0 was heard before the conversation
            (see `listening_track`).
        mode: what Ego is asked to do: to transcribe, to say given text, or to converse.
        announced: the mode's token is read at the first frame; false for a conversation that goes on from before.
        replies: in the order of time; none in mode "asr".
        captions: in the order of time; written in mode "asr" alone.
        calls: in the order of time; TextFirst alone has room for them.
        readings, looks, motions: in the order of time.
    """

    heard: Codes
    mode: Mode = "duplex"
    announced: bool = True
    replies: tuple[Reply, ...] = ()
    captions: tuple[Caption, ...] = ()
    calls: tuple[Call, ...] = ()
    readings: tuple[Reading, ...] = ()
    looks: tuple[Look, ...] = ()
    motions: tuple[Motion, ...] = ()

    def __post_init__(self) -> None:
        if self.heard.ndim != 2:
            raise ShapeError(f"heard is [frames, codebooks], not {self.heard.shape}")
        if self.mode not in MODES:
            raise InputError(f"unknown mode {self.mode!r}: choose one of {', '.join(MODES)}")
        if self.mode == "asr" and (self.replies or self.calls):
            raise InputError("Ego neither replies nor calls in mode 'asr': use transcription() to drop that")
        for name, times in (
            ("captions", [c.end_s for c in self.captions]),
            ("calls", [c.start_s for c in self.calls]),
            ("readings", [r.start_s for r in self.readings]),
            ("looks", [x.start_s for x in self.looks]),
            ("motions", [m.start_s for m in self.motions]),
        ):
            if times != sorted(times):
                raise InputError(f"{name} must be in the order of time")

    @property
    def frames(self) -> int:
        """T."""
        return len(self.heard)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return frames_to_seconds(self.frames)

    def transcription(self) -> "Conversation":
        """The same sound for a second Ego that only writes down what it hears."""
        return replace(self, mode="asr", replies=(), calls=(), motions=())


def listening_track(codes: Codes, before: Codes) -> Codes:
    """`Conversation.heard` [T, K] for a recording encoded from the conversation's start on: [T, K] codes, `before` [K] heard before it.

    The last column of `codes` is heard only when the conversation is over, and falls away.
    """
    return np.concatenate([before[None].astype(np.int16), codes[:-1].astype(np.int16)])


def look_track(conversation: Conversation) -> Tokens:
    """[T] number of the latest picture at each frame, -1 before the first. (A FrameGrid holds no pictures; this goes beside it.)"""
    track = np.full(conversation.frames, -1, np.int32)
    for look in conversation.looks:
        track[max(0, seconds_to_frames_down(look.start_s)) :] = look.picture
    return track


def looks_of(track: Tokens) -> tuple[Look, ...]:
    """The looks that `look_track` laid out."""
    changes = np.flatnonzero(np.diff(track, prepend=-1))
    return tuple(Look(start_s=frames_to_seconds(int(t)), picture=int(track[t])) for t in changes)


def _check_tokens(tokens: Tokens, what: str) -> None:
    if tokens.ndim != 1 or len(tokens) == 0:
        raise ShapeError(f"{what} has at least one token, as [n]; not {tokens.shape}")
