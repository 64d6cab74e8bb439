"""The machine's clock is set, hours forward or back: sessions, keys to resume them and places in the queue are as they were."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect

from roboego.runtime.engine import Engine
from roboego.serve.app import make_app
from roboego.serve.live import Limits, LiveEngine
from roboego.serve.live_socket import SOUND
from roboego.serve.recording import Recorder
from roboego.sound.pcm import to_pcm16
from tests.serve.conftest import all_gone, serving
from tests.serve.peer import Microphone, connected
from tests.tiny import tiny_loaded

FRAME = bytes([SOUND]) + to_pcm16(np.full(1_920, 0.1, np.float32)).tobytes()
HOUR_S = 3_600.0
JUMPS_H = (5, -48, 100)
Jump = Callable[[float], None]


@pytest.fixture
def jump(monkeypatch: pytest.MonkeyPatch) -> Jump:
    """Sets the clock by so many hours."""
    real, off_s = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + off_s[0])

    def by(hours: float) -> None:
        off_s[0] += hours * HOUR_S

    return by


async def heard(socket: ClientConnection, count: int) -> list[int]:
    """Sends so many frames of sound; the numbers of those that come."""
    found: list[int] = []
    for _ in range(count):
        await socket.send(FRAME)
    while len(found) < count:
        message = await socket.recv()
        if isinstance(message, str) and json.loads(message)["type"] == "frame":
            found.append(json.loads(message)["index"])
    return found


async def _through_jumps(where: str, jump: Jump) -> list[int]:
    """One talks, and is lost for a while; another waits meanwhile. The numbers of the first one's frames."""
    url = f"ws://{where}/api/live"
    frames: list[int] = []
    talking = await connect(url)
    key = json.loads(await talking.recv())["resume"]
    async with connect(url) as waiting:
        assert json.loads(await waiting.recv())["position"] == 1
        for hours in JUMPS_H:
            frames += await heard(talking, 5)
            jump(hours)
            frames += await heard(talking, 5)
            talking.transport.abort()
            jump(hours)
            talking = await connect(f"{url}?resume={key}&after={frames[-1]}")
            assert json.loads(await talking.recv())["type"] == "hello"
        await talking.send(json.dumps({"type": "end"}))
        assert json.loads(await waiting.recv())["type"] == "hello"
        await waiting.send(json.dumps({"type": "end"}))
    await talking.close()
    return frames


def test_sessions_keys_and_places_outlive_a_clock_that_is_set(tmp_path: Path, jump: Jump) -> None:
    recorder = Recorder(tmp_path, keep_days=1)
    engine = LiveEngine(Engine(tiny_loaded(), slots=1), limits=Limits(idle_s=60.0, total_s=600.0), recorder=recorder)
    with serving(make_app(engine)) as where:
        frames = asyncio.run(_through_jumps(where, jump))
        assert frames == list(range(10 * len(JUMPS_H)))
        assert all_gone(engine)
    first = max(recorder.index.all(), key=lambda entry: entry.frames)
    assert (first.status, first.frames >= len(frames)) == ("closed", True)


async def _webrtc_through_jumps(where: str, jump: Jump) -> list[int]:
    async with connected(where, Microphone()) as client:
        for hours in JUMPS_H:
            last = client.told[-1].get("index", 0)
            jump(hours)
            await client.until(lambda message, last=last: message.get("index", 0) > last + 10)  # type: ignore[misc]
        client.send(type="read", text="the red cup")
        client.send(type="end")
        await client.over()
    return [message["index"] for message in client.told if message["type"] == "frame"]


def test_webrtc_connections_do_too(jump: Jump) -> None:
    engine = LiveEngine(Engine(tiny_loaded(), slots=1), limits=Limits(idle_s=60.0, total_s=600.0))
    with serving(make_app(engine)) as where:
        frames = asyncio.run(_webrtc_through_jumps(where, jump))
        assert frames == list(range(len(frames)))
        assert all_gone(engine)
