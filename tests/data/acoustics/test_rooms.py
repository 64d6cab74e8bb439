"""Rooms colour a sound and let it ring, but never move it."""

import numpy as np
import pytest
import scipy.signal

from roboego.data.acoustics.rooms import Room, draw_room, impulse_response, reverberate
from roboego.data.voices.base import Sound
from roboego.errors import InputError
from roboego.timebase import SAMPLE_RATE

CASES = [(size, distance) for size in ("small", "large") for distance in ("near", "far")]


@pytest.mark.parametrize(("size", "distance"), CASES)
def test_energy_is_one_and_the_direct_path_comes_first(size, distance, rng: np.random.Generator) -> None:
    for _ in range(5):
        response = impulse_response(draw_room(rng, size=size, distance=distance), rng)
        assert np.isfinite(response).all()
        assert np.sum(response.astype(np.float64) ** 2) == pytest.approx(1, rel=1e-4)
        assert response[0] > 0.5 * np.abs(response).max()  # reflections that arrive together may top it


@pytest.mark.parametrize(("size", "distance"), CASES)
def test_timing_is_unchanged(size, distance, speech: Sound, rng: np.random.Generator) -> None:
    heard = reverberate(speech, impulse_response(draw_room(rng, size=size, distance=distance), rng))
    assert len(heard) == len(speech)
    click = np.zeros(4000, np.float32)
    click[1000] = 1.0
    heard = reverberate(click, impulse_response(draw_room(rng, size=size, distance=distance), rng))
    assert np.abs(heard[:1000]).max() < 1e-5
    assert heard[1000] > 0.5 * np.abs(heard).max()


def test_reverberation_falls_by_60_db_in_rt60(rng: np.random.Generator) -> None:
    room = Room(size_m=(8.0, 7.0, 3.0), source_m=(2.0, 2.0, 1.5), microphone_m=(5.0, 4.0, 1.2), rt60_s=0.7)
    response = impulse_response(room, rng).astype(np.float64)
    low = scipy.signal.sosfiltfilt(scipy.signal.butter(4, 1000, fs=SAMPLE_RATE, output="sos"), response)
    remaining_db = 10 * np.log10(np.cumsum(low[::-1] ** 2)[::-1] / np.sum(low**2))
    at = np.arange(int(0.1 * SAMPLE_RATE), int(0.35 * SAMPLE_RATE))
    slope = np.polyfit(at / SAMPLE_RATE, remaining_db[at], 1)[0]
    assert -60 / slope == pytest.approx(0.7, rel=0.15)


def test_far_microphones_hear_less_of_the_direct_sound() -> None:
    def direct(distance_m: float) -> float:
        room = Room(size_m=(8.0, 7.0, 3.0), source_m=(2.0, 2.0, 1.5), microphone_m=(2.0 + distance_m, 2.1, 1.4), rt60_s=0.5)
        return float(impulse_response(room, np.random.default_rng(0))[0])

    assert direct(0.4) > 1.3 * direct(1.5) > 1.3 * direct(4.0)


def test_drawn_rooms_keep_distances(rng: np.random.Generator) -> None:
    for size, distance in CASES:
        for _ in range(30):
            room = draw_room(rng, size=size, distance=distance)
            assert 0.25 < room.distance_m <= 5.0
            assert (room.distance_m <= 1.0) == (distance == "near")


def test_a_seed_gives_one_response() -> None:
    first, second = (impulse_response(draw_room(r), r) for r in (np.random.default_rng(2), np.random.default_rng(2)))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("change", [{"rt60_s": 0.0}, {"source_m": (9.0, 1.0, 1.0)}, {"microphone_m": (1.0, -1.0, 1.0)}])
def test_impossible_rooms_are_refused(change) -> None:
    with pytest.raises(InputError):
        Room(**({"size_m": (4.0, 3.0, 2.5), "source_m": (1.0, 1.0, 1.0), "microphone_m": (2.0, 1.0, 1.0), "rt60_s": 0.3} | change))
