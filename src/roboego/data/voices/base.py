"""What a voice offers: text in, sound and timed words and phones out."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from roboego.timebase import SAMPLE_RATE, seconds_to_samples

Sound = NDArray[np.float32]

PUNCTUATION = frozenset('.,?!;:—…"()“” ')


@dataclass(frozen=True, kw_only=True)
class TimedWord:
    """A word and the samples [start, end) in which it is heard."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class TimedPhone:
    """A phone (one symbol of the misaki alphabet, "" for a pause) and the samples [start, end) in which it is heard."""

    symbol: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """A sentence as one voice said it.

    Attributes:
        pcm: mono float32 [N] at 24 kHz, in [-1, 1].
        words: timed words, in order; empty where the engine gives no times.
        phones: timed phones, in order; empty where the engine gives no times.
    """

    text: str
    voice: str
    pcm: Sound
    words: tuple[TimedWord, ...] = ()
    phones: tuple[TimedPhone, ...] = ()

    @property
    def duration_s(self) -> float:
        return len(self.pcm) / SAMPLE_RATE


class Voice(Protocol):
    """Somebody who can say a sentence of the restricted alphabet."""

    @property
    def name(self) -> str: ...

    def say(self, text: str, rng: np.random.Generator) -> Spoken:
        """Speaks `text` (see `roboego.streams.alphabet`). `rng` draws whatever varies from one rendition to the next."""


class PacedVoice(Voice, Protocol):
    """A voice that can be asked to speak faster or slower."""

    def say(self, text: str, rng: np.random.Generator, *, speed: float = 1.0) -> Spoken:
        """As `Voice.say`; at a speed of 0.5 it takes twice as long."""


def trim(spoken: Spoken, *, lead_s: float = 0.02, tail_s: float = 0.06, floor_db: float = -40.0) -> Spoken:
    """Cuts silence before and after the speech, leaving at most `lead_s` and `tail_s` of it. Times shift along.

    Silence is what stays below `floor_db` relative to the loudest 10 ms.
    """
    hop = SAMPLE_RATE // 100
    blocks = len(spoken.pcm) // hop
    if blocks == 0:
        return spoken
    level = np.sqrt(np.mean(spoken.pcm[: blocks * hop].reshape(blocks, hop) ** 2, axis=1))
    loud = np.flatnonzero(level > level.max() * 10 ** (floor_db / 20))
    if level.max() == 0 or len(loud) == 0:
        return spoken
    start = max(0, int(loud[0]) * hop - seconds_to_samples(lead_s))
    end = min(len(spoken.pcm), (int(loud[-1]) + 1) * hop + seconds_to_samples(tail_s))
    return replace(
        spoken,
        pcm=spoken.pcm[start:end],
        words=tuple(replace(w, start=max(w.start - start, 0), end=min(w.end, end) - start) for w in spoken.words),
        phones=tuple(
            replace(p, start=max(p.start, start) - start, end=min(p.end, end) - start)
            for p in spoken.phones
            if p.end > start and p.start < end
        ),
    )


def time_phones(text: str, symbols: str, widths: NDArray[np.int64]) -> tuple[tuple[TimedWord, ...], tuple[TimedPhone, ...]]:
    """Timed words and phones from a phone string and the samples that each symbol takes.

    Words of `text` and space-separated groups of `symbols` must correspond; where a lexicon merged or split words, no words are returned.
    """
    ends = np.cumsum(widths)
    starts = ends - widths
    phones = tuple(
        TimedPhone(symbol="" if s in PUNCTUATION else s, start=int(a), end=int(b)) for s, a, b in zip(symbols, starts, ends, strict=True)
    )
    groups: list[list[int]] = [[]]
    for i, s in enumerate(symbols):
        if s == " ":
            groups.append([])
        elif s not in PUNCTUATION:
            groups[-1].append(i)
    groups = [g for g in groups if g]
    spelled = text.split()
    if len(groups) != len(spelled):
        return (), phones
    words = tuple(TimedWord(text=w, start=int(starts[g[0]]), end=int(ends[g[-1]])) for w, g in zip(spelled, groups, strict=True))
    return words, phones
