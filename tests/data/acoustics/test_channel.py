"""Each stage between microphone and codec does its one thing and keeps length and time."""

import numpy as np
import pytest
import scipy.signal

from roboego.data.acoustics import channel
from roboego.data.acoustics.signal import rms
from roboego.data.voices.base import Sound
from roboego.errors import InputError
from roboego.timebase import SAMPLE_RATE


def band_db(sound: Sound, low_hz: float, high_hz: float) -> float:
    hz, power = scipy.signal.welch(sound, SAMPLE_RATE, nperseg=2048)
    return float(10 * np.log10(power[(hz >= low_hz) & (hz <= high_hz)].mean() + 1e-20))


@pytest.fixture
def white(rng: np.random.Generator) -> Sound:
    return 0.1 * rng.standard_normal(2 * SAMPLE_RATE, dtype=np.float32)


def test_telephone_keeps_the_band_and_nothing_above_4_khz(white: Sound) -> None:
    line = channel.telephone(white)
    assert len(line) == len(white)
    kept = band_db(line, 500, 3000)
    assert kept == pytest.approx(band_db(white, 500, 3000), abs=1)
    assert band_db(line, 4200, 12_000) < kept - 50
    assert band_db(line, 0, 150) < kept - 25


def test_telephone_delays_by_less_than_2_ms(white: Sound) -> None:
    line = channel.telephone(white)
    lag = int(np.argmax(scipy.signal.correlate(line, white, method="fft"))) - (len(white) - 1)
    assert abs(lag) < 0.002 * SAMPLE_RATE


def test_mu_law_has_256_values_and_38_db(speech: Sound) -> None:
    coded = channel.mu_law(speech)
    assert len(np.unique(channel.mu_law(np.linspace(-1, 1, 100_001, dtype=np.float32)))) == 256
    assert 20 * np.log10(rms(speech) / rms(coded - speech)) > 33


def test_microphone_tilt(white: Sound) -> None:
    tilted = channel.microphone(white, tilt_db=3)
    assert len(tilted) == len(white)
    rise = [band_db(tilted, f, 1.1 * f) - band_db(white, f, 1.1 * f) for f in (500, 1000, 2000, 4000)]
    np.testing.assert_allclose(rise, [-2.8, 0.2, 3.2, 6.2], atol=0.5)


def test_microphone_low_cut_and_offset(white: Sound) -> None:
    cut = channel.microphone(white, low_cut_hz=200, offset=0.01)
    assert cut.mean() == pytest.approx(0.01, abs=0.001)
    assert band_db(cut - 0.01, 20, 60) < band_db(white, 20, 60) - 15
    assert band_db(cut, 1000, 4000) == pytest.approx(band_db(white, 1000, 4000), abs=0.5)


def test_microphone_does_not_delay() -> None:
    click = np.zeros(2001, np.float32)
    click[1000] = 1
    assert np.argmax(channel.microphone(click, tilt_db=-3, low_cut_hz=100)) == 1000


def test_plain_microphone_is_the_identity(speech: Sound) -> None:
    np.testing.assert_array_equal(channel.microphone(speech), speech)


def test_overload_cuts_peaks(speech: Sound) -> None:
    loud = channel.overload(speech, 10.0)
    assert np.abs(loud).max() == 1
    assert np.mean(np.abs(loud) == 1) > 0.005
    assert not np.any(channel.overload(np.zeros(10, np.float32), 10.0))


def test_quantise(speech: Sound) -> None:
    assert len(np.unique(channel.quantise(speech, 6))) <= 64
    assert np.abs(channel.quantise(speech, 12) - speech).max() <= 2**-12


def test_drift_is_slow_and_bounded(rng: np.random.Generator) -> None:
    ones = np.ones(10 * SAMPLE_RATE, np.float32)
    moved_db = 20 * np.log10(channel.drift(ones, rng, 6.0))
    assert np.abs(moved_db).max() <= 6.001
    assert np.ptp(moved_db) > 3
    assert np.abs(np.diff(moved_db)).max() * SAMPLE_RATE < 10  # dB a second


def test_gain(speech: Sound) -> None:
    np.testing.assert_allclose(channel.gain(speech, -20), 0.1 * speech, rtol=1e-5)


@pytest.mark.parametrize(
    "stage",
    [
        channel.telephone,
        channel.microphone,
        lambda x: channel.overload(x, 3.0),
        lambda x: channel.quantise(x, 8),
        lambda x: channel.drift(x, np.random.default_rng(0), 3.0),
        lambda x: channel.gain(x, 3.0),
    ],
)
def test_unusable_sound_is_refused(stage) -> None:
    for bad in (np.zeros((3, 2), np.float32), np.zeros(0, np.float32), np.full(9, np.inf, np.float32)):
        with pytest.raises(InputError):
            stage(bad)


def test_impossible_values_are_refused(speech: Sound) -> None:
    for attempt in (
        lambda: channel.quantise(speech, 2),
        lambda: channel.overload(speech, -1),
        lambda: channel.gain(speech, float("nan")),
        lambda: channel.microphone(speech, tilt_db=99),
    ):
        with pytest.raises(InputError):
            attempt()
