"""Clients that send garbage, vanish, flood or storm: each is told, and nobody else's session notices."""

import asyncio
import base64
import contextlib
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import sphn
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from roboego.errors import InputError
from roboego.runtime.engine import Engine
from roboego.serve import live_messages, live_socket, moshi
from roboego.serve.app import make_app
from roboego.serve.live import Live, LiveEngine, Pace
from roboego.serve.realtime.client import parse
from roboego.serve.realtime.session import RealtimeSession
from roboego.sound.pcm import to_pcm16
from roboego.timebase import SAMPLE_RATE
from tests.serve.conftest import in_time, serving
from tests.tiny import tiny_loaded

MESSAGES = 10_000
FRAME = np.full(1_920, 0.1, np.float32)
SOUND = base64.b64encode(to_pcm16(FRAME).tobytes()).decode()
REALTIME: list[dict[str, Any]] = [
    {"type": "session.update", "session": {"instructions": "hello.", "tools": [{"type": "function", "name": "f", "parameters": {}}]}},
    {"type": "session.update", "session": {"audio": {"input": {"transcription": {}}}, "roboego": {"speech_top_k": 3}}},
    {"type": "input_audio_buffer.append", "audio": SOUND},
    {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}},
    {"type": "conversation.item.create", "item": {"type": "function_call_output", "call_id": "c", "output": "{}"}},
    {"type": "conversation.item.truncate", "item_id": "a", "content_index": 0, "audio_end_ms": 5},
    {"type": "response.create"},
    {"type": "response.cancel"},
]
LIVE: list[dict[str, Any]] = [{"type": "read", "text": "hello."}, {"type": "cut"}, {"type": "end"}]
OPUS = sphn.OpusStreamWriter(SAMPLE_RATE)


def spoilt(rng: random.Random, good: bytes) -> bytes:
    """A good message with some of it changed, left out or doubled; or no message at all."""
    data = bytearray(good)
    for _ in range(rng.randint(0, 4)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(5):
            case 0:
                data[at : at + rng.randint(1, 20)] = b""
            case 1:
                data[at:at] = rng.randbytes(rng.randint(1, 20))
            case 2:
                data[at:at] = data[: rng.randint(0, 60)]
            case 3:
                data[at : at + 1] = rng.choice([b"[", b"{", b'"', b"1e999", b"null", b"\\ud800", b"-"])
            case _:
                data = data[:at]
    return rng.randbytes(rng.randint(0, 80)) if rng.random() < 0.1 else bytes(data)


def written(value: Any) -> bytes:
    return json.dumps(value).encode()


def realtime(live: Live) -> Callable[[bytes], None]:
    session = RealtimeSession(live, "tiny")
    return lambda message: asyncio.run(session.receive(parse(message))) and None


def page(live: Live) -> Callable[[bytes], None]:
    def take(message: bytes) -> None:
        if message[:1] in (b"{", b"["):
            live_messages.do(message.decode(errors="replace"), live)
        else:
            asyncio.run(live_socket._take(message, live))

    return take


def binary(live: Live) -> Callable[[bytes], None]:
    readers = [sphn.OpusStreamReader(SAMPLE_RATE)]

    def take(message: bytes) -> None:
        try:
            if message:
                moshi._take(message[0], message[1:], live, readers[0])
        except InputError:  # the connection ends with it
            readers[0] = sphn.OpusStreamReader(SAMPLE_RATE)
            raise

    return take


def opus() -> Iterator[bytes]:
    while True:
        if sound := OPUS.append_pcm(FRAME):
            yield bytes([moshi.Kind.SOUND]) + sound


@pytest.mark.parametrize(
    ("protocol", "good"),
    [
        (realtime, [written(m) for m in REALTIME]),
        (
            page,
            [
                *(written(m) for m in LIVE),
                bytes([live_socket.SOUND]) + to_pcm16(FRAME).tobytes(),
                bytes([live_socket.PICTURE]) + b"\x89PNG",
            ],
        ),
        (binary, [next(opus()), next(opus()), bytes([moshi.Kind.TEXT]) + b"hello.", bytes([moshi.Kind.PING])]),
    ],
    ids=["realtime", "page", "moshi"],
)
def test_garbage_is_never_more_than_bad_input(protocol: Callable[[Live], Callable[[bytes], None]], good: list[bytes]) -> None:
    engine = Engine(tiny_loaded(), slots=1)
    live = Live(engine.open(), lambda result: None, Pace())
    rng, refused = random.Random(0), []
    take = protocol(live)
    for _ in range(MESSAGES):
        try:
            take(spoilt(rng, rng.choice(good)))
        except InputError as error:
            refused.append(str(error))
    assert all(refused)
    assert MESSAGES // 10 < len(refused) < MESSAGES
    live.session.step(FRAME)
    assert live.session.is_open


async def vanish(where: str, path: str) -> None:
    """Goes away in the middle of it, without a word."""
    async with connect(f"ws://{where}{path}") as socket:
        await socket.recv()
        await socket.send(b"\x01\x00\x00")
        socket.transport.abort()


async def flood(where: str, path: str) -> None:
    """Sends an hour's sound at once."""
    message = bytes([live_socket.SOUND]) + bytes(19_200)
    async with connect(f"ws://{where}{path}") as socket:
        for _ in range(4_000):
            await socket.send(message)


async def babble(where: str, path: str) -> None:
    rng = random.Random(path)
    async with connect(f"ws://{where}{path}") as socket:
        for _ in range(200):
            await socket.send(spoilt(rng, written(rng.choice(REALTIME + LIVE))))


async def stall(where: str, path: str) -> None:
    """Sends, and takes nothing."""
    async with connect(f"ws://{where}{path}", max_queue=1) as socket:
        for _ in range(20):
            await socket.send(bytes([live_socket.SOUND]) + bytes(3_840))
            await asyncio.sleep(0.05)


async def _undisturbed(where: str) -> tuple[list[int], list[str]]:
    """What a good client hears while the others misbehave: its frames' numbers, and what it is told went wrong."""
    indices, troubles = [], []
    bad = [way(where, path) for way in (vanish, flood, babble, stall) for path in ("/api/live", "/api/chat", "/v1/realtime")]
    storm = [vanish(where, "/api/live") for _ in range(40)]
    async with connect(f"ws://{where}/api/live") as socket:
        assert json.loads(await socket.recv())["type"] == "hello"
        others = asyncio.gather(*bad, *storm, return_exceptions=True)
        frames = in_time(np.tile(FRAME, (60, 1)))

        async def speak() -> None:
            async for frame in frames:
                await socket.send(bytes([live_socket.SOUND]) + to_pcm16(frame).tobytes())

        speaking = asyncio.create_task(speak())
        while len(indices) < 55:
            message = await socket.recv()
            if isinstance(message, str):
                told = json.loads(message)
                indices += [told["index"]] if told["type"] == "frame" else []
                troubles += [e["type"] for e in told.get("events", []) if e["type"] == "overrun"]
                troubles += [told["message"]] if told["type"] == "error" else []
        speaking.cancel()
        with contextlib.suppress(TimeoutError):
            for failure in await asyncio.wait_for(others, 20):
                assert failure is None or isinstance(failure, WebSocketException | OSError), repr(failure)
    return indices, troubles


def test_a_session_does_not_notice_what_others_do() -> None:
    live = LiveEngine(Engine(tiny_loaded(), slots=6))
    with serving(make_app(live)) as where:
        indices, troubles = asyncio.run(_undisturbed(where))
    assert indices == list(range(len(indices)))
    assert not troubles
