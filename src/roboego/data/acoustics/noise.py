"""Noise of a place: synthesised afresh for any length, so nothing loops and nothing clicks; and mixing at a signal-to-noise ratio."""
# N samples, F analysis frames, Q frequency bins

from collections.abc import Sequence

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from roboego.data.acoustics.music import music
from roboego.data.acoustics.signal import (
    active_level,
    checked,
    checked_samples,
    checked_value,
    coloured_noise,
    fit_peak,
    from_db,
    rms,
    wander,
    wander_frames,
)
from roboego.data.voices.base import Sound
from roboego.errors import InputError
from roboego.timebase import SAMPLE_RATE

NOISES = ("street", "babble", "music", "fan", "hum", "white", "pink")

_LEVEL = 0.1  # root mean square of what `make_noise` returns
_HOP, _FFT = 480, 960  # murmur: 40 ms windows, half overlapping
_MURMUR_BINS = 200  # up to 5 kHz
_RESONANCES = ((300, 800, 90, 1.0), (900, 2200, 120, 0.5), (2300, 3000, 200, 0.25))  # Hz from, to, width; loudness

Frequencies = NDArray[np.float64]


def make_noise(kind: str, samples: int, rng: np.random.Generator, *, sentences: Sequence[Sound] = ()) -> Sound:
    """Noise of one kind: float32 [samples], root mean square 0.1 (less where peaks would pass 1).

    Args:
        kind: one of `NOISES`.
        sentences: speech of others, at 24 kHz, from which babble is mixed; without it babble is made of wordless voices.
    Raises:
        InputError: an unknown kind, no samples, or unusable sentences.
    """
    checked_samples(samples)
    match kind:
        case "street":
            out = _street(samples, rng)
        case "babble":
            out = _babble(samples, rng, [checked(s, "a babble sentence") for s in sentences])
        case "music":
            out = music(samples, rng)
        case "fan":
            out = _fan(samples, rng)
        case "hum":
            out = _hum(samples, rng)
        case "white":
            out = rng.standard_normal(samples, dtype=np.float32)
        case "pink":
            out = coloured_noise(samples, rng, lambda hz: 1 / np.sqrt(np.maximum(hz, 30)), taps=2047)
        case _:
            raise InputError(f"no noise is called {kind!r}; the kinds are {', '.join(NOISES)}")
    return fit_peak(out * np.float32(_LEVEL / max(rms(out), 1e-9)))


def mix_at(speech: Sound, noise: Sound, snr_db: float) -> Sound:
    """Speech with noise under it, turned down as a whole only if it would exceed 1.

    Args:
        snr_db: active level of the speech over the root mean square of the noise.
        noise: at least as long as the speech; the rest is not used.
    Raises:
        InputError: silence on either side, noise too short, or unusable samples.
    """
    speech, noise = checked(speech, "speech"), checked(noise, "noise")
    if len(noise) < len(speech):
        raise InputError(f"the noise has {len(noise)} samples, the speech {len(speech)}; make the noise as long as the speech")
    level = active_level(speech)
    if level == 0:
        raise InputError("the speech is silent, so no signal-to-noise ratio exists; add the noise at a level of its own")
    return fit_peak(speech + scaled_noise(noise[: len(speech)], level, snr_db))


def scaled_noise(noise: Sound, speech_level: float, snr_db: float) -> Sound:
    """The noise at `snr_db` below speech of the active level `speech_level`.

    Raises:
        InputError: silent noise or an impossible ratio.
    """
    checked_value(snr_db, -60, 120, "snr_db")
    level = rms(noise)
    if level == 0:
        raise InputError("the noise is silent; give one that is heard")
    return noise * np.float32(speech_level / level * from_db(-snr_db))


