"""What operators need: figures, log lines, and limits on what clients send."""

import json
import logging
import sys
from dataclasses import replace

import numpy as np
import pytest

from roboego.runtime.frame import Frame
from roboego.serve.logs import JsonLines, TextLines
from roboego.serve.meters import Meters, SessionMeter
from roboego.serve.rates import Rate, RateLimit, TooFast
from roboego.timebase import FRAME_S, FRAME_SAMPLES


def frame(loud: bool) -> Frame:
    return Frame(
        index=0,
        speech=np.full(FRAME_SAMPLES, 0.1 * loud, np.float32),
        codes=np.zeros(1, np.int64),
        token=0,
        text="",
        caption=0,
        heard="",
        action=None,
        spoken_upto=0,
        spoken_text="",
    )


def value(meters: Meters, name: str, **labels: str) -> float:
    found = meters.registry.get_sample_value(name, labels)
    assert found is not None
    return found


def test_responses_and_jitter_are_measured() -> None:
    meters = Meters()
    meter = SessionMeter(meters)
    # The user speaks for three frames, Ego answers in the tenth; then Ego goes on, pauses, and speaks again without being asked.
    for t in range(60):
        late = 0.03 if t == 5 else 0.0
        speaks = 9 <= t < 20 or t >= 30
        meter.step(frame(speaks), voiced=t < 3, came=t * FRAME_S + late, done=t * FRAME_S + 0.02)
    assert value(meters, "roboego_response_seconds_count") == 1
    assert value(meters, "roboego_response_seconds_sum") == pytest.approx(7 * FRAME_S + 0.02)
    assert value(meters, "roboego_sound_jitter_seconds_count") == 59
    assert value(meters, "roboego_sound_jitter_seconds_bucket", le="0.02") == 57


def test_how_late_pictures_get_into_contexts_is_measured() -> None:
    meters = Meters()
    meter = SessionMeter(meters)
    for t, lag in enumerate((None, 0, None, 6)):
        meter.step(replace(frame(False), context_lag=lag), voiced=False, came=t * FRAME_S, done=t * FRAME_S)
    assert value(meters, "roboego_context_lag_seconds_count") == 2
    assert value(meters, "roboego_context_lag_seconds_sum") == pytest.approx(6 * FRAME_S)


def test_a_bucket_fills_as_time_passes() -> None:
    now = [0.0]
    rate = Rate(RateLimit(bytes_per_s=100, burst_bytes=1_000, messages_per_s=1, burst_messages=5), now=lambda: now[0])
    rate.take(900)
    with pytest.raises(TooFast, match="captured"):
        rate.take(200)
    now[0] = 10.0
    rate.take(800)
    for _ in range(4):
        rate.take(1)
    with pytest.raises(TooFast):
        rate.take(1)


def test_lines_for_machines_and_for_people() -> None:
    try:
        raise ValueError("oh")
    except ValueError:
        record = logging.LogRecord("roboego", logging.ERROR, "", 0, "a session failed", (), sys.exc_info())
    record.session = "ab"
    line = json.loads(JsonLines().format(record))
    assert (line["event"], line["level"], line["session"]) == ("a session failed", "error", "ab")
    assert "ValueError: oh" in line["error"]
    assert line["time"].endswith("+00:00")
    assert "error a session failed session=ab" in TextLines().format(record)
