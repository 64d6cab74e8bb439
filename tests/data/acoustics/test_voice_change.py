"""Pitch, formants and tempo move as asked and leave one another alone."""

import numpy as np
import pytest
import scipy.signal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roboego.data.acoustics.voice_change import (
    FORMANT_RATIO,
    PITCH_SEMITONES,
    TEMPO_RATIO,
    SpeakerChange,
    as_speaker,
    change_voice,
    changed_voice,
    draw_speaker,
    typical_pitch_hz,
)
from roboego.data.voices.base import Sound, Spoken, TimedPhone, TimedWord
from roboego.errors import InputError
from roboego.timebase import SAMPLE_RATE


def pitch_hz(sound: Sound) -> float:
    """Highest peak of the autocorrelation between 50 and 400 Hz, refined by a parabola."""
    middle = sound[len(sound) // 4 : 3 * len(sound) // 4].astype(np.float64)
    full = scipy.signal.correlate(middle, middle, method="fft")[len(middle) - 1 :]
    low, high = SAMPLE_RATE // 400, SAMPLE_RATE // 50
    peaks = low + np.flatnonzero(full[low:high] > 0.85 * full[low:high].max())
    at = next(i for i in peaks if full[i] >= full[i - 1] and full[i] >= full[i + 1])
    a, b, c = full[at - 1 : at + 2]
    return float(SAMPLE_RATE / (at + 0.5 * (a - c) / (a - 2 * b + c)))


def resonance_hz(sound: Sound, low_hz: float, high_hz: float) -> float:
    """The middle of the energy in a band."""
    hz, power = scipy.signal.welch(sound, SAMPLE_RATE, nperseg=2048)
    band = (hz >= low_hz) & (hz <= high_hz)
    return float(np.sum(hz[band] * power[band]) / np.sum(power[band]))


def test_no_change_is_the_identity(speech: Sound) -> None:
    out, k = change_voice(speech, SpeakerChange())
    np.testing.assert_allclose(out, speech, atol=1e-6)
    assert k == 1.0


@pytest.mark.parametrize("semitones", [-5.0, -2.0, 1.5, 4.0])
@pytest.mark.parametrize("source_hz", [100.0, 210.0])
def test_pitch_moves_by_the_asked_ratio(vowel, semitones: float, source_hz: float) -> None:
    source = vowel(pitch_hz=source_hz)
    out, k = change_voice(source, SpeakerChange(pitch_semitones=semitones))
    assert pitch_hz(out) / pitch_hz(source) == pytest.approx(2 ** (semitones / 12), rel=0.03)
    assert len(out) == len(source)
    assert k == 1.0


@pytest.mark.parametrize("semitones", [-5.0, 4.0])
def test_pitch_leaves_formants(vowel, semitones: float) -> None:
    source = vowel(formants_hz=(1500.0,))
    out, _ = change_voice(source, SpeakerChange(pitch_semitones=semitones))
    assert resonance_hz(out, 1000, 2000) == pytest.approx(resonance_hz(source, 1000, 2000), rel=0.05)


@pytest.mark.parametrize("ratio", [0.82, 1.18])
def test_formants_move_and_leave_pitch_and_length(vowel, ratio: float) -> None:
    source = vowel(formants_hz=(1500.0,))
    out, k = change_voice(source, SpeakerChange(formant_ratio=ratio))
    assert resonance_hz(out, 1000, 2100) == pytest.approx(1500 * ratio, rel=0.05)
    assert pitch_hz(out) == pytest.approx(pitch_hz(source), rel=0.01)
    assert len(out) == len(source)
    assert k == 1.0


@pytest.mark.parametrize("ratio", [0.85, 1.2])
def test_tempo_changes_length_and_leaves_pitch(vowel, ratio: float) -> None:
    source = vowel()
    out, k = change_voice(source, SpeakerChange(tempo_ratio=ratio))
    assert len(out) == round(len(source) / ratio)
    assert k == pytest.approx(1 / ratio, rel=1e-3)
    assert pitch_hz(out) == pytest.approx(pitch_hz(source), rel=0.01)


@given(semitones=st.floats(-5, 4), formants=st.floats(0.82, 1.18), tempo=st.floats(0.85, 1.2), samples=st.integers(1, 30_000))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_length_stays_finite_and_in_range(speech: Sound, semitones: float, formants: float, tempo: float, samples: int) -> None:
    change = SpeakerChange(pitch_semitones=semitones, formant_ratio=formants, tempo_ratio=tempo)
    out, k = change_voice(speech[:samples], change)
    assert out.dtype == np.float32
    assert len(out) == max(1, round(samples / tempo))
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= 1
    assert k == pytest.approx(len(out) / samples)


def test_what_was_at_n_is_heard_at_n_times_k(speech: Sound) -> None:
    change = SpeakerChange(pitch_semitones=3, formant_ratio=0.9, tempo_ratio=1.2)
    out, k = change_voice(speech, change)
    for sound, factor in ((speech, 1.0), (out, k)):
        # The first pause lies between 1.04 s and 1.54 s of the original.
        start, end = (round(s * factor * SAMPLE_RATE) for s in (1.05, 1.53))
        assert np.abs(sound[start:end]).max() < 0.02
        around = round(0.06 * factor * SAMPLE_RATE)
        assert np.abs(sound[end : end + around]).max() > 0.1
        assert np.abs(sound[start - 2 * around : start]).max() > 0.1


def test_word_and_phone_times_move_along(speech: Sound) -> None:
    spoken = Spoken(
        text="one two",
        voice="heart",
        pcm=speech,
        words=(TimedWord(text="one", start=0, end=1000), TimedWord(text="two", start=1000, end=len(speech))),
        phones=(TimedPhone(symbol="w", start=10, end=500),),
    )
    slow = as_speaker(spoken, SpeakerChange(tempo_ratio=0.5))
    assert [(w.text, w.start, w.end) for w in slow.words] == [("one", 0, 2000), ("two", 2000, 2 * len(speech))]
    assert [(p.start, p.end) for p in slow.phones] == [(20, 1000)]
    assert slow.voice == "heart-changed"
    assert as_speaker(slow, SpeakerChange(tempo_ratio=2.0)).voice == "heart-changed"


def test_a_seed_gives_one_speaker_and_one_sound(speech: Sound) -> None:
    spoken = Spoken(text="one", voice="heart", pcm=speech)
    first, second = (changed_voice(spoken, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first.pcm, second.pcm)
    assert draw_speaker(np.random.default_rng(3)) != draw_speaker(np.random.default_rng(4))


def test_drawn_speakers_stay_in_range(rng: np.random.Generator) -> None:
    for _ in range(200):
        change = draw_speaker(rng)
        assert PITCH_SEMITONES[0] <= change.pitch_semitones <= PITCH_SEMITONES[1]
        assert FORMANT_RATIO[0] <= change.formant_ratio <= FORMANT_RATIO[1]
        assert TEMPO_RATIO[0] <= change.tempo_ratio <= TEMPO_RATIO[1]


def test_loudness_stays(speech: Sound) -> None:
    out, _ = change_voice(speech, SpeakerChange(pitch_semitones=-4, formant_ratio=1.1))
    assert np.sqrt(np.mean(out**2)) == pytest.approx(np.sqrt(np.mean(speech**2)), rel=0.01)


@pytest.mark.parametrize("source_hz", [85.0, 120.0, 180.0, 260.0, 330.0])
def test_typical_pitch(vowel, source_hz: float) -> None:
    assert typical_pitch_hz(vowel(pitch_hz=source_hz)) == pytest.approx(source_hz, rel=0.08)


def test_silence_stays_silent() -> None:
    out, _ = change_voice(np.zeros(5000, np.float32), SpeakerChange(pitch_semitones=3, formant_ratio=0.9, tempo_ratio=1.1))
    assert np.abs(out).max() == 0


@pytest.mark.parametrize(
    "sound", [np.zeros((2, 100), np.float32), np.zeros(0, np.float32), np.full(9, np.nan, np.float32), np.zeros(9, np.int16)]
)
def test_unusable_sound_is_refused(sound: Sound) -> None:
    with pytest.raises(InputError):
        change_voice(sound, SpeakerChange(pitch_semitones=1))


@pytest.mark.parametrize("change", [{"pitch_semitones": 40.0}, {"formant_ratio": 0.0}, {"tempo_ratio": float("nan")}])
def test_impossible_changes_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(InputError):
        SpeakerChange(**change)
