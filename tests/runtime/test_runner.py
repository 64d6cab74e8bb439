"""Driving sessions from sources of frames."""

import gc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roboego.errors import InputError
from roboego.runtime.clock import FrameClock
from roboego.runtime.engine import Engine
from roboego.runtime.frame import Frame, SessionError, StepIn
from roboego.runtime.runner import frames_of, play
from tiny import obedient_loaded, tiny_loaded


def test_sessions_run_until_their_sources_end() -> None:
    engine = Engine(obedient_loaded(), slots=2)
    one, two = engine.open("tts"), engine.open("tts")
    ticks = list(play(engine, {one: [StepIn(say="the cup"), None, np.zeros(1920, np.float32)], two: [None] * 5}))
    assert [set(tick) for tick in ticks] == [{one, two}] * 3 + [{two}] * 2
    assert one.transcript[0].text == "the cup"
    assert (one.frames, two.frames) == (3, 5)


def test_a_source_that_fails_takes_only_its_session_along() -> None:
    def failing() -> Iterator[None]:
        yield None
        raise OSError("the microphone is gone")

    engine = Engine(tiny_loaded(), slots=2)
    one, two = engine.open(), engine.open()
    ticks = list(play(engine, {one: failing(), two: [None] * 3}))
    failure = ticks[1][one]
    assert isinstance(failure, SessionError)
    assert isinstance(failure.__cause__, OSError)
    assert [isinstance(tick[two], Frame) for tick in ticks] == [True] * 3


def test_input_that_cannot_be_used_costs_one_frame() -> None:
    engine = Engine(tiny_loaded())
    session = engine.open()
    results = [tick[session] for tick in play(engine, {session: [None, np.full(1920, np.nan, np.float32), None]})]
    assert [isinstance(result, Frame) for result in results] == [True, False, True]


def test_a_session_closed_meanwhile_drops_out() -> None:
    engine = Engine(tiny_loaded())
    session = engine.open()
    ticks = play(engine, {session: [None] * 100})
    next(ticks)
    session.close()
    assert [type(tick[session]) for tick in ticks] == [SessionError]


def test_the_clock_sets_the_pace_and_nothing_is_collected_meanwhile() -> None:
    engine, clock = Engine(tiny_loaded()), FrameClock(period_ns=1_000)
    session = engine.open()
    frozen = [gc.get_freeze_count() for _ in play(engine, {session: [None] * 4}, clock)]
    assert clock.ticks == 4
    assert all(frozen)
    assert gc.get_freeze_count() == 0


@given(st.lists(st.integers(0, 5_000), max_size=12))
def test_blocks_of_any_length_become_frames(lengths: list[int]) -> None:
    pcm = np.arange(sum(lengths), dtype=np.float32)
    frames = list(frames_of(np.split(pcm, np.cumsum(lengths)[:-1]) if lengths else []))
    assert all(len(frame) == 1920 for frame in frames[:-1])
    assert np.array_equal(np.concatenate([np.zeros(0, np.float32), *frames]), pcm)


def test_sound_of_two_channels() -> None:
    with pytest.raises(InputError, match="one channel"):
        list(frames_of([np.zeros((10, 2), np.float32)]))
