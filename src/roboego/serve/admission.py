"""Who waits for a slot, in which place, and for about how long."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from roboego.runtime.frame import EngineFull
from roboego.serve.live import Deliver, Live, LiveEngine

KEPT_LENGTHS = 50
"""Ended sessions from whose length a wait is estimated."""
UNKNOWN_WAIT_S = 10
"""After which whoever was refused may ask again, while nothing tells how long sessions last."""


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

    Whatever waits for the engine's step, such as opening and closing a session, is done in a thread of its own, one after another in the
    order in which it was asked for: the loop does not wait for the engine.

    Args:
        most: how many may wait; the next one is refused.

    Attributes:
        make_room: called when somebody has to wait for a slot; may end a session that can be done without.
    """

    def __init__(self, engine: LiveEngine, most: int = 32) -> None:
        self.engine, self.most = engine, most
        self.make_room: Callable[[], None] = lambda: None
        self._waiting: deque[asyncio.Event] = deque()
        self._lengths: deque[float] = deque(maxlen=KEPT_LENGTHS)
        self._began: dict[Live, float] = {}
        self._door = asyncio.Lock()
        self._hand = ThreadPoolExecutor(1, thread_name_prefix="admission")

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
        turn = asyncio.Event()
        async with self._door:  # one after another: who comes while a slot is looked for does not get it first
            if not self._waiting:
                try:
                    return await self._open(deliver)
                except EngineFull:
                    pass
            if len(self._waiting) >= self.most:
                raise EngineFull(f"all {self.engine.engine.slots} sessions are taken and {self.most} wait already; come back later")
            self._waiting.append(turn)
        try:
            return await self._wait(turn, deliver, tell)
        finally:
            self._waiting.remove(turn)
            self.move_up()

    async def _wait(self, turn: asyncio.Event, deliver: Deliver, tell: Tell) -> Live:
        told = 0
        while True:
            turn.clear()  # before it is looked: a slot that becomes free meanwhile is another turn
            position = self._waiting.index(turn) + 1
            if position == 1:
                try:
                    return await self._open(deliver)
                except EngineFull:
                    self.make_room()
            if position != told:
                told = position
                await tell(Place(position=position, eta_s=self._eta(position)))
            await turn.wait()

    def leave(self, live: Live) -> None:
        """Ends a session, and does not wait for that; the next in the queue takes its slot."""
        closing = asyncio.get_running_loop().run_in_executor(self._hand, self.engine.close, live)
        closing.add_done_callback(lambda closed: self._left(live, closed))

    def _left(self, live: Live, closed: "asyncio.Future[None]") -> None:
        began = self._began.pop(live, None)
        if began is not None:
            self._lengths.append(time.monotonic() - began)
        self.move_up()
        closed.result()

    async def transcribe(self, live: Live, wanted: bool) -> None:
        """As `LiveEngine.transcribe`; a second slot that becomes free is the next one's in the queue.

        Raises:
            EngineFull, InputError: as there.
        """
        await asyncio.get_running_loop().run_in_executor(self._hand, self.engine.transcribe, live, wanted)
        if not wanted:
            self.move_up()

    async def _open(self, deliver: Deliver) -> Live:
        opening = asyncio.get_running_loop().run_in_executor(self._hand, self.engine.open, deliver)
        try:
            live = await asyncio.shield(opening)
        except asyncio.CancelledError:  # its client has left meanwhile
            opening.add_done_callback(self._unwanted)
            raise
        self._began[live] = time.monotonic()
        return live

    def _unwanted(self, opening: "asyncio.Future[Live]") -> None:
        if not opening.cancelled() and opening.exception() is None:
            self.leave(opening.result())

    def move_up(self) -> None:
        """Lets those who wait look for a free slot."""
        for turn in self._waiting:
            turn.set()

    @property
    def retry_s(self) -> int:
        """After how many seconds whoever was refused may ask again."""
        eta_s = self._eta(len(self._waiting) + 1)
        return UNKNOWN_WAIT_S if eta_s is None else max(1, math.ceil(eta_s))

    def _eta(self, position: int) -> float | None:
        """Sessions end one after another, so many in a mean session's time as there are slots."""
        if not self._lengths:
            return None
        return position * sum(self._lengths) / len(self._lengths) / self.engine.engine.slots

    async def close(self) -> None:
        """Ends all sessions, and the engine."""
        await asyncio.get_running_loop().run_in_executor(self._hand, self.engine.stop)
