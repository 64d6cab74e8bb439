"""Who spoke when, and how well turns were taken: measured on the sound alone, whatever the model says about itself.

A user's turn ends at its last voiced sample; Ego's reply starts at its first. Both are looked for on separate tracks of one
conversation (user left, Ego right), the user's before room and noise were added. A model that always talks has no latency: report
`response_latency_s` only beside `took_floor_early` and `stayed_silent`.
"""
# N samples, M blocks of `hop_s`

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roboego.errors import InputError
from roboego.timebase import SAMPLE_RATE

Sound = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class VoiceActivity:
    """What counts as voice: blocks of `hop_s` whose level exceeds both floors.

    Attributes:
        absolute_db: floor in dBFS (a full-scale square wave is 0); keeps a codec's hiss from counting as speech.
        relative_db: floor relative to the track's loudest block; keeps a quiet recording's room from counting as speech.
        hop_s: length of a block in seconds.
        hangover_s: pauses up to this long lie within a segment (stops, short gaps between words).
        shortest_s: what is voiced for less than this, in all, is a click and no segment.
    """

    absolute_db: float = -50.0
    relative_db: float = -40.0
    hop_s: float = 0.01
    hangover_s: float = 0.2
    shortest_s: float = 0.03


DEFAULT_ACTIVITY = VoiceActivity()


@dataclass(frozen=True, kw_only=True, order=True)
class Segment:
    """Samples [start, end): `start` is the first voiced one, `end - 1` the last."""

    start: int
    end: int

    def seconds(self, sample_rate: int = SAMPLE_RATE) -> float:
        return (self.end - self.start) / sample_rate


def voiced_segments(pcm: Sound, activity: VoiceActivity = DEFAULT_ACTIVITY, *, sample_rate: int = SAMPLE_RATE) -> tuple[Segment, ...]:
    """Where there is voice, in order, parted by more than `activity.hangover_s`.

    Edges are looked for sample by sample in the blocks that are loud enough; a block mostly silent may be missed, so an edge is right to
    within `activity.hop_s`.

    Args:
        pcm: mono samples [N] in [-1, 1].
    Raises:
        InputError: `pcm` is not mono, or has NaN or infinite samples.
    """
    if pcm.ndim != 1 or not np.isfinite(pcm).all():
        raise InputError(f"voice activity needs one channel of finite samples, not an array of shape {pcm.shape}; mix down and clean first")
    hop = max(1, round(activity.hop_s * sample_rate))
    padded = np.pad(np.abs(pcm.astype(np.float64)), (0, -len(pcm) % hop))
    level_M = np.sqrt(np.mean(padded.reshape(-1, hop) ** 2, axis=1))
    if len(level_M) == 0:
        return ()
    floor = max(10 ** (activity.absolute_db / 20), level_M.max() * 10 ** (activity.relative_db / 20))
    # A block whose root mean square lies above the floor has at least one sample that does.
    voiced = np.flatnonzero(np.repeat(level_M > floor, hop) & (padded > floor))
    gaps = np.flatnonzero(np.diff(voiced) > activity.hangover_s * sample_rate) + 1
    runs = np.split(voiced, gaps)
    blocks = [len(np.unique(run // hop)) for run in runs]
    return tuple(
        Segment(start=int(run[0]), end=int(run[-1]) + 1)
        for run, voiced_blocks in zip(runs, blocks, strict=True)
        if len(run) and voiced_blocks * hop >= activity.shortest_s * sample_rate
    )


def joined(segments: Sequence[Segment], pause_s: float, *, sample_rate: int = SAMPLE_RATE) -> tuple[Segment, ...]:
    """The same in order, those parted by at most `pause_s` as one: what somebody who counts or spells says is one thing."""
    found: list[Segment] = []
    for segment in sorted(segments):
        if found and segment.start - found[-1].end <= pause_s * sample_rate:
            found[-1] = Segment(start=found[-1].start, end=max(found[-1].end, segment.end))
        else:
            found.append(segment)
    return tuple(found)


def turn(segments: Sequence[Segment]) -> Segment:
    """One turn, from the first voiced sample to the last, pauses included.

    Raises:
        InputError: there is no voice.
    """
    if not segments:
        raise InputError("a turn needs voice, and there is none; check the track, its level and the VoiceActivity floors")
    return Segment(start=min(s.start for s in segments), end=max(s.end for s in segments))


def within(segments: Sequence[Segment], start: int, end: int) -> tuple[Segment, ...]:
    """What lies in samples [start, end), segments cut at the borders: one exchange out of a long conversation."""
    return tuple(Segment(start=max(s.start, start), end=min(s.end, end)) for s in segments if s.start < end and s.end > start)


def response_latency_s(user_turn: Segment, ego: Sequence[Segment], *, sample_rate: int = SAMPLE_RATE) -> float | None:
    """Seconds from the user's last voiced sample to Ego's first of the reply.

    Args:
        user_turn: the turn that is answered.
        ego: Ego's segments up to the user's next turn. One that began before `user_turn` belongs to an earlier reply and is not counted.
    Returns:
        Negative if Ego began while the user was speaking; None if it never did.
    """
    starts = [s.start for s in ego if s.start >= user_turn.start]
    return (min(starts) - user_turn.end) / sample_rate if starts else None


def took_floor_early(user_turn: Segment, ego: Sequence[Segment], *, backchannel_s: float = 0.0, sample_rate: int = SAMPLE_RATE) -> bool:
    """Whether Ego began to speak within the user's turn, pauses included.

    Args:
        backchannel_s: a segment up to this long that is over before the turn is ("mm-hmm") does not take the floor.
    """
    return any(
        user_turn.start <= s.start < user_turn.end and not (s.end <= user_turn.end and s.seconds(sample_rate) <= backchannel_s) for s in ego
    )


def stayed_silent(pcm: Sound, activity: VoiceActivity = DEFAULT_ACTIVITY, *, sample_rate: int = SAMPLE_RATE) -> bool:
    """Whether nothing was said on this track. Raises as `voiced_segments`."""
    return not voiced_segments(pcm, activity, sample_rate=sample_rate)


def stop_latency_s(interruption: Segment, ego: Sequence[Segment], *, sample_rate: int = SAMPLE_RATE) -> float | None:
    """Seconds from the last voiced sample of the interrupting phrase to the last of what Ego was saying when it began.

    Returns:
        Negative if Ego fell silent before the phrase was over; None if it was silent already, so that nothing was interrupted.
    """
    ends = [s.end for s in ego if s.start < interruption.start < s.end]
    return (max(ends) - interruption.end) / sample_rate if ends else None
