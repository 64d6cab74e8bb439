"""What all WebSocket protocols do alike: two ways at once, and why a connection ends."""

import asyncio
from collections.abc import Coroutine
from enum import IntEnum
from typing import Any

from starlette.websockets import WebSocketDisconnect

from roboego.errors import InputError, RoboEgoError
from roboego.serve.outbox import Stalled


class Closed(IntEnum):
    """WebSocket close codes."""

    WRONG = 1003
    SLOW = 1008
    BROKEN = 1011
    BUSY = 1013


async def both_ways(hear: Coroutine[Any, Any, None], say: Coroutine[Any, Any, None]) -> BaseException | None:
    """Runs both; what ends first ends the other. Returns why it ended; None if the client left."""
    ways = [asyncio.create_task(hear), asyncio.create_task(say)]
    try:
        done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in ways:
            task.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
    failures = [task.exception() for task in done if not task.cancelled()]
    return next((f for f in failures if f is not None and not isinstance(f, WebSocketDisconnect)), None)


def reason_of(failure: BaseException) -> tuple[str, Closed]:
    """What a client is told of a failure, and the code with which its connection is closed."""
    if isinstance(failure, Stalled):
        return "the client takes its sound too slowly", Closed.SLOW
    return str(failure) or type(failure).__name__, Closed.WRONG if isinstance(failure, InputError) else Closed.BROKEN


def is_expected(failure: BaseException) -> bool:
    """Whether it is a client's or a session's; anything else is a fault of the server's, and to be logged."""
    return isinstance(failure, Stalled | RoboEgoError)
