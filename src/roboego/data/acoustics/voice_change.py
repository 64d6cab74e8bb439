"""Another speaker from the same recording: pitch, formants and tempo changed independently of one another.

Three steps, each of which is the identity when it is not needed: the spectral envelope is moved along the frequency axis (formants
alone), WSOLA stretches time (Verhelst and Roelands, "An overlap-add technique based on waveform similarity", ICASSP 1993), and resampling
moves pitch, formants and tempo together.
"""
# N samples, F analysis frames, Q frequency bins

from dataclasses import dataclass, replace

import numpy as np
import scipy.fft
import scipy.ndimage
import soxr
from numpy.typing import NDArray

from roboego.data.acoustics.signal import checked, checked_value, filtered, fit_length, fit_peak, rms
from roboego.data.voices.base import Sound, Spoken
from roboego.timebase import SAMPLE_RATE

PITCH_SEMITONES = (-5.0, 4.0)
FORMANT_RATIO = (0.82, 1.18)
TEMPO_RATIO = (0.85, 1.2)

_WINDOW, _HOP, _FFT = 720, 360, 1024  # envelope: 30 ms windows, half overlapping
_ENVELOPE_ROUNDS = 2
_GAIN_LIMIT = 3.5  # nepers (30 dB) that a formant change may raise or lower a bin

_GRAIN, _STEP = 960, 480  # WSOLA: 40 ms grains, half overlapping
_REACH = 288  # samples (12 ms) around its due place in which a grain is looked for
_COARSE = 4  # the search runs at a quarter of the rate, then is refined

Spectra = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class SpeakerChange:
    """How another speaker differs from the one who was recorded.

    Attributes:
        pitch_semitones: above (positive) or below the original.
        formant_ratio: frequencies of the resonances over the original's; above 1 a shorter vocal tract.
        tempo_ratio: speed over the original's; above 1 faster.
    """

    pitch_semitones: float = 0.0
    formant_ratio: float = 1.0
    tempo_ratio: float = 1.0

    def __post_init__(self) -> None:
        checked_value(self.pitch_semitones, -12, 12, "pitch_semitones")
        checked_value(self.formant_ratio, 0.6, 1.6, "formant_ratio")
        checked_value(self.tempo_ratio, 0.5, 2, "tempo_ratio")

    @property
    def pitch_ratio(self) -> float:
        return float(2.0 ** (self.pitch_semitones / 12))


def draw_speaker(rng: np.random.Generator) -> SpeakerChange:
    """A new speaker, uniform over the ranges above."""
    return SpeakerChange(
        pitch_semitones=float(rng.uniform(*PITCH_SEMITONES)),
        formant_ratio=float(rng.uniform(*FORMANT_RATIO)),
        tempo_ratio=float(rng.uniform(*TEMPO_RATIO)),
    )


def change_voice(sound: Sound, change: SpeakerChange) -> tuple[Sound, float]:
    """The sound as the other speaker would have said it.

    Args:
        sound: mono speech [N] at 24 kHz.
    Returns:
        The changed sound, equally loud, and the factor k of time: what was heard at sample n is heard at sample n * k (to about 10 ms).
    Raises:
        InputError: no usable sound.
    """
    sound = checked(sound)
    samples = max(1, round(len(sound) / change.tempo_ratio))
    out = shift_formants(sound, change.formant_ratio / change.pitch_ratio)
    out = stretch(out, change.pitch_ratio * samples / len(sound))
    if change.pitch_ratio != 1.0:
        out = soxr.resample(out, SAMPLE_RATE * change.pitch_ratio, SAMPLE_RATE, quality="HQ")
    out = fit_length(out, samples)
    loudness, before = rms(out), rms(sound)
    if loudness > 0:
        out = out * np.float32(before / loudness)
    return fit_peak(out), samples / len(sound)


