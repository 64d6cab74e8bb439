"""From the microphone to the codec: its tone, overload, telephone lines, coarse quantisation, level."""

import numpy as np
import scipy.signal
import soxr
from numpy.typing import NDArray

from roboego.data.acoustics.signal import checked, checked_value, filtered, fit_length, from_db, wander
from roboego.data.voices.base import Sound
from roboego.timebase import SAMPLE_RATE

TELEPHONE_RATE = 8_000
TELEPHONE_BAND_HZ = (300.0, 3400.0)


def microphone(sound: Sound, *, tilt_db: float = 0.0, low_cut_hz: float = 0.0, offset: float = 0.0) -> Sound:
    """A microphone's tone: no delay, same length.

    Args:
        tilt_db: gain per octave around 1 kHz (positive: bright), held below 60 Hz and above 10 kHz.
        low_cut_hz: below it 12 dB an octave are taken away; 0 for none.
        offset: a constant added to every sample.
    Raises:
        InputError: unusable sound or values.
    """
    sound = checked(sound)
    checked_value(tilt_db, -12, 12, "tilt_db")
    checked_value(low_cut_hz, 0, 1000, "low_cut_hz")
    checked_value(offset, -0.5, 0.5, "offset")

    def gain(hz: NDArray[np.float64]) -> NDArray[np.float64]:
        octaves = np.log2(np.clip(hz, 60, 10_000) / 1000)
        steepness = (low_cut_hz / np.maximum(hz, 1.0)) ** 4 if low_cut_hz else 0.0
        return np.asarray(10 ** (tilt_db * octaves / 20) / np.sqrt(1 + steepness))

    if tilt_db != 0 or low_cut_hz != 0:
        sound = filtered(sound, gain, taps=1023 if low_cut_hz else 511)
    return sound + np.float32(offset)


def overload(sound: Sound, drive_db: float) -> Sound:
    """A recording set too loud: peaks would reach `drive_db` above full scale, and are cut off at 1.

    Raises:
        InputError: unusable sound or values.
    """
    sound = checked(sound)
    checked_value(drive_db, 0, 60, "drive_db")
    peak = float(np.abs(sound).max())
    return np.clip(sound * np.float32(from_db(drive_db) / peak), -1, 1) if peak > 0 else sound


def telephone(sound: Sound) -> Sound:
    """A narrow-band line: 300 to 3400 Hz, 8 kHz, 8 bits of mu-law (ITU-T G.711), and back to 24 kHz; same length, delay below 2 ms.

    Raises:
        InputError: unusable sound.
    """
    sound = checked(sound)
    line = soxr.resample(sound, SAMPLE_RATE, TELEPHONE_RATE, quality="HQ")
    band = scipy.signal.butter(4, TELEPHONE_BAND_HZ, "bandpass", fs=TELEPHONE_RATE, output="sos")
    line = mu_law(scipy.signal.sosfilt(band, line).astype(np.float32))
    return fit_length(soxr.resample(line, TELEPHONE_RATE, SAMPLE_RATE, quality="HQ"), len(sound))


def mu_law(sound: Sound, *, mu: float = 255.0) -> Sound:
    """Through 8 bits on a logarithmic scale; what exceeds 1 is cut off."""
    limited = np.clip(sound, -1, 1)
    scale = np.float32(np.log1p(mu))
    squeezed = np.copysign(np.log1p(np.float32(mu) * np.abs(limited)) / scale, limited)
    rounded = np.round(squeezed * np.float32(127.5) - np.float32(0.5)) + np.float32(0.5)
    squeezed = rounded / np.float32(127.5)
    restored: Sound = np.copysign(np.expm1(np.abs(squeezed) * scale) / np.float32(mu), squeezed).astype(np.float32)
    return restored


def quantise(sound: Sound, bits: int) -> Sound:
    """Rounded to `bits` bits per sample; what exceeds 1 is cut off.

    Raises:
        InputError: unusable sound, or fewer than 4 or more than 16 bits.
    """
    steps = np.float32(2 ** (int(checked_value(bits, 4, 16, "bits")) - 1))
    return np.clip(np.round(checked(sound) * steps) / steps, -1, 1)


def drift(sound: Sound, rng: np.random.Generator, depth_db: float, *, period_s: float = 2.5) -> Sound:
    """A level that wanders slowly by up to `depth_db` either way, as under automatic gain or a turning head.

    Raises:
        InputError: unusable sound or values.
    """
    sound = checked(sound)
    checked_value(depth_db, 0, 20, "depth_db")
    wandered: Sound = sound * np.exp(wander(len(sound), rng, period_s) * np.float32(depth_db * np.log(10) / 20))
    return wandered


def gain(sound: Sound, level_db: float) -> Sound:
    """Louder or quieter; not limited.

    Raises:
        InputError: unusable sound or values.
    """
    return checked(sound) * np.float32(from_db(checked_value(level_db, -60, 40, "level_db")))
