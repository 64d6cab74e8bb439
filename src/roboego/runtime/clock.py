"""The 80 ms clock: frame n is due n * 80 ms after the start, however late the ones before it were."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from roboego.errors import InputError
from roboego.timebase import FRAME_NS


@dataclass(frozen=True)
class Tick:
    """A frame that may begin.

    Attributes:
        index: number of the period that it belongs to; periods that were skipped count.
        due_ns: when it was due, on the clock's time.
        late_ns: by how much later it begins.
        skipped: periods left out right before it.
    """

    index: int
    due_ns: int
    late_ns: int
    skipped: int = 0


class FrameClock:
    """Says when the next frame may begin. Deadlines are counted from the start, so that lateness never adds up.

    Catching up ("burst, then skip"): late frames follow each other without a pause until the clock is on time again, so that no sound is
    lost over a hiccup. After a delay of more than `burst_frames` periods (a laptop that slept) those that were missed are skipped and
    counted, and it goes on with the present one; 0 always skips.

    Args:
        realtime: wait for each frame's time. Otherwise frames follow each other as fast as they are asked for, and none is late.
        burst_frames: periods that are caught up at most.
        tolerance_ns: by how much a frame may begin after its time and not count as late.
        now_ns: monotonic time.
        sleep: waits so many seconds, or a little longer.
    """

    def __init__(
        self,
        *,
        realtime: bool = True,
        burst_frames: int = 25,
        tolerance_ns: int = FRAME_NS // 10,
        period_ns: int = FRAME_NS,
        now_ns: Callable[[], int] = time.monotonic_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if burst_frames < 0 or tolerance_ns < 0 or period_ns < 1:
            raise InputError(
                f"a clock needs burst_frames >= 0, tolerance_ns >= 0, period_ns >= 1; not {burst_frames}, {tolerance_ns}, {period_ns}"
            )
        self.realtime = realtime
        self._burst, self._tolerance, self._period = burst_frames, tolerance_ns, period_ns
        self._now, self._sleep = now_ns, sleep
        self._start: int | None = None
        self._next = 0
        self.ticks = self.late = self.skipped = 0

    def wait(self) -> Tick:
        """Waits until the next frame is due. The first is due at once, and starts the clock."""
        now = self._now()
        if self._start is None:
            self._start = now
        if not self.realtime:
            return self._tick(now, now, 0)
        due = self._start + self._next * self._period
        while now < due:
            self._sleep((due - now) / 1e9)
            now = self._now()
        behind = (now - due) // self._period
        skipped = behind if behind > self._burst else 0
        self._next += skipped
        self.skipped += skipped
        return self._tick(due + skipped * self._period, now, skipped)

    def _tick(self, due: int, now: int, skipped: int) -> Tick:
        tick = Tick(self._next, due, now - due, skipped)
        self._next += 1
        self.ticks += 1
        self.late += tick.late_ns > self._tolerance
        return tick

    def __iter__(self) -> Iterator[Tick]:
        """Ticks without end."""
        while True:
            yield self.wait()
