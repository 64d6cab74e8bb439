"""Noise of any kind and length, and mixing at the ratio that was asked for."""

import numpy as np
import pytest
import scipy.signal

from roboego.data.acoustics.noise import NOISES, make_noise, mix_at
from roboego.data.acoustics.signal import active_level, coloured_noise, rms
from roboego.data.voices.base import Sound
from roboego.errors import InputError
from roboego.timebase import SAMPLE_RATE


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("samples", [1, 1919, 3 * SAMPLE_RATE])
def test_length_level_and_range(kind: str, samples: int, rng: np.random.Generator) -> None:
    noise = make_noise(kind, samples, rng)
    assert noise.dtype == np.float32
    assert noise.shape == (samples,)
    assert np.isfinite(noise).all()
    assert np.abs(noise).max() <= 1
    if samples > SAMPLE_RATE:
        assert 0.03 < rms(noise) <= 0.1001


@pytest.mark.parametrize("kind", NOISES)
def test_seeds_reproduce_and_differ(kind: str) -> None:
    first, again, other = (make_noise(kind, 20_000, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 12.0, 25.0])
def test_snr_is_as_asked(kind: str, snr_db: float, speech: Sound, rng: np.random.Generator) -> None:
    quiet = 0.3 * speech
    mixed = mix_at(quiet, make_noise(kind, len(speech), rng), snr_db)
    assert np.abs(mixed).max() <= 1
    assert 20 * np.log10(active_level(quiet) / rms(mixed - quiet)) == pytest.approx(snr_db, abs=0.5)


def test_active_level_ignores_pauses(speech: Sound) -> None:
    padded = np.concatenate([speech, np.zeros(10 * SAMPLE_RATE, np.float32)])
    assert active_level(padded) == pytest.approx(active_level(speech), rel=0.01)
    assert active_level(0.5 * speech) == pytest.approx(0.5 * active_level(speech), rel=0.01)


def test_a_loud_mix_is_turned_down_as_a_whole(speech: Sound, rng: np.random.Generator) -> None:
    mixed = mix_at(3 * speech, make_noise("white", len(speech), rng), 0.0)
    assert np.abs(mixed).max() == pytest.approx(1, abs=1e-5)


def test_pink_noise_falls_by_3_db_an_octave(rng: np.random.Generator) -> None:
    hz, power = scipy.signal.welch(make_noise("pink", 20 * SAMPLE_RATE, rng), SAMPLE_RATE, nperseg=4096)
    levels = [10 * np.log10(power[(hz > f) & (hz < 2 * f)].mean()) for f in (100, 200, 400, 800, 1600, 3200, 6400)]
    np.testing.assert_allclose(np.diff(levels), -3.0, atol=0.7)


def test_long_noise_has_no_seams(rng: np.random.Generator) -> None:
    noise = coloured_noise(30 * SAMPLE_RATE, rng, lambda hz: 1.0 * (hz < 300))
    steps = np.abs(np.diff(noise))
    assert steps.max() < 7 * steps.mean()


def test_babble_is_made_of_the_sentences(speech: Sound, rng: np.random.Generator) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    babble = make_noise("babble", 5 * SAMPLE_RATE, rng, sentences=[tone])
    hz, power = scipy.signal.welch(babble, SAMPLE_RATE, nperseg=4096)
    assert power[(hz > 420) & (hz < 460)].sum() > 0.9 * power.sum()


def test_wordless_babble_has_the_spectrum_of_speech(rng: np.random.Generator) -> None:
    hz, power = scipy.signal.welch(make_noise("babble", 10 * SAMPLE_RATE, rng), SAMPLE_RATE, nperseg=2048)
    assert power[(hz > 100) & (hz < 3500)].sum() > 0.9 * power.sum()


def test_unusable_input_is_refused(speech: Sound, rng: np.random.Generator) -> None:
    noise = make_noise("white", len(speech), rng)
    with pytest.raises(InputError, match="the kinds are"):
        make_noise("thunder", 100, rng)
    with pytest.raises(InputError):
        make_noise("white", 0, rng)
    with pytest.raises(InputError):
        make_noise("babble", 100, rng, sentences=[np.full(5, np.inf, np.float32)])
    with pytest.raises(InputError, match="as long as"):
        mix_at(speech, noise[:-1], 10)
    with pytest.raises(InputError, match="silent"):
        mix_at(0 * speech, noise, 10)
    with pytest.raises(InputError, match="silent"):
        mix_at(speech, 0 * noise, 10)
    with pytest.raises(InputError):
        mix_at(speech, noise, float("nan"))
