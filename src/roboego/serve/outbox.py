"""Frames on their way from the engine's thread to a connection's coroutine."""

import asyncio
from collections import deque

from roboego.runtime.frame import Frame, SessionError

KEPT_FRAMES = 100
"""Frames that have been taken and are kept, in case they were lost on their way."""
MOST_FRAMES = 125
"""Ten seconds: a client that takes nothing for so long is gone, or will never catch up."""


class Stalled(Exception):
    """A client takes its frames too slowly."""


class Outbox:
    """Bounded; when it is full the connection is given up ("disconnect slow consumer"): sound is never dropped in silence.

    Made in the coroutine that takes; `deliver` may be called from any thread and never waits.
    """

    def __init__(self, most: int = MOST_FRAMES) -> None:
        self._loop = asyncio.get_running_loop()
        self._most = most
        self._frames: deque[Frame | SessionError] = deque()
        self._taken: deque[Frame] = deque(maxlen=KEPT_FRAMES)
        self._filled = asyncio.Event()
        self._stalled = False

    def __len__(self) -> int:
        return len(self._frames)

    def deliver(self, result: Frame | SessionError) -> None:
        """Adds a frame, or why there is none."""
        try:
            self._loop.call_soon_threadsafe(self._put, result)
        except RuntimeError:  # the loop has been closed, and the connection with it
            return

    def _put(self, result: Frame | SessionError) -> None:
        if len(self._frames) < self._most:
            self._frames.append(result)
        else:
            self._stalled = True
        self._filled.set()

    async def take(self) -> Frame | SessionError:
        """The next one, when it has come.

        Raises:
            Stalled: some had to be left out.
        """
        while not self._frames and not self._stalled:
            self._filled.clear()
            await self._filled.wait()
        if self._stalled:
            raise Stalled
        result = self._frames.popleft()
        if isinstance(result, Frame):
            self._taken.append(result)
        return result

    def rewind(self, after: int) -> bool:
        """Gives frames once more, from the one after number `after` on. Whether all of them were still there."""
        again = [frame for frame in self._taken if frame.index > after]
        self._taken.clear()
        self._frames.extendleft(reversed(again))
        first = next((result.index for result in self._frames if isinstance(result, Frame)), after + 1)
        return first <= after + 1
