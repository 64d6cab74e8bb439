"""WebRTC: garbage, as offers and over the data channel, is told or ends its own connection, and takes nobody else down."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from aiortc.rtcsctptransport import WEBRTC_STRING

from roboego.runtime.engine import Engine
from roboego.serve.app import make_app
from roboego.serve.live import LiveEngine
from roboego.serve.rates import RateLimit
from tests.serve.conftest import all_gone, serving
from tests.serve.peer import PATIENCE_S, Client, Microphone, connected, offered, posted
from tests.serve.test_faults import spoilt, written
from tests.tiny import tiny_loaded

OFFERS = 1_000
MESSAGES = 3_000
EVENTS: list[dict[str, Any]] = [
    {"type": "read", "text": "the red cup"},
    {"type": "cut"},
    {"type": "settings", "text_temperature": 0.5, "speech_top_k": 3},
    {"type": "functions", "functions": [{"name": "put", "parameters": {"type": "object"}}]},
    {"type": "result", "call": "c", "output": "{}"},
]


@pytest.fixture(scope="module")
def live() -> LiveEngine:
    return LiveEngine(Engine(tiny_loaded(), slots=4))


@pytest.fixture(scope="module")
def where(live: LiveEngine) -> Iterator[str]:
    with serving(make_app(live)) as at:
        yield at


def bodies(rng: random.Random) -> Iterator[bytes]:
    """Spoilt offers: the request's JSON, or the session description in it."""
    sdp = offered()
    again = {"resume": "guess", "after": 3}
    while True:
        if rng.random() < 0.3:
            yield spoilt(rng, written({"type": "offer", "sdp": sdp} | rng.choice([{}, again])))
        else:
            yield written({"type": "offer", "sdp": spoilt(rng, sdp.encode()).decode(errors="replace")})


def test_garbage_instead_of_an_offer_is_told(where: str, live: LiveEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roboego.serve.webrtc.peer.CONNECT_S", 0.0)  # nobody comes after an offer that could be answered
    rng, answers = random.Random(0), Counter[int]()
    garbage = bodies(rng)
    for _ in range(OFFERS):
        status, told = posted(where, next(garbage))
        answers[status] += 1
        assert told.get("detail") or told.get("sdp")
    assert set(answers) <= {200, 400, 413, 503}, answers
    assert answers[400] > OFFERS // 10
    assert all_gone(live)


async def _babble(where: str, rng: random.Random) -> int:
    """Sends garbage while another client talks: how much of it was told to be none."""
    async with connected(where, Microphone()) as other, connected(where, Microphone()) as client:
        for count in range(MESSAGES):
            message = spoilt(rng, written(rng.choice(EVENTS)))
            client.channel.send(message if rng.random() < 0.2 else message.decode(errors="replace"))
            if count % 20 == 0:
                await asyncio.sleep(0)
        client.send(type="read", text="привет")
        await client.until(lambda message: "alphabet" in message.get("message", ""))
        index = client.told[-1].get("index", 0)
        await client.until(lambda message: message.get("index", 0) > index + 3)
        last = max(message.get("index", 0) for message in other.told)
        await other.until(lambda message: message.get("index", 0) > last + 3)
        came = [message["index"] for message in other.told if message["type"] == "frame"]
        assert came == list(range(len(came)))
    return sum(message["type"] == "error" for message in client.told)


def test_garbage_on_the_data_channel_is_told_and_nobody_else_notices(where: str, live: LiveEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roboego.serve.webrtc.peer.MESSAGES", RateLimit(messages_per_s=1e6, burst_messages=1e6))
    errors = asyncio.run(_babble(where, random.Random(1)))
    assert errors > MESSAGES // 10
    assert all_gone(live)


async def _no_text(where: str, live: LiveEngine) -> None:
    """A message that says that it is text, and is none: it breaks its own connection."""
    other, client = Client(Microphone()), Client(Microphone())
    for one in (other, client):
        await one.connect(where)
    sctp = client.connection.sctp
    assert sctp is not None
    assert client.channel.id is not None
    await sctp._send(client.channel.id, WEBRTC_STRING, b"\xff\xfe{")
    async with asyncio.timeout(PATIENCE_S):
        while len(live.lives) > 1:
            await asyncio.sleep(0.05)
    last = other.told[-1].get("index", 0)
    await other.until(lambda message: message.get("index", 0) > last + 3)
    for one in (client, other):
        await one.close()


def test_text_that_is_none_ends_its_own_connection(where: str, live: LiveEngine) -> None:
    asyncio.run(_no_text(where, live))
    assert all_gone(live)
