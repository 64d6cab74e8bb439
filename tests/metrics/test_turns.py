"""Turn-taking, on tones laid at known samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from roboego.errors import InputError
from roboego.metrics.turns import (
    DEFAULT_ACTIVITY,
    Segment,
    VoiceActivity,
    joined,
    response_latency_s,
    stayed_silent,
    stop_latency_s,
    took_floor_early,
    turn,
    voiced_segments,
    within,
)
from roboego.timebase import SAMPLE_RATE, seconds_to_samples

Sound = NDArray[np.float32]
BLOCK = seconds_to_samples(DEFAULT_ACTIVITY.hop_s)
CYCLE = 0.005  # a 200 Hz tone: a cycle every 5 ms, so that every block of 10 ms holds whole cycles


def track(length_s: float, *spoken: tuple[float, float], level: float = 0.3) -> Sound:
    """Silence with a tone in each [start, end) of `spoken`, in seconds."""
    pcm = np.zeros(seconds_to_samples(length_s), np.float32)
    for start_s, end_s in spoken:
        start, end = seconds_to_samples(start_s), seconds_to_samples(end_s)
        phase = (np.arange(end - start) + 0.5) / SAMPLE_RATE / CYCLE
        pcm[start:end] = level * np.sign(np.sin(2 * np.pi * phase))
    return pcm


def seconds(start_s: float, end_s: float) -> Segment:
    return Segment(start=seconds_to_samples(start_s), end=seconds_to_samples(end_s))


@given(
    spans=st.lists(st.tuples(st.integers(40, 4_000), st.integers(1_000, 20_000)), min_size=1, max_size=4),
    level=st.sampled_from([0.02, 0.3, 1.0]),
)
def test_edges_are_right_to_a_block_and_never_outside_the_voice(spans: list[tuple[int, int]], level: float) -> None:
    expected, parts = [], []
    for extra, length in spans:
        gap = 5_000 + extra
        start = sum(map(len, parts)) + gap
        parts += [np.zeros(gap, np.float32), np.full(length, level, np.float32)]
        expected.append(Segment(start=start, end=start + length))
    found = voiced_segments(np.concatenate(parts))
    assert len(found) == len(expected)
    for segment, truth in zip(found, expected, strict=True):
        assert truth.start <= segment.start <= truth.start + BLOCK
        assert truth.end - BLOCK <= segment.end <= truth.end


def test_short_pauses_belong_to_the_segment_and_long_ones_part_it() -> None:
    pcm = track(5, (1.0, 1.5), (1.65, 2.0), (2.4, 3.0))
    assert voiced_segments(pcm) == (seconds(1.0, 2.0), seconds(2.4, 3.0))
    assert voiced_segments(pcm, VoiceActivity(hangover_s=0.1)) == (seconds(1.0, 1.5), seconds(1.65, 2.0), seconds(2.4, 3.0))


def test_hiss_hum_and_clicks_are_not_voice() -> None:
    rng = np.random.default_rng(0)
    hiss = (1e-3 * rng.standard_normal(10 * SAMPLE_RATE)).astype(np.float32)
    assert stayed_silent(hiss)
    click = track(2, (1.0, 1.005))
    assert stayed_silent(click)
    speech = track(10, (4.0, 5.0)) + 0.7 * hiss
    assert voiced_segments(speech)[0].start == pytest.approx(4 * SAMPLE_RATE, abs=2)
    assert not stayed_silent(speech)


def test_a_quiet_recording_has_its_voice_found_above_its_room() -> None:
    assert voiced_segments(track(3, (1.0, 2.0), level=0.005)) == (seconds(1.0, 2.0),)
    loud = track(3, (1.0, 1.5), level=1.0) + track(3, (2.0, 2.5), level=10 ** (-45 / 20))
    assert voiced_segments(loud) == (seconds(1.0, 1.5),)
    assert len(voiced_segments(loud, VoiceActivity(relative_db=-50))) == 2


def test_other_sample_rates() -> None:
    pcm = np.zeros(16_000, np.float32)
    pcm[4_000:8_000] = 0.5
    assert voiced_segments(pcm, sample_rate=16_000) == (Segment(start=4_000, end=8_000),)


def test_latency_from_the_last_voiced_sample_to_the_first() -> None:
    user = turn(voiced_segments(track(6, (0.5, 1.2), (1.8, 2.5))))
    ego = voiced_segments(track(6, (2.9, 4.0)))
    assert user == seconds(0.5, 2.5)
    assert response_latency_s(user, ego) == pytest.approx(0.4)
    assert not took_floor_early(user, ego)


def test_speaking_in_a_pause_takes_the_floor() -> None:
    user = turn(voiced_segments(track(6, (0.5, 1.2), (2.4, 3.0))))
    ego = voiced_segments(track(6, (1.6, 2.6)))
    assert took_floor_early(user, ego)
    assert response_latency_s(user, ego) == pytest.approx(-1.4)


def test_an_earlier_reply_running_on_is_not_the_reply() -> None:
    user, ego = seconds(2.0, 3.0), [seconds(0.5, 2.3), seconds(3.5, 4.0)]
    assert response_latency_s(user, ego) == pytest.approx(0.5)
    assert not took_floor_early(user, ego)
    assert response_latency_s(user, ego[:1]) is None
    assert response_latency_s(user, []) is None


def test_backchannels_may_be_allowed() -> None:
    user, murmur, takeover = seconds(0.0, 3.0), [seconds(1.0, 1.4)], [seconds(2.8, 3.2)]
    assert took_floor_early(user, murmur)
    assert not took_floor_early(user, murmur, backchannel_s=0.5)
    assert took_floor_early(user, takeover, backchannel_s=0.5)


def test_stopping_when_interrupted() -> None:
    interruption = seconds(2.0, 2.6)
    assert stop_latency_s(interruption, [seconds(0.5, 2.9), seconds(3.5, 5.0)]) == pytest.approx(0.3)
    assert stop_latency_s(interruption, [seconds(0.5, 2.2)]) == pytest.approx(-0.4)
    assert stop_latency_s(interruption, [seconds(0.5, 1.9)]) is None


def test_pauses_within_what_is_said_may_be_joined() -> None:
    parts = [Segment(start=0, end=10), Segment(start=15, end=20), Segment(start=40, end=50)]
    assert joined(parts, 5, sample_rate=1) == (Segment(start=0, end=20), Segment(start=40, end=50))
    assert joined([], 1.0) == ()


def test_one_exchange_out_of_many() -> None:
    segments = [seconds(0, 1), seconds(2, 4), seconds(5, 6)]
    assert within(segments, seconds_to_samples(3), seconds_to_samples(5)) == (seconds(3, 4),)


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="one channel"):
        voiced_segments(np.zeros((2, 100), np.float32))
    with pytest.raises(InputError, match="finite"):
        voiced_segments(np.full(100, np.nan, np.float32))
    with pytest.raises(InputError, match="needs voice"):
        turn(voiced_segments(np.zeros(0, np.float32)))
