"""Word times for voices whose engine gives none: aligned, or else those of Ego's voice saying the same, stretched to the length heard."""

from dataclasses import replace
from functools import cache

import numpy as np

from roboego.data.alignment.aligner import PhoneAligner
from roboego.data.voices.base import Spoken, TimedWord
from roboego.data.voices.neural import HibariVoice


@cache
def _reference_voice() -> HibariVoice:
    return HibariVoice()


@cache
def _reference_times(text: str) -> tuple[tuple[TimedWord, ...], int]:
    reference = _reference_voice().say(text, np.random.default_rng(0))
    return reference.words, len(reference.pcm)


def with_word_times(spoken: Spoken, aligner: PhoneAligner | None = None) -> Spoken:
    """The sentence with word times: its own where it has them, otherwise aligned, or estimates, good to about a syllable."""
    if spoken.words:
        return spoken
    aligned = None if aligner is None else aligner.timed(spoken)
    if aligned is not None:
        return aligned
    timed, samples = _reference_times(spoken.text)
    ratio = len(spoken.pcm) / max(samples, 1)
    return replace(spoken, words=tuple(TimedWord(text=w.text, start=round(w.start * ratio), end=round(w.end * ratio)) for w in timed))