def _street(samples: int, rng: np.random.Generator) -> Sound:
    """Distant traffic that never stops, vehicles passing by, now and then a horn or a clatter."""
    slope, corner = rng.uniform(0.7, 1.1), rng.uniform(60, 150)
    rumble = coloured_noise(samples, rng, lambda hz: (1 + hz / corner) ** -slope * (hz > 20), taps=1023)
    out: Sound = rumble * 10 ** (wander(samples, rng, 2.5) * np.float32(0.2))
    tyres = coloured_noise(samples, rng, lambda hz: (hz > 60) / (1 + (hz / 900) ** 2) + 0.08 / (1 + (hz / 4000) ** 2), taps=255)
    seconds = samples / SAMPLE_RATE
    passing = np.zeros(samples, np.float32)
    for _ in range(int(rng.poisson(0.25 * seconds + 0.5))):
        centre, width, peak = rng.uniform(-1, seconds + 1), rng.uniform(0.4, 1.5), rng.uniform(0.5, 2.0)
        first, last = (int(np.clip((centre + side * 3 * width) * SAMPLE_RATE, 0, samples)) for side in (-1, 1))
        t = np.arange(first, last, dtype=np.float32) / np.float32(SAMPLE_RATE) - np.float32(centre)
        passing[first:last] += np.float32(peak) * np.exp(np.float32(-0.5 / width**2) * np.square(t))
    out = out + tyres * passing
    for _ in range(int(rng.poisson(0.05 * seconds))):
        _add(out, _horn(rng), int(rng.integers(samples)))
    for _ in range(int(rng.poisson(0.3 * seconds))):
        click = rng.standard_normal(2400, dtype=np.float32) * np.exp(-np.arange(2400, dtype=np.float32) / np.float32(rng.uniform(100, 500)))
        _add(out, click * np.float32(rng.uniform(0.3, 1.5)), int(rng.integers(samples)))
    return out


def _horn(rng: np.random.Generator) -> Sound:
    n = int(rng.uniform(0.2, 0.9) * SAMPLE_RATE)
    t = np.arange(n, dtype=np.float32) / np.float32(SAMPLE_RATE)
    low = rng.uniform(300, 420)
    tone = sum(np.sin(np.float32(2 * np.pi * low * part * k) * t) / np.float32(k) for part in (1, 1.26) for k in (1, 2, 3))
    envelope = np.minimum(1, np.minimum(t, t[::-1]) / np.float32(0.03))
    return np.asarray(tone * envelope * np.float32(rng.uniform(0.3, 1.0)), np.float32)


def _babble(samples: int, rng: np.random.Generator, sentences: Sequence[Sound]) -> Sound:
    talkers = int(rng.integers(4, 8))
    heard = [s for s in sentences if active_level(s) > 0]
    if not heard:
        return _murmur(samples, rng, talkers)
    out = np.zeros(samples, np.float32)
    for _ in range(talkers):
        loudness = from_db(rng.uniform(-6, 3))
        at = -int(rng.integers(0, 3 * SAMPLE_RATE))
        while at < samples:
            sentence = heard[int(rng.integers(len(heard)))]
            _add(out, sentence * np.float32(loudness / active_level(sentence)), at)
            at += len(sentence) + int(rng.uniform(0.1, 0.8) * SAMPLE_RATE)
    # Talkers may all pause at once in a short stretch: a trace of a crowd farther away never does.
    return out + np.float32(0.1) * coloured_noise(samples, rng, _speech_spectrum, taps=255)


