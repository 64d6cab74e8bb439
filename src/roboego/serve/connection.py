"""What all WebSocket protocols do alike: two ways at once, and why a connection ends."""

import asyncio
from collections import deque
from collections.abc import Coroutine
from enum import IntEnum
from typing import Any

from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from roboego.errors import InputError, RoboEgoError
from roboego.runtime.frame import SessionError
from roboego.serve.admission import Admission, Tell
from roboego.serve.live import Deliver, Live, Notice, SessionOver
from roboego.serve.outbox import Stalled
from roboego.serve.rates import Rate, TooFast

LEFT = (1000, 1001)
"""Close codes of a client that leaves because it wants to: by itself, or because its page is left."""
LEAVING_S = 1.0
"""How long it may take to learn how a client has left."""
MOST_KEPT = 1_000
"""Messages that are kept of a client that waits."""


class Closed(IntEnum):
    """WebSocket close codes."""

    OVER = 1000
    WRONG = 1003
    SLOW = 1008
    BROKEN = 1011
    BUSY = 1013


async def both_ways(hear: Coroutine[Any, Any, None], say: Coroutine[Any, Any, None]) -> BaseException | None:
    """Runs both; what ends first ends the other. Returns why it ended; None if the client left."""
    ways = [asyncio.create_task(hear), asyncio.create_task(say)]
    try:
        done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        if ways[0] not in done and isinstance(ways[1].exception(), WebSocketDisconnect):
            # The client has left: how, is for the other way to learn.
            await asyncio.wait(ways[:1], timeout=LEAVING_S)
    finally:
        for task in ways:
            task.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
    failures = [task.exception() for task in done if not task.cancelled()]
    return next((f for f in failures if f is not None and not isinstance(f, WebSocketDisconnect)), None)


class Inbox:
    """A client's messages, those that came while it waited for a session included.

    Attributes:
        ended: the client has said that it ends the session, and does not come back.
    """

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.ended = False
        self._kept: deque[Message] = deque()
        self._rate = Rate()

    async def next(self) -> Message:
        """The next message, of Starlette's types "websocket.receive" and "websocket.disconnect".

        Raises:
            TooFast: the client sends more than it may.
        """
        return self._kept.popleft() if self._kept else await self._receive()

    async def _receive(self) -> Message:
        message = await self.socket.receive()
        self._rate.take(len(message.get("bytes") or message.get("text") or ""))
        return message

    async def fill(self) -> None:
        """Keeps messages until the client leaves.

        Raises:
            InputError: there are too many.
        """
        while (message := await self._receive())["type"] != "websocket.disconnect":
            self._kept.append(message)
            if len(self._kept) > MOST_KEPT:
                raise InputError("the session has not begun yet: wait for its first message before you send sound")


async def entered(admission: Admission, deliver: Deliver, tell: Tell, inbox: Inbox) -> Live | None:
    """A session for a connection; None if its client leaves before there is a slot.

    Raises:
        EngineFull, InputError: as of `Admission.enter` and `Inbox.fill`.
    """
    entering = asyncio.create_task(admission.enter(deliver, tell))
    filling = asyncio.create_task(inbox.fill())
    try:
        await asyncio.wait([entering, filling], return_when=asyncio.FIRST_COMPLETED)
        if not entering.done():
            await filling
            return None
        return await entering
    finally:
        for task in (entering, filling):
            task.cancel()
        await asyncio.gather(entering, filling, return_exceptions=True)


def goes_on(told: SessionError) -> bool:
    """Whether a session goes on after what its client is told."""
    return isinstance(told, Notice) or isinstance(told.__cause__, InputError)


def reason_of(failure: BaseException) -> tuple[str, Closed]:
    """What a client is told of a failure, and the code with which its connection is closed."""
    if isinstance(failure, Stalled):
        return "the client takes its sound too slowly", Closed.SLOW
    if isinstance(failure, TooFast):
        return str(failure), Closed.SLOW
    if isinstance(failure, SessionOver):
        return str(failure), Closed.OVER
    return str(failure) or type(failure).__name__, Closed.WRONG if isinstance(failure, InputError) else Closed.BROKEN


def is_expected(failure: BaseException) -> bool:
    """Whether it is a client's or a session's; anything else is a fault of the server's, and to be logged."""
    return isinstance(failure, Stalled | RoboEgoError)
