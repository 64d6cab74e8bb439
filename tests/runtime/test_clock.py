"""The clock against a fake time: deadlines never drift, lateness is counted and never adds up."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roboego.errors import InputError
from roboego.runtime.clock import FrameClock
from roboego.timebase import FRAME_NS

MS = 1_000_000


class FakeTime:
    """Monotonic time that passes when somebody sleeps (a little longer than asked) or works."""

    def __init__(self, oversleep_ns: int = 0) -> None:
        self.now = 123_456_789
        self.oversleep = oversleep_ns
        self.slept: list[int] = []

    def now_ns(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds * 1e9))
        self.work(round(seconds * 1e9) + self.oversleep)

    def work(self, ns: int) -> None:
        self.now += ns

    def clock(self, **settings: int) -> FrameClock:
        return FrameClock(now_ns=self.now_ns, sleep=self.sleep, **settings)  # type: ignore[arg-type]


def test_the_first_frame_is_due_at_once_and_the_others_every_80_ms() -> None:
    time = FakeTime()
    start, clock = time.now, time.clock()
    begun = []
    for tick in islice(clock, 5):
        begun.append((tick.index, tick.due_ns - start, time.now - start))
        time.work(30 * MS)
    assert begun == [(n, n * FRAME_NS, n * FRAME_NS) for n in range(5)]
    assert (clock.ticks, clock.late, clock.skipped) == (5, 0, 0)


@given(st.lists(st.integers(0, 79 * MS), min_size=1, max_size=200), st.integers(0, MS))
def test_deadlines_do_not_drift(work: list[int], oversleep: int) -> None:
    """Whatever the frames take, as long as each is done in its time, frame n begins at n * 80 ms."""
    time = FakeTime(oversleep)
    start, clock = time.now, time.clock()
    for n, ns in enumerate(work):
        tick = clock.wait()
        assert tick.due_ns == start + n * FRAME_NS
        assert 0 <= time.now - tick.due_ns <= oversleep
        time.work(min(ns, FRAME_NS - oversleep))
    assert clock.late == 0


def test_late_frames_are_caught_up_in_a_burst() -> None:
    time = FakeTime()
    start, clock = time.now, time.clock()
    clock.wait()
    time.work(250 * MS)
    late = []
    for tick in islice(clock, 5):
        late.append((tick.index, tick.late_ns // MS))
        time.work(20 * MS)
    # Due at 80, 160, 240, 320, 400 ms; begun at 250, 270, 290, and then on time.
    assert late == [(1, 170), (2, 110), (3, 50), (4, 0), (5, 0)]
    assert (clock.late, clock.skipped) == (3, 0)
    assert clock.wait().due_ns == start + 6 * FRAME_NS


def test_frames_slower_than_the_clock_are_late_but_not_lost() -> None:
    time = FakeTime()
    clock = time.clock()
    for n in range(10):
        assert clock.wait().index == n
        time.work(90 * MS)
    assert clock.late == 9
    assert time.slept == []


def test_after_a_long_delay_the_missed_periods_are_skipped() -> None:
    time = FakeTime()
    start, clock = time.now, time.clock(burst_frames=3)
    clock.wait()
    time.work(10 * FRAME_NS + 5 * MS)
    tick = clock.wait()
    assert (tick.index, tick.skipped, tick.late_ns) == (10, 9, 5 * MS)
    assert tick.due_ns == start + 10 * FRAME_NS
    assert clock.wait().due_ns == start + 11 * FRAME_NS
    assert (clock.ticks, clock.skipped) == (3, 9)


def test_a_delay_as_long_as_the_burst_is_caught_up() -> None:
    time = FakeTime()
    clock = time.clock(burst_frames=3)
    clock.wait()
    time.work(4 * FRAME_NS)
    assert [tick.index for tick in islice(clock, 5)] == [1, 2, 3, 4, 5]
    assert clock.skipped == 0


def test_a_frame_within_the_tolerance_is_not_late() -> None:
    time = FakeTime()
    clock = time.clock(tolerance_ns=10 * MS)
    clock.wait()
    time.work(FRAME_NS + 10 * MS)
    assert clock.wait().late_ns == 10 * MS
    time.work(FRAME_NS + 1)
    clock.wait()
    assert clock.late == 1


def test_as_fast_as_possible_never_sleeps() -> None:
    time = FakeTime()
    clock = FrameClock(realtime=False, now_ns=time.now_ns, sleep=time.sleep)
    assert [tick.index for tick in islice(clock, 100)] == list(range(100))
    assert time.slept == []
    assert clock.late == 0


def test_the_real_clock_waits() -> None:
    clock = FrameClock(period_ns=2 * MS)
    ticks = list(islice(clock, 10))
    assert [tick.due_ns - ticks[0].due_ns for tick in ticks] == [n * 2 * MS for n in range(10)] or clock.skipped
    assert all(tick.late_ns >= 0 for tick in ticks)


@pytest.mark.parametrize("settings", [{"burst_frames": -1}, {"tolerance_ns": -1}, {"period_ns": 0}], ids=str)
def test_impossible_settings_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(InputError, match="clock needs"):
        FrameClock(**settings)  # type: ignore[arg-type]
