"""Speech whose pitch, resonances and timing are known, made on the spot."""

from collections.abc import Callable

import numpy as np
import pytest
import scipy.signal

from roboego.data.voices.base import Sound
from roboego.timebase import SAMPLE_RATE

VowelMaker = Callable[..., Sound]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def vowel() -> VowelMaker:
    """`vowel(pitch_hz=, formants_hz=, seconds=)`: pulses through resonances, peak 0.5."""

    def make(pitch_hz: float = 120.0, formants_hz: tuple[float, ...] = (650.0, 1100.0, 2500.0, 3500.0), seconds: float = 1.5) -> Sound:
        turns = np.arange(round(seconds * SAMPLE_RATE)) * pitch_hz / SAMPLE_RATE
        out = np.diff(np.floor(turns), prepend=-1.0)
        for hz in formants_hz:
            pole = np.exp(-np.pi * 90 / SAMPLE_RATE + 2j * np.pi * hz / SAMPLE_RATE)
            out = scipy.signal.lfilter([1.0], [1.0, -2 * pole.real, abs(pole) ** 2], out)
        out = scipy.signal.lfilter([1.0, -0.5], [1.0], out)
        return (0.5 * out / np.abs(out).max()).astype(np.float32)

    return make


@pytest.fixture
def speech(vowel: VowelMaker) -> Sound:
    """Four seconds of syllables with pauses, peak 0.25."""
    syllables = [vowel(pitch_hz, formants, 0.22) for pitch_hz, formants in zip((110, 125, 118, 105), _VOWELS, strict=True)]
    fade = np.hanning(len(syllables[0])).astype(np.float32) ** 0.5
    gap = np.zeros(SAMPLE_RATE // 25, np.float32)
    phrase = np.concatenate([part for s in syllables for part in (s * fade, gap)])
    pause = np.zeros(SAMPLE_RATE // 2, np.float32)
    return 0.5 * np.concatenate([phrase, pause, phrase, pause, phrase])[: 4 * SAMPLE_RATE]


_VOWELS = ((300.0, 2200.0, 2900.0), (650.0, 1100.0, 2500.0), (500.0, 1700.0, 2500.0), (350.0, 900.0, 2300.0))
