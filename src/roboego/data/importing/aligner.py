"""When each word of a recording is heard: Whisper's word times, and a given text laid along them.

Whisper tiny finds words by its attention (OpenAI, 2022): edges are good to about a tenth of a second. Where the text is known, its words
take the times of those that Whisper heard alike; the others share what lies between, in proportion to their letters.
"""
# N samples

from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from textwrap import shorten
from typing import Any

import numpy as np
import soxr

from roboego.data.voices.base import Sound, TimedWord
from roboego.data.whisper import WHISPER_RATE, open_whisper
from roboego.errors import InputError
from roboego.streams.alphabet import normalize, words
from roboego.timebase import SAMPLE_RATE, seconds_to_samples

FEWEST_ALIKE = 0.5
"""Share of a text's words that must be heard: with fewer, text and sound do not belong together."""
MOST_SHOWN = 120
"""Letters of what was heard instead, in an error."""

Times = list[tuple[int, int] | None]


class Aligner:
    """Hears words and when they are said. Raises an InputError if the extra `eval` is not installed."""

    def __init__(self) -> None:
        self._model: Any = open_whisper()

    def hear(self, pcm: Sound) -> list[TimedWord]:
        """Words of a recording [N] at 24 kHz, in the restricted alphabet, without punctuation; those of another script are left out."""
        sound = np.ascontiguousarray(soxr.resample(pcm, SAMPLE_RATE, WHISPER_RATE), np.float32)
        segments, _ = self._model.transcribe(sound, language="en", beam_size=5, temperature=0.0, word_timestamps=True, vad_filter=True)
        return [w for segment in segments for word in segment.words for w in _in_alphabet(word.word, word.start, word.end, len(pcm))]

    def align(self, pcm: Sound, text: str) -> tuple[TimedWord, ...]:
        """Times of the words of `text`, which is in the restricted alphabet, as they stand in it, punctuation included.

        Raises:
            InputError: too little of the text is heard.
        """
        return laid_along(text, self.hear(pcm), len(pcm))


def laid_along(text: str, heard: Sequence[TimedWord], samples: int) -> tuple[TimedWord, ...]:
    """Words of a text at the times of those heard alike, the others between them.

    Args:
        samples: length of the recording.
    Raises:
        InputError: fewer than half of the words are heard.
    """
    wanted, plain = _words_of(text)
    matcher = SequenceMatcher(a=plain, b=[w.text for w in heard], autojunk=False)
    times: Times = [None] * len(wanted)
    for block in matcher.get_matching_blocks():
        for i in range(block.size):
            word = heard[block.b + i]
            times[block.a + i] = (word.start, word.end)
    alike = sum(t is not None for t in times)
    if not wanted or alike < FEWEST_ALIKE * len(wanted):
        # Whisper runs wild at times, and writes the same words hundreds of times.
        said = shorten(" ".join(w.text for w in heard), MOST_SHOWN, placeholder=" ...") or "nothing"
        raise InputError(
            f"only {alike} of the {len(wanted)} words of {text!r} are heard ({said!r}); check that text and sound belong together"
        )
    return tuple(TimedWord(text=w, start=a, end=b) for w, (a, b) in zip(wanted, _filled(times, plain, samples), strict=True))


def shared_out(text: str, samples: int) -> tuple[TimedWord, ...]:
    """Words of a text that share a sound of `samples` by their letters: an estimate, where none of them is heard."""
    wanted, plain = _words_of(text)
    shares = _filled([None] * len(wanted), plain, samples)
    return tuple(TimedWord(text=w, start=a, end=b) for w, (a, b) in zip(wanted, shares, strict=True))


def _words_of(text: str) -> tuple[list[str], list[str]]:
    """Its words as they stand in it, and without punctuation."""
    wanted = [w for w in text.split() if words(w)]
    return wanted, [words(w)[0] for w in wanted]


def _filled(times: Times, plain: Sequence[str], samples: int) -> list[tuple[int, int]]:
    """Times of all words: runs of unknown ones share what lies between their neighbours by their letters."""
    found: list[tuple[int, int]] = []
    i = 0
    while i < len(times):
        known = times[i]
        if known is not None:
            found.append((max(known[0], found[-1][1] if found else 0), max(known[1], found[-1][1] if found else 0)))
            i += 1
            continue
        stop = next((k for k in range(i, len(times)) if times[k] is not None), len(times))
        after = times[stop] if stop < len(times) else None
        start, end = found[-1][1] if found else 0, samples if after is None else after[0]
        letters = np.cumsum([0, *(len(w) for w in plain[i:stop])])
        found += pairwise((start + letters * max(end - start, 0) // letters[-1]).tolist())
        i = stop
    return found


def _in_alphabet(word: str, start_s: float, end_s: float, samples: int) -> list[TimedWord]:
    """What Whisper wrote as one word, as words of the alphabet ("25" is two), which share its time."""
    try:
        parts = words(normalize(word))
    except InputError:
        return []
    start, end = (min(seconds_to_samples(s), samples) for s in (start_s, end_s))
    edges = np.linspace(start, end, len(parts) + 1).astype(int).tolist()
    return [TimedWord(text=p, start=a, end=b) for p, (a, b) in zip(parts, pairwise(edges), strict=True)]
