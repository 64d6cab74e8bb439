"""Moshi's protocol, with real Opus on a real socket."""

import asyncio
import json
from typing import Any

import numpy as np
import pytest
import sphn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from roboego.metrics.turns import voiced_segments
from roboego.runtime.engine import Engine
from roboego.serve.app import make_app
from roboego.serve.connection import Closed
from roboego.serve.live import LiveEngine
from roboego.serve.moshi import Kind
from roboego.timebase import SAMPLE_RATE
from tests.serve.conftest import all_gone, in_time, question, serving
from tests.tiny import tiny_loaded


async def heard_of(socket: ClientConnection) -> tuple[np.ndarray, str]:
    """Everything the server says until the connection is closed."""
    reader = sphn.OpusStreamReader(SAMPLE_RATE)
    sounds, text = [np.zeros(0, np.float32)], ""
    try:
        async for message in socket:
            if message[0] == Kind.SOUND:
                sounds.append(reader.append_bytes(message[1:]))
            elif message[0] == Kind.TEXT:
                text += message[1:].decode()
    except ConnectionClosed:
        pass
    return np.concatenate(sounds), text


async def talk(server: str, frames: np.ndarray) -> tuple[np.ndarray, str]:
    async with connect(f"ws://{server}/api/chat") as socket:
        assert await socket.recv() == bytes([Kind.HANDSHAKE])
        listener = asyncio.create_task(heard_of(socket))
        writer = sphn.OpusStreamWriter(SAMPLE_RATE)
        async for frame in in_time(frames):
            if sound := writer.append_pcm(frame):
                await socket.send(bytes([Kind.SOUND]) + sound)
        await socket.close()
        return await listener


def test_a_question_asked_aloud_is_answered_in_text_and_sound(server: str) -> None:
    frames = question()
    sound, text = asyncio.run(talk(server, frames))
    assert len(text.split()) >= 3
    assert voiced_segments(sound)
    # One frame of sound for each that was sent, but for those still on their way.
    assert abs(len(sound) - frames.size) < SAMPLE_RATE


async def _refused(server: str, messages: list[bytes]) -> tuple[int, str]:
    async with connect(f"ws://{server}/api/chat") as socket:
        await socket.recv()
        for message in messages:
            await socket.send(message)
        told = await socket.recv()
        assert isinstance(told, bytes)
        assert told[0] == Kind.ERROR
        await socket.wait_closed()
        return socket.close_code or 0, told[1:].decode()


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([bytes([Kind.SOUND]) + b"no opus at all" * 9], "Ogg-Opus"),
        ([bytes([99, 1])], "unknown kind"),
        ([b""], "a message of 0 bytes"),
        ([bytes([Kind.TEXT]) + b"\xff\xfe"], "UTF-8"),
        ([bytes([Kind.TEXT]) + "привет".encode()], ""),
    ],
    ids=["opus", "kind", "empty", "utf-8", "letters"],
)
def test_what_cannot_be_used_ends_the_connection_and_says_why(server: str, live: LiveEngine, messages: list[bytes], reason: str) -> None:
    code, told = asyncio.run(_refused(server, messages))
    assert code == Closed.WRONG
    assert reason in told
    assert all_gone(live)


async def _one_too_many(where: str) -> tuple[int, str]:
    url = f"ws://{where}/api/chat"
    async with connect(url) as first, connect(url) as late:
        assert await first.recv() == bytes([Kind.HANDSHAKE])
        told = await late.recv()
        await late.wait_closed()
        assert isinstance(told, bytes)
        return late.close_code or 0, told[1:].decode()


def test_when_the_queue_is_full_it_says_so() -> None:
    with serving(make_app(LiveEngine(Engine(tiny_loaded())), queue=0)) as where:
        code, told = asyncio.run(_one_too_many(where))
    assert code == Closed.BUSY
    assert "all 1 sessions are taken" in told


async def _silent_client(server: str, messages: int) -> None:
    """Connects, says a frame, and no more; takes so many messages."""
    async with connect(f"ws://{server}/api/chat") as socket:
        await socket.recv()
        writer = sphn.OpusStreamWriter(SAMPLE_RATE)
        await socket.send(bytes([Kind.SOUND]) + writer.append_pcm(np.zeros(1_920, np.float32)))
        async with asyncio.timeout(20.0):
            for _ in range(messages):
                await socket.recv()


def test_time_goes_on_when_a_client_says_nothing(server: str) -> None:
    asyncio.run(_silent_client(server, 12))


async def _overrun(where: str, engine: LiveEngine) -> dict[str, Any]:
    """What is told of sound that came too fast."""
    async with connect(f"ws://{where}/api/chat") as socket:
        await socket.recv()
        (live,) = engine.lives
        live.hear(np.zeros((live.pace.bound_frames + 7) * 1_920, np.float32))
        async with asyncio.timeout(20.0):
            while (message := await socket.recv())[0] != Kind.METADATA:
                pass
    told: dict[str, Any] = json.loads(message[1:])
    return told


def test_lost_sound_is_told_as_metadata() -> None:
    engine = LiveEngine(Engine(tiny_loaded()))
    with serving(make_app(engine)) as where:
        assert asyncio.run(_overrun(where, engine)) == {"overrun": {"frames": 7}}
