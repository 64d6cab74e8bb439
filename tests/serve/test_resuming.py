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


@pytest.fixture
def storm() -> Iterator[tuple[str, LiveEngine]]:
    """A server of four sessions."""
    engine = LiveEngine(Engine(tiny_loaded(), slots=4), limits=Limits(idle_s=60.0))
    with serving(make_app(engine)) as at:
        yield at, engine


def of(client: int) -> dict[str, str]:
    """A proxy on this machine says whom a connection is from."""
    return {"X-Forwarded-For": f"10.0.0.{client}"}


async def lost(where: str, engine: LiveEngine, client: int) -> str:
    """A client's session loses its connection: the key."""
    before = sum(live.paused for live in engine.lives)
    socket = await connect(f"ws://{where}/api/live", additional_headers=of(client))
    key = (await hello(socket))["resume"]
    socket.transport.abort()
    async with asyncio.timeout(30):
        while sum(live.paused for live in engine.lives) == before:
            await asyncio.sleep(0.01)
    return str(key)


async def resumed(where: str, key: str) -> bool:
    """Whether a session can be resumed; if so it ends then."""
    async with connect(f"ws://{where}/api/live?resume={key}&after=-1") as socket:
        goes_on = json.loads(await socket.recv())["type"] == "hello"
        if goes_on:
            await socket.send(json.dumps({"type": "end"}))
            await socket.wait_closed()
        return goes_on


async def greeted(socket: ClientConnection) -> None:
    """Waits in the queue, up to the hello."""
    async with asyncio.timeout(30):
        while json.loads(await socket.recv())["type"] != "hello":
            pass


async def _one_client_loses_three(where: str, engine: LiveEngine) -> list[bool]:
    """One talks, and one client has lost three sessions; another comes, and gets a slot. Which of the three can be resumed."""
    async with connect(f"ws://{where}/api/live", additional_headers=of(9)) as talking:
        await hello(talking)
        keys = [await lost(where, engine, 1) for _ in range(3)]
        assert sum(live.paused for live in engine.lives) == 3  # nobody waits
        async with connect(f"ws://{where}/api/live", additional_headers=of(2)) as late:
            await greeted(late)
            found = [await resumed(where, key) for key in keys]
            for socket in (talking, late):
                await socket.send(json.dumps({"type": "end"}))
    return found


def test_when_others_wait_one_client_keeps_half_the_slots_for_sessions_that_it_has_lost(storm: tuple[str, LiveEngine]) -> None:
    where, engine = storm
    assert asyncio.run(_one_client_loses_three(where, engine)) == [False, True, True]
    assert all_gone(engine)


async def _four_clients_lose_one_each(where: str, engine: LiveEngine) -> list[bool]:
    keys = [await lost(where, engine, client) for client in range(4)]
    async with connect(f"ws://{where}/api/live", additional_headers=of(9)) as late:
        assert json.loads(await late.recv())["position"] == 1
        assert await resumed(where, keys[2])
        await greeted(late)
        found = [await resumed(where, key) for key in keys]
        await late.send(json.dumps({"type": "end"}))
    return found


def test_whoever_has_lost_one_session_has_it_kept_though_others_wait(storm: tuple[str, LiveEngine]) -> None:
    where, engine = storm
    assert asyncio.run(_four_clients_lose_one_each(where, engine)) == [True, True, False, True]
    assert all_gone(engine)


async def _lost_while_others_wait(where: str, engine: LiveEngine) -> list[bool]:
    """A client that has lost two sessions loses another one while somebody waits."""
    keys = [await lost(where, engine, 1) for _ in range(2)]
    last = await connect(f"ws://{where}/api/live", additional_headers=of(1))
    keys.append((await hello(last))["resume"])
    async with connect(f"ws://{where}/api/live", additional_headers=of(3)) as talking:
        await hello(talking)
        async with connect(f"ws://{where}/api/live", additional_headers=of(2)) as late:
            assert json.loads(await late.recv())["position"] == 1
            last.transport.abort()
            await greeted(late)
            found = [await resumed(where, key) for key in keys]
            for socket in (talking, late):
                await socket.send(json.dumps({"type": "end"}))
    return found


def test_the_session_that_was_lost_first_makes_room(storm: tuple[str, LiveEngine]) -> None:
    where, engine = storm
    assert asyncio.run(_lost_while_others_wait(where, engine)) == [False, True, True]
    assert all_gone(engine)


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
