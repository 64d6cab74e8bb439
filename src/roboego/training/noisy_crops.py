"""Crops of speech with noise: what the codec's training and the phone recognizer's share."""
# N samples

import numpy as np
from numpy.typing import NDArray

from roboego.data.voices.base import Sound
from roboego.timebase import SAMPLE_RATE


def crop(pcm: Sound, length: int, rng: np.random.Generator) -> tuple[Sound, int]:
    """A stretch of `length` samples from a sentence, at a random level, with silence where it reaches beyond; and where it starts."""
    start = int(rng.integers(-length // 3, max(len(pcm) - 2 * length // 3, 1)))
    out = np.zeros(length, np.float32)
    inside = pcm[max(start, 0) : max(start + length, 0)]
    out[max(-start, 0) : max(-start, 0) + len(inside)] = inside
    out *= 10 ** (rng.uniform(-16, 4) / 20) * 0.5 / max(float(np.abs(pcm).max()), 1e-3)
    return out, start


def add_noise(pcm: Sound, rng: np.random.Generator, snr_db: tuple[float, float]) -> Sound:
    """The sound with coloured noise at a ratio drawn from a range."""
    level = float(np.sqrt(np.mean(pcm**2)) + 1e-4) * 10 ** (-rng.uniform(*snr_db) / 20)
    return np.clip(pcm + _noise(len(pcm), rng) * np.float32(level), -1, 1)


def _noise(length: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Noise of unit power whose spectrum falls by 0 to 6 dB an octave."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    frequency = np.maximum(np.fft.rfftfreq(length, 1 / SAMPLE_RATE), 20.0)
    shaped = np.fft.irfft(spectrum * frequency ** -rng.uniform(0, 1), n=length)
    noise: NDArray[np.float32] = (shaped / np.sqrt(np.mean(shaped**2))).astype(np.float32)
    return noise
