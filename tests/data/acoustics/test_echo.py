"""The leak of Ego's own voice: as loud and as late as asked."""

import numpy as np
import pytest
import scipy.signal

from roboego.data.acoustics.echo import leaked
from roboego.data.acoustics.signal import rms
from roboego.data.voices.base import Sound
from roboego.errors import InputError
from roboego.timebase import SAMPLE_RATE


@pytest.mark.parametrize("level_db", [-30.0, -10.0])
@pytest.mark.parametrize("delay_s", [0.02, 0.2])
def test_level_and_delay(level_db: float, delay_s: float, speech: Sound, rng: np.random.Generator) -> None:
    playback = np.concatenate([speech, np.zeros(SAMPLE_RATE, np.float32)])
    echo = leaked(playback, rng, level_db=level_db, delay_s=delay_s)
    assert len(echo) == len(playback)
    assert 20 * np.log10(rms(echo) / rms(playback)) == pytest.approx(level_db, abs=0.5)
    lag = int(np.argmax(scipy.signal.correlate(echo, playback, method="fft"))) - (len(playback) - 1)
    assert lag / SAMPLE_RATE == pytest.approx(delay_s, abs=0.003)
    assert np.abs(echo[: int((delay_s - 0.012) * SAMPLE_RATE)]).max() < 1e-4


def test_reproducible_and_silent_for_silence(speech: Sound) -> None:
    first, second = (leaked(speech, np.random.default_rng(1), level_db=-15, delay_s=0.1) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not leaked(0 * speech, np.random.default_rng(1), level_db=-15, delay_s=0.1).any()


def test_a_delay_beyond_the_end_leaves_silence() -> None:
    assert not leaked(np.ones(100, np.float32), np.random.default_rng(1), level_db=-15, delay_s=0.1).any()


def test_unusable_values_are_refused(speech: Sound, rng: np.random.Generator) -> None:
    for values in ({"level_db": 3.0, "delay_s": 0.1}, {"level_db": -10.0, "delay_s": -0.1}, {"level_db": float("nan"), "delay_s": 0.1}):
        with pytest.raises(InputError):
            leaked(speech, rng, **values)
    with pytest.raises(InputError):
        leaked(np.full(4, np.nan, np.float32), rng, level_db=-10, delay_s=0.1)
