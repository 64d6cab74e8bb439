"""A lost connection: the session stands still, goes on where it was, and is nobody else's."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect

from roboego.runtime.engine import Engine
from roboego.serve.app import make_app
from roboego.serve.connection import Closed
from roboego.serve.live import Limits, LiveEngine
from roboego.serve.live_socket import SOUND
from roboego.serve.parking import TAKEN_OVER
from roboego.sound.pcm import to_pcm16
from tests.serve.conftest import all_gone, serving
from tests.tiny import tiny_loaded

FRAME = bytes([SOUND]) + to_pcm16(np.full(1_920, 0.1, np.float32)).tobytes()


@pytest.fixture(scope="module")
def live() -> LiveEngine:
    return LiveEngine(Engine(tiny_loaded(), slots=1), limits=Limits(idle_s=2.0))


@pytest.fixture(scope="module")
def where(live: LiveEngine) -> Iterator[str]:
    with serving(make_app(live)) as at:
        yield at


async def frames(socket: ClientConnection, count: int) -> list[int]:
    """Numbers of the next frames."""
    found: list[int] = []
    while len(found) < count:
        message = await socket.recv()
        if isinstance(message, str) and json.loads(message)["type"] == "frame":
            found.append(json.loads(message)["index"])
    return found


async def hello(socket: ClientConnection) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await socket.recv())
    assert found["type"] == "hello"
    return found


async def _lost(where: str) -> tuple[list[int], list[int], dict[str, Any]]:
    first = await connect(f"ws://{where}/api/live")
    key = (await hello(first))["resume"]
    for _ in range(5):
        await first.send(FRAME)
    before = await frames(first, 4)
    first.transport.abort()
    await asyncio.sleep(1.0)
    # The last of the frames is said to have been lost on its way.
    async with connect(f"ws://{where}/api/live?resume={key}&after={before[-2]}") as second:
        greeting = await hello(second)
        for _ in range(5):
            await second.send(FRAME)
        after = await frames(second, 6)
        await second.send(json.dumps({"type": "end"}))
    return before, after, greeting


def test_it_goes_on_where_it_was(where: str, live: LiveEngine) -> None:
    before, after, greeting = asyncio.run(_lost(where))
    assert before == [0, 1, 2, 3]
    assert after == list(range(3, 9))
    assert greeting["samples"] == 5 * 1_920
    assert all_gone(live)


async def _away_for_long(where: str) -> list[dict[str, Any]]:
    first = await connect(f"ws://{where}/api/live")
    key = (await hello(first))["resume"]
    await first.send(FRAME)
    await frames(first, 1)
    first.transport.abort()
    told: list[dict[str, Any]] = []
    async with connect(f"ws://{where}/api/live?resume={key}&after=0") as second:
        await hello(second)
        for _ in range(300):
            await second.send(FRAME)
        while not told or told[-1].get("index", 0) < 300:
            message = await second.recv()
            if isinstance(message, str):
                told.append(json.loads(message))
        await second.send(json.dumps({"type": "end"}))
    return told


def test_what_was_said_meanwhile_is_heard_however_much_it_is(where: str, live: LiveEngine) -> None:
    told = asyncio.run(_away_for_long(where))
    assert [t["index"] for t in told if t["type"] == "frame"] == list(range(1, 301))
    assert "overrun" not in json.dumps(told)
    assert all_gone(live)


async def _taken_over(where: str) -> tuple[int, str]:
    first = await connect(f"ws://{where}/api/live")
    key = (await hello(first))["resume"]
    async with connect(f"ws://{where}/api/live?resume={key}&after=-1") as second:
        await hello(second)
        await first.wait_closed()
        await second.send(json.dumps({"type": "end"}))
        await second.wait_closed()
    async with connect(f"ws://{where}/api/live?resume={key}&after=-1") as third:
        told = json.loads(await third.recv())
    return first.close_code or 0, told["message"]


def test_whoever_comes_back_first_has_it_and_after_its_end_nobody(where: str) -> None:
    code, told = asyncio.run(_taken_over(where))
    assert code == TAKEN_OVER
    assert "cannot be resumed" in told


async def _refused(where: str, query: str) -> str:
    async with connect(f"ws://{where}/api/live?{query}") as socket:
        return str(json.loads(await socket.recv())["message"])


def test_a_key_that_is_none_is_told(where: str) -> None:
    assert "cannot be resumed" in asyncio.run(_refused(where, "resume=guess&after=3"))
    assert "after=INDEX" in asyncio.run(_refused(where, "resume=guess"))


async def _idle(where: str) -> tuple[int, str]:
    async with connect(f"ws://{where}/api/live") as socket:
        await hello(socket)
        await socket.send(bytes([SOUND]) + bytes(2 * 1_920))
        async for _ in socket:
            pass
        return socket.close_code or 0, socket.close_reason or ""


def test_a_session_in_which_nothing_is_said_ends(where: str, live: LiveEngine) -> None:
    code, reason = asyncio.run(_idle(where))
    assert code == Closed.OVER
    assert "nothing was said for 2 s" in reason
    assert all_gone(live)
