"""WebRTC: when all sessions are taken a connection waits in the queue, and is told its place; beyond that offers are refused."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from websockets.asyncio.client import connect

from roboego.runtime.engine import Engine
from roboego.serve.app import make_app
from roboego.serve.live import Limits, LiveEngine
from tests.serve.conftest import all_gone, serving
from tests.serve.peer import PATIENCE_S, Client, Microphone, connected, offered, posted
from tests.tiny import tiny_loaded


@pytest.fixture(scope="module")
def live() -> LiveEngine:
    return LiveEngine(Engine(tiny_loaded(), slots=1), limits=Limits(idle_s=60.0))


@pytest.fixture(scope="module")
def where(live: LiveEngine) -> Iterator[str]:
    """A server of one session, with room for two that wait."""
    with serving(make_app(live, queue=2)) as at:
        yield at


async def told_place(client: Client, position: int) -> None:
    """Waits until a client is told its place."""
    await client.until(lambda message: message["type"] == "queue" and message["position"] == position)


async def waiting(where: str) -> Client:
    """A client whose offer has been answered while there is no session for it."""
    client = Client(Microphone())
    status, answer = await asyncio.to_thread(posted, where, {"type": "offer", "sdp": await client.offer()})
    assert status == 200, answer
    await client.answered(answer)
    return client


async def _in_turn(where: str) -> tuple[Client, Client]:
    async with connect(f"ws://{where}/api/live") as holder:
        assert json.loads(await holder.recv())["type"] == "hello"
        first = await waiting(where)
        await told_place(first, 1)
        second = await waiting(where)
        await told_place(second, 2)
        second.send(type="read", text="the red cup")
        second.send(type="sing")
        await first.close()  # gives up
        await told_place(second, 1)
        await holder.send(json.dumps({"type": "end"}))
        await second.until(lambda message: message["type"] == "hello")
    await second.until(lambda message: message.get("index", 0) >= 5)
    await second.close()
    return first, second


def test_who_waits_is_told_the_place_and_greeted_when_it_is_its_turn(where: str, live: LiveEngine) -> None:
    first, second = asyncio.run(_in_turn(where))
    assert [message["type"] for message in first.told] == ["queue"]
    kinds = [message["type"] for message in second.told]
    assert kinds[:4] == ["queue", "queue", "hello", "error"]  # what it sent meanwhile was kept
    assert [message["index"] for message in second.told if message["type"] == "frame"][:3] == [0, 1, 2]
    assert all_gone(live)


def refused(where: str) -> tuple[int, str, int]:
    """Status of an offer that is refused, why, and after how many seconds another may be made."""
    body = json.dumps({"type": "offer", "sdp": offered()}).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(f"http://{where}/api/webrtc", body)) as answer:
            raise AssertionError(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)["detail"], int(error.headers["Retry-After"])


async def _full(where: str) -> tuple[int, str, int]:
    async with connected(where, Microphone()):
        return await asyncio.to_thread(refused, where)


def test_without_a_place_in_the_queue_an_offer_is_refused_and_later_there_is_one() -> None:
    engine = LiveEngine(Engine(tiny_loaded(), slots=1))
    with serving(make_app(engine, queue=0)) as where:
        status, reason, retry_s = asyncio.run(_full(where))
        assert status == 503
        assert "all 1 sessions are taken" in reason
        assert retry_s >= 1
        assert all_gone(engine)
        asyncio.run(_hello(where))


async def _hello(where: str) -> None:
    async with connected(where, Microphone()):
        pass


async def _crowded(where: str) -> tuple[int, str, int]:
    async with connected(where, Microphone()):
        one = await waiting(where)
        await told_place(one, 1)
        told = await asyncio.to_thread(refused, where)
        await one.close()
    return told


def test_so_many_connections_wait_and_no_more(where: str, live: LiveEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roboego.serve.webrtc.peers.MOST_WAITING", 1)
    status, reason, _ = asyncio.run(_crowded(where))
    assert status == 503
    assert "1 WebRTC connections wait already" in reason
    assert all_gone(live)


async def _drained(where: str, live: LiveEngine) -> list[str]:
    async with connected(where, Microphone()) as holder:
        late = await waiting(where)
        await told_place(late, 1)
        live.drain()
        holder.send(type="end")
        await late.over()
        await late.close()
    return [str(message.get("message")) for message in late.told]


def test_who_waits_when_the_server_shuts_down_is_told() -> None:
    engine = LiveEngine(Engine(tiny_loaded(), slots=1))
    with serving(make_app(engine)) as where:
        assert "shutting down" in asyncio.run(_drained(where, engine))[-1]
        assert all_gone(engine)


async def _never_comes(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody makes offers and does not connect: neither a slot nor a place is theirs for long."""
    monkeypatch.setattr("roboego.serve.webrtc.peer.CONNECT_S", 0.5)
    for _ in range(2):
        status, _ = await asyncio.to_thread(posted, where, {"type": "offer", "sdp": await asyncio.to_thread(offered)})
        assert status == 200
    monkeypatch.undo()
    async with asyncio.timeout(PATIENCE_S):
        async with connected(where, Microphone()):
            pass


def test_who_never_connects_keeps_nobody_out(where: str, live: LiveEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(_never_comes(where, monkeypatch))
    assert all_gone(live)
