"""Conditions: drawn, named, written down, applied."""

import json
from dataclasses import replace

import numpy as np
import pytest

from roboego.data.acoustics import PRESETS, Condition, apply, draw_condition, preset
from roboego.data.acoustics.signal import active_level, rms
from roboego.data.voices.base import Sound
from roboego.errors import InputError
from roboego.timebase import SAMPLE_RATE


def test_clean_is_the_identity(speech: Sound, rng: np.random.Generator) -> None:
    np.testing.assert_array_equal(apply(preset("clean"), speech, rng, echo_of=speech), speech)


@pytest.mark.parametrize("name", [*PRESETS, "white-0db", "hum-20db", "pink--5db", "echo-30db"])
def test_presets_keep_length_and_range_and_reproduce(name: str, speech: Sound) -> None:
    condition = preset(name)
    first, second = (apply(condition, speech, np.random.default_rng(5), echo_of=speech[::-1]) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.dtype == np.float32
    assert len(first) == len(speech)
    assert np.isfinite(first).all()
    assert np.abs(first).max() <= 1
    assert name == "clean" or not np.array_equal(first, speech)


def test_drawn_conditions_can_be_applied_and_written_down(speech: Sound) -> None:
    for seed in range(60):
        rng = np.random.default_rng(seed)
        condition = draw_condition(rng)
        assert Condition.from_dict(json.loads(json.dumps(condition.to_dict()))) == condition
        assert draw_condition(np.random.default_rng(seed)) == condition
        heard = apply(condition, speech[: SAMPLE_RATE + 7 * seed], rng, echo_of=speech)
        assert len(heard) == SAMPLE_RATE + 7 * seed
        assert np.isfinite(heard).all()
        assert np.abs(heard).max() <= 1


def test_about_a_third_is_clean(rng: np.random.Generator) -> None:
    drawn = [draw_condition(rng) for _ in range(2000)]
    assert np.mean([c.is_clean for c in drawn]) == pytest.approx(0.35, abs=0.04)
    assert {c.noise for c in drawn} >= {"street", "babble", "music", "fan"}
    assert all(0 <= c.snr_db <= 25 for c in drawn if c.snr_db is not None)
    assert all(-30 <= c.echo_db <= -10 and 0.02 <= c.echo_delay_s <= 0.2 for c in drawn if c.echo_db is not None)


def test_severity(rng: np.random.Generator) -> None:
    assert all(draw_condition(rng, severity=0).is_clean for _ in range(50))
    mild = [draw_condition(rng, severity=0.4) for _ in range(500)]
    assert min(c.snr_db for c in mild if c.snr_db is not None) >= 15
    with pytest.raises(InputError):
        draw_condition(rng, severity=1.5)


def test_snr_at_the_microphone(speech: Sound, rng: np.random.Generator) -> None:
    heard = apply(preset("fan-10db"), 0.3 * speech, rng)
    assert 20 * np.log10(active_level(0.3 * speech) / rms(heard - 0.3 * speech)) == pytest.approx(10, abs=0.5)


def test_echo_is_heard_only_while_ego_speaks(speech: Sound) -> None:
    condition, silence = preset("echo-15db"), np.zeros_like(speech)
    assert not apply(condition, silence, np.random.default_rng(0)).any()
    heard = apply(condition, silence, np.random.default_rng(0), echo_of=speech[: 2 * SAMPLE_RATE])
    assert heard[: 2 * SAMPLE_RATE].any()
    assert np.abs(heard[3 * SAMPLE_RATE :]).max() < 1e-3


def test_silence_gets_noise_too(speech: Sound, rng: np.random.Generator) -> None:
    heard = apply(replace(preset("pink-10db"), drive_db=6.0), np.zeros_like(speech), rng)
    assert 20 * np.log10(rms(heard)) == pytest.approx(-36, abs=0.5)


def test_unknown_names_and_keys_are_refused(speech: Sound, rng: np.random.Generator) -> None:
    for name in ("cave", "babble", "thunder-10db", "echo"):
        with pytest.raises(InputError, match="some are"):
            preset(name)
    with pytest.raises(InputError, match="has no wind"):
        Condition.from_dict({"wind": 3})
    with pytest.raises(InputError):
        Condition.from_dict({"room": {"rt60_s": 0.3}})
    with pytest.raises(InputError):
        Condition(noise="street")
    with pytest.raises(InputError):
        Condition(echo_db=-10.0)
    with pytest.raises(InputError):
        Condition(noise="thunder", snr_db=3.0)
    with pytest.raises(InputError):
        apply(Condition(), np.full(10, np.nan, np.float32), rng)
