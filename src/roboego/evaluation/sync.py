"""The suite `sync`: how far a reply's text runs ahead of its speech, and how well `spoken_upto` knows what has become audible.

What is audible is told by somebody else: the replies' words are laid along what Whisper hears of them (`roboego.data.importing.aligner`),
whose edges are good to about a tenth of a second.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from roboego.data.importing.aligner import Aligner
from roboego.data.voices.base import Sound, TimedWord
from roboego.errors import InputError
from roboego.evaluation.talk import Talked, times
from roboego.metrics.turns import voiced_segments
from roboego.runtime.frame import Frame, ReplyStarted
from roboego.streams.alphabet import normalize, words
from roboego.timebase import FRAME_SAMPLES, frames_to_seconds, samples_to_seconds

WORDS = 8
"""Of a reply, whose leads are told one by one."""


@dataclass(frozen=True, kw_only=True)
class SaidWord:
    """A word of a reply, in seconds on the user's clock.

    Attributes:
        place: which word of its reply it is, from 0.
        written_s: when its first piece had been written. begun_s, ended_s: when it is heard. told_s: when `spoken_upto` had passed it;
            None if it never did.
    """

    word: str
    place: int
    written_s: float
    begun_s: float
    ended_s: float
    told_s: float | None


@dataclass(frozen=True, kw_only=True)
class _Reply:
    """A reply's words: of each the frame of its first piece, and how many pieces there are up to its end."""

    words: tuple[str, ...]
    frames: tuple[int, ...]
    pieces: tuple[int, ...]
    first: int
    last: int


def said_words(talked: Talked, aligner: Aligner) -> list[SaidWord]:
    """Every word of every reply that can be found in what was heard of it."""
    found: list[SaidWord] = []
    for reply in _replies(talked.frames):
        start, stop = reply.first * FRAME_SAMPLES, (reply.last + 1) * FRAME_SAMPLES
        # Whisper takes silence before the first word for a part of it.
        start += next((s.start for s in voiced_segments(talked.ego[start:stop])), 0)
        try:
            heard = _heard(talked.ego[start:stop], reply, aligner)
        except InputError:
            continue  # too little of it is understood
        for i, (word, timed) in enumerate(zip(reply.words, heard, strict=True)):
            told = next((t for t in range(reply.frames[i], reply.last) if talked.frames[t].spoken_upto >= reply.pieces[i]), None)
            found.append(
                SaidWord(
                    word=word,
                    place=i,
                    written_s=frames_to_seconds(reply.frames[i] + 1),
                    begun_s=samples_to_seconds(start + timed.start),
                    ended_s=samples_to_seconds(start + timed.end),
                    # What is audible by the end of a frame's sound: it is played one frame after it was made.
                    told_s=None if told is None else frames_to_seconds(told + 2),
                )
            )
    return found


def _heard(ego: Sound, reply: _Reply, aligner: Aligner) -> tuple[TimedWord, ...]:
    heard = aligner.align(ego, normalize(" ".join(reply.words)))
    if len(heard) != len(reply.words):
        raise InputError("words that the alphabet writes otherwise")
    return heard


def _replies(frames: Sequence[Frame]) -> Iterator[_Reply]:
    """Replies, each up to the frame before the next one."""
    starts = [t for t, frame in enumerate(frames) if any(isinstance(e, ReplyStarted) for e in frame.events)]
    for first, after in pairwise([*starts, len(frames)]):
        texts: list[str] = []
        at: list[int] = []
        ends: list[int] = []
        pieces = 0
        for t in range(first, after):
            piece = frames[t].text
            if not piece.strip():
                continue
            pieces += 1
            if piece.startswith(" ") or not texts:
                texts.append("")
                at.append(t)
                ends.append(0)
            texts[-1] += piece.strip()
            ends[-1] = pieces
        kept = [i for i, text in enumerate(texts) if words(text)]
        if kept:
            yield _Reply(
                words=tuple(texts[i] for i in kept),
                frames=tuple(at[i] for i in kept),
                pieces=tuple(ends[i] for i in kept),
                first=first,
                last=after - 1,
            )


def summary(said: Sequence[SaidWord]) -> dict[str, Any]:
    """Medians and spreads, in seconds.

    Text before speech, of all words and of a reply's first, second ... words; `spoken_upto` after the word's end (negative: before it).
    """
    leads = [w.begun_s - w.written_s for w in said]
    offsets = [w.told_s - w.ended_s for w in said if w.told_s is not None]
    return {
        "words": len(said),
        "never_told": sum(w.told_s is None for w in said),
        "text_before_speech_s": _spread(leads),
        "of_word": {str(i + 1): times([w.begun_s - w.written_s for w in said if w.place == i]) for i in range(WORDS)},
        "spoken_upto_after_end_s": _spread(offsets),
    }


def _spread(values: Sequence[float]) -> dict[str, Any] | None:
    """As `times`, with the 10% quantile."""
    found = times(values)
    return None if found is None else found | {"p10": float(np.quantile(values, 0.1))}
