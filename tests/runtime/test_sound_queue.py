"""Sound between threads: order is kept, and what is lost is counted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roboego.errors import InputError
from roboego.runtime.sound_queue import SoundQueue


@given(st.lists(st.integers(0, 6_000), max_size=10))
def test_blocks_of_any_length_come_out_as_frames_in_order(lengths: list[int]) -> None:
    queue, pcm = SoundQueue(100), np.linspace(-1, 1, sum(lengths) + 1, dtype=np.float32)[:-1]
    for block in np.split(pcm, np.cumsum(lengths)[:-1]) if lengths else []:
        queue.push(block)
    frames = [queue.take().listen for _ in range(len(queue))]
    assert np.array_equal(np.concatenate([np.zeros(0), *frames]), pcm[: len(pcm) // 1920 * 1920])
    assert queue.take().listen is None
    assert (queue.overruns, queue.underruns) == (0, 1)


def test_when_it_is_full_the_oldest_frame_goes_and_is_reported() -> None:
    queue = SoundQueue(frames=3)
    queue.push(np.repeat(np.arange(5, dtype=np.float32) / 10, 1920))
    first = queue.take()
    assert first.lost_frames == queue.overruns == 2
    assert np.asarray(first.listen)[0] == np.float32(0.2)
    assert queue.take().lost_frames == 0


def test_there_is_room_once_for_what_was_kept_back() -> None:
    queue = SoundQueue(frames=3)
    queue.allow(10)
    queue.push(np.zeros(13 * 1920, np.float32))
    assert queue.overruns == 0
    for _ in range(13):
        assert queue.take().listen is not None
    queue.push(np.zeros(5 * 1920, np.float32))
    assert queue.overruns == 2


@pytest.mark.parametrize("wrong", [np.zeros((2, 10)), np.zeros(10, np.int16), np.full(10, np.nan)], ids=["channels", "integers", "nan"])
def test_what_is_no_sound_is_refused_whole(wrong: np.ndarray) -> None:
    queue = SoundQueue()
    with pytest.raises(InputError, match="finite floating point"):
        queue.push(wrong)
    queue.push(np.ones(1920, np.float32))
    assert np.asarray(queue.take().listen).min() == 1


def test_it_holds_something() -> None:
    with pytest.raises(InputError, match="at least one"):
        SoundQueue(0)
