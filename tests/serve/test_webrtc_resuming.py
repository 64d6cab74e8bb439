"""WebRTC: a session whose connection was lost goes on with the next one."""

import asyncio
from collections.abc import Iterator

import pytest

from roboego.runtime.engine import Engine
from roboego.serve.app import make_app
from roboego.serve.live import Limits, LiveEngine
from roboego.serve.webrtc.peer import Peer
from tests.serve.conftest import all_gone, serving
from tests.serve.peer import PATIENCE_S, Client, Microphone, connected, offered, posted
from tests.tiny import tiny_loaded


@pytest.fixture(scope="module")
def live() -> LiveEngine:
    return LiveEngine(Engine(tiny_loaded(), slots=1), limits=Limits(idle_s=20.0))


@pytest.fixture(scope="module")
def where(live: LiveEngine) -> Iterator[str]:
    with serving(make_app(live)) as at:
        yield at


async def _lost(where: str) -> tuple[Client, Client]:
    """A client that falls silent, and the one that comes back for it."""
    first, second = Client(Microphone()), Client(Microphone())
    key = (await first.connect(where))["resume"]
    last = (await first.until(lambda message: message.get("index", 0) >= 8))["index"]
    greeting = await second.connect(where, resume=key, after=last - 2)
    assert greeting["resume"] == key
    await second.until(lambda message: message.get("index", 0) >= last + 8)
    await first.over()
    second.send(type="end")
    await second.over()
    for client in (first, second):
        await client.close()
    return first, second


def test_a_lost_connection_is_followed_by_another(where: str, live: LiveEngine) -> None:
    first, second = asyncio.run(_lost(where))
    before, after = ([message["index"] for message in client.told if message["type"] == "frame"] for client in (first, second))
    assert after == list(range(after[0], after[0] + len(after)))
    assert after[0] <= before[-1]
    assert any(message["type"] == "error" and "another connection" in message["message"] for message in first.told)
    assert all_gone(live)
    status, told = posted(where, {"type": "offer", "sdp": offered(), "resume": second.told[0]["resume"], "after": 3})
    assert status == 400
    assert "cannot be resumed" in told["detail"]
    assert not live.lives


async def _waited_for(where: str, live: LiveEngine, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many sessions stand still after one has lost its connection."""
    client = Client(Microphone())
    await client.connect(where)
    monkeypatch.setattr(Peer, "returns", True)
    await client.close()
    async with asyncio.timeout(PATIENCE_S):
        while not all(one.paused for one in live.lives):
            await asyncio.sleep(0.05)
    standing = len(live.lives)
    monkeypatch.undo()
    async with connected(where, resume=client.told[0]["resume"]) as again:
        again.send(type="end")
        await again.over()
    return standing


def test_one_that_has_failed_is_waited_for(where: str, live: LiveEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert asyncio.run(_waited_for(where, live, monkeypatch)) == 1
    assert all_gone(live)
