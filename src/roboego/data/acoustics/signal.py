"""What all of acoustics needs: checking a sound, its levels, its length, and filters given as a gain over frequency."""

from collections.abc import Callable

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from roboego.data.voices.base import Sound
from roboego.errors import InputError
from roboego.timebase import SAMPLE_RATE

NOMINAL_LEVEL_DB = -26.0
"""Active level of speech (dB relative to full scale) that is assumed where there is none to measure."""

_BLOCK = SAMPLE_RATE // 50  # 20 ms
_WANDER = 120  # samples (5 ms) from one computed point of a slow curve to the next
_ACTIVE_DB = 30.0  # blocks this far below the loudest ones still count as speech

GainOfHz = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def checked(sound: Sound, name: str = "sound") -> Sound:
    """The sound as float32 [N].

    Raises:
        InputError: not one-dimensional, empty, not of a floating type, or not finite.
    """
    array = np.asarray(sound)
    if array.ndim != 1:
        raise InputError(f"{name} has shape {array.shape}; give mono samples [N]")
    if array.size == 0:
        raise InputError(f"{name} is empty; give at least one sample")
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"{name} holds {array.dtype}; convert it to float32 in [-1, 1]")
    if not np.isfinite(array).all():
        raise InputError(f"{name} has NaN or infinite samples; repair or drop it")
    return array.astype(np.float32, copy=False)


def checked_value(value: float, low: float, high: float, name: str) -> float:
    """`value`, if it lies in [low, high].

    Raises:
        InputError: it does not (NaN included).
    """
    if not low <= value <= high:
        raise InputError(f"{name} is {value}; it must lie between {low:g} and {high:g}")
    return float(value)


def checked_samples(samples: int) -> int:
    """`samples`, if positive; else an InputError."""
    if samples < 1:
        raise InputError(f"{samples} samples were asked for; ask for at least one")
    return samples


def from_db(db: float) -> float:
    """Amplitude ratio of a level in dB."""
    return float(10.0 ** (db / 20.0))


def to_db(ratio: float) -> float:
    """Level in dB of an amplitude ratio (-inf for zero)."""
    return float(20.0 * np.log10(ratio)) if ratio > 0 else -np.inf


def rms(sound: Sound) -> float:
    """Root of the mean square over all samples."""
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def active_level(sound: Sound) -> float:
    """Root mean square over the 20 ms blocks in which somebody speaks; 0 for silence.

    A simple form of ITU-T P.56: blocks within 30 dB of the 95th percentile of the non-silent blocks count.
    """
    blocks = -(-len(sound) // _BLOCK)
    power = np.mean(np.square(fit_length(sound, blocks * _BLOCK), dtype=np.float64).reshape(blocks, _BLOCK), axis=1)
    heard = power[power > 1e-12]
    if heard.size == 0:
        return 0.0
    floor = np.quantile(heard, 0.95) * 10 ** (-_ACTIVE_DB / 10)
    return float(np.sqrt(heard[heard >= floor].mean()))


def fit_length(sound: Sound, samples: int) -> Sound:
    """Cuts or pads with zeros at the end."""
    if len(sound) >= samples:
        return sound[:samples]
    return np.pad(sound, (0, samples - len(sound)))


def fit_peak(sound: Sound, peak: float = 1.0) -> Sound:
    """Turned down as a whole if it would exceed `peak`; unchanged otherwise."""
    highest = float(np.abs(sound).max(initial=0.0))
    return sound if highest <= peak else np.clip(sound * np.float32(peak / highest), -peak, peak)


def filtered(sound: Sound, gain: GainOfHz, taps: int = 511) -> Sound:
    """The sound through a linear-phase filter without delay.

    Args:
        gain: amplitude gains for an array of frequencies in Hz.
        taps: odd length of the impulse response; the resolution is about 2 * 24000 / taps Hz.
    """
    out: Sound = scipy.signal.oaconvolve(sound, _impulse(gain, taps), mode="full")
    return out[taps // 2 : taps // 2 + len(sound)].astype(np.float32, copy=False)


def coloured_noise(samples: int, rng: np.random.Generator, gain: GainOfHz, taps: int = 1023) -> Sound:
    """Gaussian noise with the given spectrum, of any length, without seams; root mean square about 1."""
    response = _impulse(gain, taps)
    white = rng.standard_normal(samples + taps - 1, dtype=np.float32)
    out: Sound = scipy.signal.oaconvolve(white, response / np.sqrt(np.sum(np.square(response))), mode="valid")
    return out.astype(np.float32, copy=False)


def wander(samples: int, rng: np.random.Generator, period_s: float) -> Sound:
    """A smooth random curve: values in [-1, 1], drawn anew about every `period_s` seconds and joined by cosine steps."""
    coarse = wander_frames(-(-samples // _WANDER) + 1, _WANDER, rng, period_s)
    return np.interp(np.arange(samples), np.arange(len(coarse)) * _WANDER, coarse).astype(np.float32)


def wander_frames(frames: int, hop: int, rng: np.random.Generator, period_s: float) -> Sound:
    """The same curve at every `hop`-th sample only: [frames]."""
    at = np.arange(frames) * (hop / SAMPLE_RATE / period_s) + rng.random()
    left = at.astype(np.int64)
    knots = rng.uniform(-1, 1, int(at[-1]) + 2)
    step = 0.5 - 0.5 * np.cos(np.pi * (at - left))
    return np.asarray(knots[left] + (knots[left + 1] - knots[left]) * step, np.float32)


def _impulse(gain: GainOfHz, taps: int) -> Sound:
    frequencies = np.fft.rfftfreq(taps, 1 / SAMPLE_RATE)
    response = np.fft.fftshift(np.fft.irfft(np.maximum(gain(np.asarray(frequencies, np.float64)), 0.0), taps))
    return (response * np.hanning(taps + 2)[1:-1]).astype(np.float32)