def as_speaker(spoken: Spoken, change: SpeakerChange) -> Spoken:
    """The sentence said by the other speaker, word and phone times moved along.

    Raises:
        InputError: the sentence has no usable sound.
    """
    pcm, k = change_voice(spoken.pcm, change)
    return replace(
        spoken,
        voice=spoken.voice.removesuffix("-changed") + "-changed",
        pcm=pcm,
        words=tuple(replace(w, start=round(w.start * k), end=min(round(w.end * k), len(pcm))) for w in spoken.words),
        phones=tuple(replace(p, start=round(p.start * k), end=min(round(p.end * k), len(pcm))) for p in spoken.phones),
    )


def changed_voice(spoken: Spoken, rng: np.random.Generator) -> Spoken:
    """The sentence said by a newly drawn speaker. To keep one speaker over several sentences: `draw_speaker` once, then `as_speaker`."""
    return as_speaker(spoken, draw_speaker(rng))


def shift_formants(sound: Sound, ratio: float) -> Sound:
    """Moves the spectral envelope to `ratio` times its frequencies; pitch, harmonics and length stay."""
    if ratio == 1.0:
        return sound
    starts = np.arange(0, len(sound) + _WINDOW, _HOP)
    window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)).astype(np.float32)
    padded = np.pad(sound, (_WINDOW - _HOP, 2 * _WINDOW))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[starts] * window
    # The frame lies in the middle of the FFT block: a zero-phase gain spreads to both sides.
    margin = (_FFT - _WINDOW) // 2
    spectrum_FQ = scipy.fft.rfft(np.pad(frames, ((0, 0), (margin, margin))), axis=1)
    gain_FQ = np.exp(np.clip(_envelope_shift(np.abs(spectrum_FQ), ratio, _cepstral_cutoff(sound)), -_GAIN_LIMIT, _GAIN_LIMIT))
    changed = scipy.fft.irfft(spectrum_FQ * gain_FQ, _FFT, axis=1)[:, margin : margin + _WINDOW] * window
    # Half-overlapping windows: first halves and second halves each lie end to end.
    out = np.zeros((len(starts) + 1) * _HOP, np.float32)
    out[:-_HOP] += changed[:, :_HOP].ravel()
    out[_HOP:] += changed[:, _HOP:].ravel()
    return fit_length(out[_WINDOW - _HOP :], len(sound))


