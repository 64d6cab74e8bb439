"""Who spoke when: the user's turns from the sound, Ego's replies from its text, its speech and what it reports of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roboego.commands.exchange.record import BLOCK_S, BLOCKS_PER_SECOND, Record, Token, out_s
from roboego.metrics.turns import Segment, VoiceActivity, voiced_segments
from roboego.timebase import frames_to_seconds

TURN_PAUSE_S = 1.0
"""A pause of the user's up to this long lies within a turn, unless Ego begins to speak in it."""
ROOM_MARGIN_DB = 9.0
"""How far voice stands out of the room's noise."""
SILENCE_DB = -90.0
"""Below this there is no room at all: digital silence, as after the end of a file."""


@dataclass(frozen=True, kw_only=True)
class UserTurn:
    """From the first voiced block of 10 ms to the end of the last; `voiced_s` leaves out the pauses."""

    start_s: float
    end_s: float
    voiced_s: float


@dataclass(frozen=True, kw_only=True)
class Word:
    """Tokens that are written as one word, punctuation included.

    Attributes:
        start_s: when its first token was written; end_s: when the last one was complete.
        heard_s: when all of it had been said; None if it never was, or the model does not tell.
    """

    text: str
    start_s: float
    end_s: float
    heard_s: float | None


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What Ego wrote in one go, and said of it.

    Attributes:
        tokens: its pieces; words: the same as words.
        heard: how many tokens had been heard when it ended.
        cut_s: when it was interrupted.
        speech_start_s, speech_end_s: first and last voiced block; None if nothing was said aloud.
        latency_s: from the last voiced block of the user's turn before to `speech_start_s`; negative if the user was still speaking.
    """

    tokens: tuple[Token, ...]
    words: tuple[Word, ...]
    text: str
    spoken: str
    heard: int
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
    return tuple(
        UserTurn(start_s=t[0].start * BLOCK_S, end_s=t[-1].end * BLOCK_S, voiced_s=sum(s.end - s.start for s in t) * BLOCK_S) for t in turns
    )


def ego_segments(record: Record) -> tuple[Segment, ...]:
    """Where Ego's voice is, in blocks from the conversation's start."""
    late = round(frames_to_seconds(1) * BLOCKS_PER_SECOND)
    return tuple(Segment(start=s.start + late, end=s.end + late) for s in segments(np.array(record.ego_rms)))


def segments(rms: NDArray[np.float64]) -> tuple[Segment, ...]:
    """Voice in a track of 10 ms levels. In a noisy room, what counts as voice lies above the noise, which its quietest tenth tells."""
    sounding = rms[rms > 10 ** (SILENCE_DB / 20)]
    if not len(sounding):
        return ()
    room_db = 20 * np.log10(np.quantile(sounding, 0.1))
    activity = VoiceActivity(absolute_db=max(VoiceActivity().absolute_db, float(room_db) + ROOM_MARGIN_DB))
    return voiced_segments(rms.astype(np.float32), activity, sample_rate=BLOCKS_PER_SECOND)


def replies(record: Record) -> tuple[Reply, ...]:
    """Ego's replies, in order: runs of text tokens, one a frame."""
    runs: list[list[Token]] = []
    for token in record.text:
        if not token.piece:
            continue
        if not runs or token.frame != runs[-1][-1].frame + 1:
            runs.append([])
        runs[-1].append(token)
    borders = [run[0].frame for run in runs[1:]] + [record.frames]
    voice, turns = ego_segments(record), user_turns(record)
    return tuple(_reply(record, run, border, voice, turns) for run, border in zip(runs, borders, strict=True))


def _reply(record: Record, tokens: list[Token], border: int, voice: tuple[Segment, ...], turns: tuple[UserTurn, ...]) -> Reply:
    """One reply; the next one begins at frame `border`."""
    first, last = tokens[0].frame, tokens[-1].frame
    counts = np.maximum.accumulate(np.array(record.spoken[first:border], np.int64).clip(0, len(tokens)))
    heard_s = [out_s(first + int(np.argmax(counts > i))) if (counts > i).any() else None for i in range(len(tokens))]
    heard = int(counts[-1])
    cut = next((t for t in record.text if t.text == "<cut>" and first < t.frame < border), None)
    start_s, border_s = out_s(first), out_s(border)
    said = [s for s in voice if start_s <= s.start * BLOCK_S < border_s]
    speech_start_s = said[0].start * BLOCK_S if said else None
    before = [t for t in turns if speech_start_s is not None and t.start_s < speech_start_s]
    words = _words(tokens, heard_s)
    return Reply(
        tokens=tuple(tokens),
        words=words,
        text=" ".join(w.text for w in words),
        spoken="".join(t.text for t in tokens[:heard]).strip(),
        heard=heard,
        text_start_s=start_s,
        text_end_s=out_s(last + 1),
        cut_s=None if cut is None else cut.time_s,
        speech_start_s=speech_start_s,
        speech_end_s=said[-1].end * BLOCK_S if said else None,
        latency_s=None if speech_start_s is None or not before else round(speech_start_s - before[-1].end_s, 3),
    )


def _words(tokens: list[Token], heard_s: list[float | None]) -> tuple[Word, ...]:
    words: list[Word] = []
    for token, heard in zip(tokens, heard_s, strict=True):
        if words and not token.text.startswith(" "):
            before = words.pop()
            words.append(Word(text=before.text + token.text, start_s=before.start_s, end_s=out_s(token.frame + 1), heard_s=heard))
        else:
            words.append(Word(text=token.text.strip(), start_s=token.time_s, end_s=out_s(token.frame + 1), heard_s=heard))
    return tuple(words)
