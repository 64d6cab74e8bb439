"""Who spoke when: the user's turns from the sound, Ego's from its text, its speech and what the engine knows of both."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roboego.commands.exchange.record import BLOCK_S, BLOCKS_PER_SECOND, Record, out_s
from roboego.metrics.turns import Segment, VoiceActivity, voiced_segments
from roboego.runtime.replies import Reply
from roboego.timebase import frames_to_seconds

TURN_PAUSE_S = 1.0
"""A pause of the user's up to this long lies within a turn, unless Ego begins to speak in it."""
ROOM_MARGIN_DB = 9.0
"""How far voice stands out of the room's noise."""
ROOM_SPREAD_DB = 4.0
"""A room's noise is even: between the quietest twentieth and the quietest fifth of a track it differs by less than this."""
SILENCE_DB = -90.0
"""Below this there is no room at all: digital silence, as after the end of a file."""


@dataclass(frozen=True, kw_only=True)
class UserTurn:
    """From the first voiced block of 10 ms to the end of the last; `voiced_s` leaves out the pauses.

    Attributes:
        heard: what Ego wrote down of it, if it writes captions.
    """

    start_s: float
    end_s: float
    voiced_s: float
    heard: str = ""


@dataclass(frozen=True, kw_only=True)
class Word:
    """Tokens that are written as one word, punctuation included.

    Attributes:
        start_s: when its first token was written; end_s: when the last one was complete.
        heard_s: when all of it had been heard; None if it never was.
    """

    text: str
    start_s: float
    end_s: float
    heard_s: float | None


@dataclass(frozen=True, kw_only=True)
class EgoTurn:
    """A reply of Ego's.

    Attributes:
        words: what it wrote.
        text_start_s, text_end_s: from its first token to the end of its last.
        cut_s: when it was broken off.
        speech_start_s, speech_end_s: first and last voiced block; None if nothing was said aloud.
        latency_s: from the user's last voiced block before to `speech_start_s`; negative if the user was still speaking.
    """

    reply: Reply
    words: tuple[Word, ...]
    text_start_s: float
    text_end_s: float
    cut_s: float | None
    speech_start_s: float | None
    speech_end_s: float | None
    latency_s: float | None


def user_turns(record: Record) -> tuple[UserTurn, ...]:
    """The user's turns, in order."""
    starts = [s.start * BLOCK_S for s in ego_segments(record)]
    turns: list[list[Segment]] = []
    for segment in segments(np.array(record.user_rms)):
        start_s = segment.start * BLOCK_S
        before_s = turns[-1][-1].end * BLOCK_S if turns else -np.inf
        if start_s - before_s > TURN_PAUSE_S or any(before_s <= s < start_s for s in starts):
            turns.append([])
        turns[-1].append(segment)
    borders = [*(t[0].start * BLOCK_S for t in turns), np.inf][1:]
    return tuple(
        UserTurn(
            start_s=t[0].start * BLOCK_S,
            end_s=t[-1].end * BLOCK_S,
            voiced_s=sum(s.end - s.start for s in t) * BLOCK_S,
            heard=_heard(record, t[0].start * BLOCK_S, border),
        )
        for t, border in zip(turns, borders, strict=True)
    )


def _heard(record: Record, start_s: float, end_s: float) -> str:
    return "".join(token.text for token in record.heard if start_s <= out_s(token.frame) < end_s).strip()


def ego_turns(record: Record, users: tuple[UserTurn, ...]) -> tuple[EgoTurn, ...]:
    """Ego's turns, in order; a reply's speech is what is voiced between its first token and the next reply's."""
    voice = ego_segments(record)
    borders = [*(reply.start for reply in record.replies), record.frames][1:]
    return tuple(_ego_turn(reply, out_s(border), voice, users) for reply, border in zip(record.replies, borders, strict=True))


def ego_segments(record: Record) -> tuple[Segment, ...]:
    """Where Ego's voice is, in blocks from the conversation's start."""
    late = round(frames_to_seconds(1) * BLOCKS_PER_SECOND)
    return tuple(Segment(start=s.start + late, end=s.end + late) for s in segments(np.array(record.ego_rms)))


def segments(rms: NDArray[np.float64]) -> tuple[Segment, ...]:
    """Voice in a track of 10 ms levels; in a noisy room, what stands out of the noise."""
    activity = VoiceActivity(absolute_db=max(VoiceActivity().absolute_db, room_db(rms) + ROOM_MARGIN_DB))
    return voiced_segments(rms.astype(np.float32), activity, sample_rate=BLOCKS_PER_SECOND)


def room_db(rms: NDArray[np.float64]) -> float:
    """Level of the room's noise in a track of 10 ms levels; minus infinity if its quiet parts are those of the voice itself."""
    sounding = rms[rms > 10 ** (SILENCE_DB / 20)]
    if not len(sounding):
        return -np.inf
    quietest, tenth, fifth = (float(db) for db in 20 * np.log10(np.quantile(sounding, [0.05, 0.1, 0.2])))
    return tenth if fifth - quietest < ROOM_SPREAD_DB else -np.inf


def _ego_turn(reply: Reply, border_s: float, voice: tuple[Segment, ...], users: tuple[UserTurn, ...]) -> EgoTurn:
    start_s = out_s(reply.start)
    said = [s for s in voice if start_s <= s.start * BLOCK_S < border_s]
    speech_start_s = said[0].start * BLOCK_S if said else None
    before = [t for t in users if speech_start_s is not None and t.start_s < speech_start_s]
    return EgoTurn(
        reply=reply,
        words=_words(reply),
        text_start_s=start_s,
        text_end_s=out_s(reply.token_frames.stop),
        cut_s=None if reply.cut is None else out_s(reply.cut),
        speech_start_s=speech_start_s,
        speech_end_s=said[-1].end * BLOCK_S if said else None,
        latency_s=speech_start_s - before[-1].end_s if speech_start_s is not None and before else None,
    )


def _words(reply: Reply) -> tuple[Word, ...]:
    words: list[Word] = []
    for i, (frame, text) in enumerate(zip(reply.token_frames, reply.pieces, strict=True)):
        # A token is audible by the end of the frame that reports it.
        heard_s = out_s(reply.spoken_frames[i] + 1) if i < reply.spoken else None
        if words and not begins_word(text):
            before = words.pop()
            words.append(Word(text=before.text + text, start_s=before.start_s, end_s=out_s(frame + 1), heard_s=heard_s))
        else:
            words.append(Word(text=text.strip(), start_s=out_s(frame), end_s=out_s(frame + 1), heard_s=heard_s))
    return tuple(words)


def begins_word(text: str) -> bool:
    """A space parts words; where none are written, every character of the scripts of East Asia is one."""
    return text.startswith(" ") or (text[:1] > "\u2e7f")