def stretch(sound: Sound, ratio: float) -> Sound:
    """Lasts `ratio` times as long (to the nearest sample), pitch and formants unchanged: WSOLA."""
    samples = max(1, round(len(sound) * ratio))
    if samples == len(sound):
        return sound
    padded = np.pad(sound, (_GRAIN + _REACH, 2 * _GRAIN + _REACH + _STEP))
    origin = _GRAIN + _REACH  # where the sound starts in `padded`
    grains = samples // _STEP + 2
    # Grain i is centred on sample i * _STEP of the result, so on i * _STEP / ratio of the original.
    due = origin + np.round(np.arange(grains) * _STEP / ratio).astype(np.int64) - _GRAIN // 2
    window = (0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(_GRAIN) + 0.5) / _GRAIN)).astype(np.float32)
    pieces = padded[_best_starts(padded, due)[:, None] + np.arange(_GRAIN)] * window
    out = np.zeros((grains + 1) * _STEP, np.float32)
    out[:-_STEP] += pieces[:, :_STEP].ravel()
    out[_STEP:] += pieces[:, _STEP:].ravel()
    return fit_length(out[_GRAIN // 2 :], samples)


def _best_starts(padded: Sound, due: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each grain the start near its due place whose first half best continues the grain before."""
    coarse = np.ascontiguousarray(filtered(padded, lambda hz: (hz < 2800).astype(np.float64), taps=63)[::_COARSE])
    reach, half = _REACH // _COARSE, _STEP // _COARSE
    energy = np.concatenate([[0.0], np.cumsum(np.square(coarse, dtype=np.float64))])
    quiet = 1e-3 * half * float(np.mean(np.square(coarse))) + 1e-9
    coarse_span = np.arange(2 * reach + 1)
    starts = due.copy()
    last = len(padded) - _GRAIN
    for i in range(1, len(due)):
        follows = min(starts[i - 1] + _STEP, last)
        centre = due[i] // _COARSE
        template = coarse[follows // _COARSE : follows // _COARSE + half]
        low = max(centre - reach, 0)
        region = coarse[low : centre + reach + half]
        match = np.correlate(region, template, "valid")
        at = low + coarse_span[: len(match)]
        score = match / np.sqrt(energy[at + half] - energy[at] + quiet)
        best = (low + int(np.argmax(score))) * _COARSE
        fine = slice(max(best - _COARSE, 0), best + _COARSE + _STEP)
        match = np.correlate(padded[fine], padded[follows : follows + _STEP], "valid")
        starts[i] = min(fine.start + int(np.argmax(match)), last)
    return starts


def _envelope_shift(magnitude_FQ: Spectra, ratio: float, cutoff: int) -> Spectra:
    """Log gain that moves the envelope of each spectrum to `ratio` times its frequencies; above the highest one it goes on level.

    The envelope is cepstral smoothing, done again on what lies above it ("true envelope", Roebel and Rodet, DAFx 2005). A cepstrum is a
    cosine series in frequency, so the moved envelope is the same series read at other frequencies.
    """
    floor = np.float32(1e-4) * magnitude_FQ.max(initial=0.0) + np.float32(1e-9)
    log_FQ = np.log(np.maximum(magnitude_FQ, floor))
    half = _FFT // 2
    angles_Q = np.pi * np.arange(half + 1) / half
    orders = np.arange(cutoff + 1)
    waves = np.cos(np.outer(orders, angles_Q)).astype(np.float32)
    moved_waves = np.cos(np.outer(orders, np.minimum(angles_Q / ratio, np.pi))).astype(np.float32)
    # Least squares on the even grid, the upper half of the orders faded out.
    weights_Q = np.ones(half + 1, np.float32)
    weights_Q[[0, -1]] = 0.5
    fade = np.where(orders < cutoff // 2, 1.0, 0.5 + 0.5 * np.cos(np.pi * (orders - cutoff // 2) / (cutoff + 1 - cutoff // 2)))
    fade[1:] *= 2
    analysis = (waves * weights_Q * (fade / half)[:, None]).astype(np.float32).T
    cepstrum = log_FQ @ analysis
    for _ in range(_ENVELOPE_ROUNDS - 1):
        cepstrum = np.maximum(log_FQ, cepstrum @ waves) @ analysis
    return np.asarray(cepstrum @ (moved_waves - waves), np.float32)


def _cepstral_cutoff(sound: Sound) -> int:
    """Samples of quefrency that describe the vocal tract: well below the typical pitch period."""
    period = SAMPLE_RATE / typical_pitch_hz(sound)
    return int(np.clip(0.6 * period, 36, 110))


def typical_pitch_hz(sound: Sound, *, low_hz: float = 65.0, high_hz: float = 420.0) -> float:
    """Median pitch of the voiced parts, by autocorrelation; 160 where nothing is voiced."""
    factor, size = 4, 300
    rate = SAMPLE_RATE // factor
    slow = filtered(sound, lambda hz: (hz < 900).astype(np.float64), taps=127)[::factor]
    if len(slow) < size:
        return 160.0
    frames = np.lib.stride_tricks.sliding_window_view(slow, size)[:: size // 2]
    spectra = scipy.fft.rfft((frames - frames.mean(1, keepdims=True)) * np.hanning(size).astype(np.float32), 1024, axis=1)
    autocorrelation = scipy.fft.irfft(np.square(np.abs(spectra)), axis=1)
    shape = scipy.fft.irfft(np.square(np.abs(scipy.fft.rfft(np.hanning(size), 1024))))
    lags = slice(int(rate / high_hz), int(rate / low_hz) + 1)
    power = autocorrelation[:, :1]
    similarity = autocorrelation[:, lags] / (power + 1e-9) * (shape[0] / shape[lags])
    voiced = (similarity.max(1) > 0.6) & (power[:, 0] > 0.05 * power.max())
    if not voiced.any():
        return 160.0
    # The shortest lag almost as good as the best: not a multiple of the period.
    good = similarity[voiced]
    peaks = (good >= 0.9 * good.max(1, keepdims=True)) & (good == scipy.ndimage.maximum_filter1d(good, 5, axis=1))
    return float(rate / (lags.start + np.median(peaks.argmax(1))))