def _murmur(samples: int, rng: np.random.Generator, talkers: int) -> Sound:
    """Wordless voices: pulses and breath through resonances that move from syllable to syllable."""
    frames = samples // _HOP + 3
    window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT) / _FFT)).astype(np.float32)
    mixed_FQ = np.zeros((frames, _FFT // 2 + 1), np.complex64)
    hz = np.arange(_MURMUR_BINS, dtype=np.float32) * np.float32(SAMPLE_RATE / _FFT)
    for _ in range(talkers):
        source = _glottis(frames * _HOP + _FFT, rng)
        spectrum_FQ = scipy.fft.rfft(np.lib.stride_tricks.sliding_window_view(source, _FFT)[::_HOP][:frames] * window, axis=1)
        tract = rng.uniform(0.85, 1.2)
        gain_FQ = np.zeros((frames, _MURMUR_BINS), np.float32)
        for low, high, width, loud in _RESONANCES:
            centre = _syllables(frames, rng, low * tract, high * tract)[:, None]
            gain_FQ += np.float32(loud) / (1 + np.square((hz - centre) / np.float32(width)))
        gain_FQ *= np.maximum(_syllables(frames, rng, -0.5, 1.0), 0)[:, None] * np.float32(rng.uniform(0.5, 1.5))
        mixed_FQ[:, :_MURMUR_BINS] += spectrum_FQ[:, :_MURMUR_BINS] * gain_FQ
    pieces = scipy.fft.irfft(mixed_FQ, _FFT, axis=1) * window
    out = np.zeros((frames + 1) * _HOP, np.float32)
    out[:-_HOP] += pieces[:, :_HOP].ravel()
    out[_HOP:] += pieces[:, _HOP:].ravel()
    murmur = out[_HOP : _HOP + samples]
    crowd = coloured_noise(samples, rng, _speech_spectrum, taps=255)
    return murmur / np.float32(max(rms(murmur), 1e-9)) + np.float32(0.1) * crowd


def _glottis(samples: int, rng: np.random.Generator) -> Sound:
    """Pulses at a wandering pitch, and breath."""
    pitch = rng.uniform(90, 230) * 2 ** (0.25 * wander_frames(-(-samples // _HOP) + 1, _HOP, rng, 0.4).astype(np.float64))
    turns = np.concatenate([[0.0], np.cumsum(pitch)]) * (_HOP / SAMPLE_RATE)
    pulses = np.round(np.interp(np.arange(1, int(turns[-1])), turns, np.arange(len(turns)) * _HOP)).astype(np.int64)
    out = np.float32(0.02) * rng.standard_normal(samples, dtype=np.float32)
    out[pulses[pulses < samples]] += 1
    return out


def _syllables(frames: int, rng: np.random.Generator, low: float, high: float) -> Sound:
    """A value for each syllable of about 200 ms, joined by short glides, one per analysis frame."""
    curve = wander_frames(frames, _HOP, rng, 0.2)
    return np.asarray(low + (high - low) * (0.5 + 0.5 * curve), np.float32)


def _speech_spectrum(hz: Frequencies) -> Frequencies:
    """Long-term average of speech: flat from 100 to 500 Hz, then falling by 9 dB an octave."""
    return np.where(hz < 60, 0.0, np.minimum(1.0, (np.maximum(hz, 1) / 500) ** -1.5))


def _fan(samples: int, rng: np.random.Generator) -> Sound:
    """Air through a grille, blades as a tone with harmonics, a slow waver."""
    corner, slope = rng.uniform(200, 1200), rng.uniform(0.8, 1.6)
    air = coloured_noise(samples, rng, lambda hz: (hz > 30) / (1 + (hz / corner)) ** slope, taps=511)
    blades = _harmonics(samples, rng, rng.uniform(60, 250), wow=0.004) * np.float32(rng.uniform(0.05, 0.6))
    waver: Sound = 1 + np.float32(rng.uniform(0.02, 0.15)) * wander(samples, rng, rng.uniform(0.15, 0.8))
    out: Sound = (air + blades) * waver
    return out


def _hum(samples: int, rng: np.random.Generator) -> Sound:
    """Mains and its harmonics over a faint hiss."""
    tone = _harmonics(samples, rng, float(rng.choice([50.0, 60.0])), wow=0.0002)
    return tone + np.float32(rng.uniform(0.01, 0.1)) * rng.standard_normal(samples, dtype=np.float32)


def _harmonics(samples: int, rng: np.random.Generator, base_hz: float, *, wow: float, partials: int = 8) -> Sound:
    """A periodic tone of about unit level: one period as a table, read at a slowly wavering speed."""
    size = 2048
    turn = 2 * np.pi * np.arange(size) / size
    table = sum(rng.uniform(0.2, 1) / k * np.cos(k * turn + rng.uniform(0, 2 * np.pi)) for k in range(1, partials + 1))
    speed = base_hz / SAMPLE_RATE * (1 + wow * wander(samples, rng, 1.0).astype(np.float64))
    at = (np.cumsum(speed) * size).astype(np.int64) % size
    return np.asarray(table, np.float32)[at]


def _add(out: Sound, sound: Sound, at: int) -> None:
    """Adds `sound` to `out` from sample `at` on (which may be negative), in place."""
    first = max(-at, 0)
    part = sound[first : first + max(len(out) - max(at, 0), 0)]
    out[max(at, 0) : max(at, 0) + len(part)] += part
