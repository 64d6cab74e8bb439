"""The event loop does not wait for the engine: while its lock is held, as for a step that takes long, the server answers all the same."""

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from roboego.runtime.engine import Engine
from roboego.serve.app import make_app
from roboego.serve.live import LiveEngine
from roboego.serve.moshi import Kind
from tests.serve.conftest import all_gone, serving
from tests.serve.peer import Client, Microphone, connected, posted
from tests.tiny import tiny_loaded

PATIENCE_S = 60.0
TOOL = {"type": "function", "name": "put", "parameters": {"type": "object"}}
LIVE: list[dict[str, Any]] = [
    {"type": "read", "text": "the red cup"},
    {"type": "cut"},
    {"type": "settings", "prompt": "the blue ball", "text_temperature": 0.5},
    {"type": "functions", "functions": [{"name": "put", "parameters": {"type": "object"}}]},
    {"type": "sing"},  # is none, and answered at once
]
REALTIME: list[dict[str, Any]] = [
    {"type": "session.update", "session": {"instructions": "the red cup", "tools": [TOOL], "roboego": {"speech_top_k": 3}}},
    {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "ball"}]}},
    {"type": "response.cancel"},
    {"type": "input_audio_buffer.clear"},
]


@pytest.fixture(scope="module")
def live() -> LiveEngine:
    return LiveEngine(Engine(tiny_loaded(), slots=4))


@pytest.fixture(scope="module")
def where(live: LiveEngine) -> Iterator[str]:
    with serving(make_app(live)) as at:
        yield at


def healthy(where: str) -> bool:
    for path in ("healthz", "readyz"):
        with urllib.request.urlopen(f"http://{where}/{path}", timeout=PATIENCE_S) as answer:
            json.load(answer)
    return True


async def until(socket: ClientConnection, *kinds: str) -> None:
    """Waits for a message of one of these types."""
    async with asyncio.timeout(PATIENCE_S):
        async for message in socket:
            if isinstance(message, str) and json.loads(message)["type"] in kinds:
                return
    raise AssertionError(f"no {kinds}")


async def _asks_while_the_engine_is_busy(where: str, live: LiveEngine, path: str) -> None:
    """A client asks for this and that and is answered; another leaves, one comes, and one wants a second slot."""
    url = f"ws://{where}{path}"
    async with connect(url) as socket, connect(url) as leaving:
        await socket.recv()
        await leaving.recv()
        with live.engine.lock:
            for message in REALTIME if path == "/v1/realtime" else LIVE:
                await socket.send(json.dumps(message))
            await until(socket, "error", "input_audio_buffer.cleared")
            await leaving.close()
            if path == "/v1/realtime":
                await socket.send(json.dumps({"type": "session.update", "session": {"audio": {"input": {"transcription": {}}}}}))
            late = await connect(url)
            assert await asyncio.to_thread(healthy, where)
        await until(late, "hello", "session.created")
        for one in (late, socket):
            if path == "/api/live":
                await one.send(json.dumps({"type": "end"}))
        await late.close()


@pytest.mark.parametrize("path", ["/api/live", "/v1/realtime"])
def test_clients_are_answered_while_the_engine_is_busy(where: str, live: LiveEngine, path: str) -> None:
    asyncio.run(_asks_while_the_engine_is_busy(where, live, path))
    assert all_gone(live)


async def _moshi(where: str, live: LiveEngine) -> None:
    url = f"ws://{where}/api/chat"
    async with connect(url) as socket, connect(url) as wrong:
        for one in (socket, wrong):
            assert await one.recv() == bytes([Kind.HANDSHAKE])
        with live.engine.lock:
            await socket.send(bytes([Kind.TEXT]) + b"the red cup")
            await wrong.send(bytes([99]))
            async with asyncio.timeout(PATIENCE_S):
                await wrong.wait_closed()
            assert await asyncio.to_thread(healthy, where)


def test_moshi_clients_too(where: str, live: LiveEngine) -> None:
    asyncio.run(_moshi(where, live))
    assert all_gone(live)


async def _webrtc(where: str, live: LiveEngine) -> None:
    late = Client(Microphone())
    offer = {"type": "offer", "sdp": await late.offer()}
    async with connected(where) as client:
        with live.engine.lock:
            for message in LIVE:
                client.send(**message)
            await client.until(lambda message: "no message" in message.get("message", ""))
            posting = asyncio.create_task(asyncio.to_thread(posted, where, offer))
            assert await asyncio.to_thread(healthy, where)
        status, answer = await posting
        assert status == 200
        await late.answered(answer)
        await late.until(lambda message: message["type"] == "hello")
    await late.close()


def test_webrtc_clients_too(where: str, live: LiveEngine) -> None:
    asyncio.run(_webrtc(where, live))
    assert all_gone(live)
