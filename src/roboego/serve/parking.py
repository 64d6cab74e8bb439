"""Sessions whose connection was lost: their time stands still until the client is back, or has been away for too long.

They keep their slots, and so each of them is waited for as long as was promised, but for one case: when somebody waits for a slot, and one
client holds more than its share of them with sessions that it has lost, the one that it lost first ends.
"""

import asyncio
import secrets
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from starlette.websockets import WebSocketDisconnect

from roboego.errors import InputError
from roboego.serve.admission import Admission
from roboego.serve.live import Live
from roboego.serve.logs import LOGGER
from roboego.serve.outbox import Outbox

PATIENCE_S = 30.0
KEPT_BACK_FRAMES = 450
"""Room for what was said while the connection was away, and before anybody noticed: it comes all at once."""
TAKEN_OVER = 4001
"""Close code of a connection whose client has come back on another one."""


class Line(Protocol):
    """A connection to a client."""

    async def close(self, code: int, reason: str) -> None: ...


@dataclass(eq=False)
class Stay:
    """A session that can be resumed.

    Attributes:
        key: what a client has to know for that.
        guest: whose it is.
        line: the connection that has it now; None while there is none.
    """

    key: str
    guest: str
    live: Live
    outbox: Outbox
    line: Line | None
    left: asyncio.Event
    expiry: asyncio.TimerHandle | None = None


class Parking:
    """Used in one event loop.

    Args:
        patience_s: how long a session waits for its client.
    """

    def __init__(self, admission: Admission, patience_s: float = PATIENCE_S) -> None:
        self.admission, self.patience_s = admission, patience_s
        self._stays: dict[str, Stay] = {}
        self._parked: dict[str, Stay] = {}
        admission.make_room = self._make_room

    @property
    def share(self) -> int:
        """So many slots one client may hold with sessions that it has lost, while others wait."""
        return max(1, self.admission.engine.engine.slots // 2)

    def begin(self, live: Live, outbox: Outbox, line: Line, guest: str) -> Stay:
        """A session that has just begun.

        Args:
            guest: who the client is, as of `roboego.serve.guard.guest`.
        """
        stay = Stay(key=secrets.token_urlsafe(18), guest=guest, live=live, outbox=outbox, line=line, left=asyncio.Event())
        self._stays[stay.key] = stay
        return stay

    async def resume(self, key: str, after: int) -> Stay:
        """The session of a key, its frames after number `after` first, for a connection to take.

        Another connection that still has it, because nobody noticed that it was lost, is closed.

        Raises:
            InputError: there is no such session, or no longer.
        """
        stay = self._stays.get(key)
        if stay is not None and stay.line is not None:
            await self._take_over(stay)
        if stay is None or self._stays.get(key) is not stay or stay.line is not None:
            raise InputError("this session cannot be resumed any more; begin a new one")
        self._parked.pop(key, None)
        if stay.expiry is not None:
            stay.expiry.cancel()
        stay.live.paused = False
        stay.live.queue.allow(KEPT_BACK_FRAMES)
        stay.left.clear()
        stay.outbox.rewind(after)
        return stay

    async def _take_over(self, stay: Stay) -> None:
        assert stay.line is not None  # the caller has looked
        with suppress(RuntimeError, WebSocketDisconnect):
            await stay.line.close(TAKEN_OVER, "the session goes on in another connection")
        with suppress(TimeoutError):
            async with asyncio.timeout(2.0):
                await stay.left.wait()

    def leave(self, stay: Stay, *, returns: bool) -> None:
        """The connection is gone.

        Args:
            returns: whether the client may come back.
        """
        stay.line = None
        if returns and stay.live.session.is_open:
            stay.live.paused = True
            stay.expiry = asyncio.get_running_loop().call_later(self.patience_s, self._end, stay)
            self._parked[stay.key] = stay
            if self.admission.waiting:
                self._make_room()
        else:
            self._end(stay)
        stay.left.set()

    def _make_room(self) -> None:
        """Ends the session that was lost first, of the client that has lost most, if these are more than its share."""
        lost = Counter(stay.guest for stay in self._parked.values()).most_common(1)
        if not lost or lost[0][1] <= self.share:
            return
        first = next(stay for stay in self._parked.values() if stay.guest == lost[0][0])
        LOGGER.info("a lost session ends, since others wait", extra={"session": first.live.id})
        if first.expiry is not None:
            first.expiry.cancel()
        self._end(first)

    def _end(self, stay: Stay) -> None:
        self._stays.pop(stay.key, None)
        self._parked.pop(stay.key, None)
        self.admission.leave(stay.live)
