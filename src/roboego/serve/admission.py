"""Who waits for a slot, in which place, and for about how long."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from roboego.runtime.frame import EngineFull
from roboego.serve.live import Deliver, Live, LiveEngine

KEPT_LENGTHS = 50
"""Ended sessions from whose length a wait is estimated."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """In the queue.

    Attributes:
        position: from 1.
        eta_s: about how long it will take; None while no session has ended yet.
    """

    position: int
    eta_s: float | None


Tell = Callable[[Place], Awaitable[None]]


class Admission:
    """Gives free slots to those who came first. Used in one event loop.

    Args:
        most: how many may wait; the next one is refused.
    """

    def __init__(self, engine: LiveEngine, most: int = 32) -> None:
        self.engine, self.most = engine, most
        self._waiting: deque[asyncio.Event] = deque()
        self._lengths: deque[float] = deque(maxlen=KEPT_LENGTHS)
        self._began: dict[Live, float] = {}

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    async def enter(self, deliver: Deliver, tell: Tell) -> Live:
        """A session, as soon as there is a slot. `tell` learns of each change of place.

        Raises:
            EngineFull: too many wait already.
            InputError: the server is shutting down.
        """
        if not self._waiting:
            try:
                return self._open(deliver)
            except EngineFull:
                pass
        if len(self._waiting) >= self.most:
            raise EngineFull(f"all {self.engine.engine.slots} sessions are taken and {self.most} wait already; come back later")
        turn = asyncio.Event()
        self._waiting.append(turn)
        told = 0
        try:
            while True:
                position = self._waiting.index(turn) + 1
                if position == 1:
                    try:
                        return self._open(deliver)
                    except EngineFull:
                        pass
                turn.clear()
                if position != told:
                    told = position
                    await tell(Place(position=position, eta_s=self._eta(position)))
                await turn.wait()
        finally:
            self._waiting.remove(turn)
            self.move_up()

    def enter_now(self, deliver: Deliver) -> Live:
        """A session for a client that cannot wait.

        Raises:
            EngineFull: no slot is free, or others wait for one.
            InputError: the server is shutting down.
        """
        full = f"all {self.engine.engine.slots} sessions are taken; come back later"
        if self._waiting:
            raise EngineFull(full)
        try:
            return self._open(deliver)
        except EngineFull as error:
            raise EngineFull(full) from error

    def leave(self, live: Live) -> None:
        """Ends a session; the next in the queue takes its slot."""
        self.engine.close(live)
        began = self._began.pop(live, None)
        if began is not None:
            self._lengths.append(time.monotonic() - began)
        self.move_up()

    def _open(self, deliver: Deliver) -> Live:
        live = self.engine.open(deliver)
        self._began[live] = time.monotonic()
        return live

    def move_up(self) -> None:
        """Lets those who wait look for a free slot."""
        for turn in self._waiting:
            turn.set()

    def _eta(self, position: int) -> float | None:
        """Sessions end one after another, so many in a mean session's time as there are slots."""
        if not self._lengths:
            return None
        return position * sum(self._lengths) / len(self._lengths) / self.engine.engine.slots
