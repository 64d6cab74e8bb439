"""WebRTC: a real peer on loopback is greeted, hears what Ego says, is seen, and leaves its slot to the next."""

import asyncio
import json
import queue
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
import soxr

from roboego.runtime.engine import Engine
from roboego.runtime.frame import Frame, SessionError
from roboego.serve.app import make_app
from roboego.serve.live import Limits, Live, LiveEngine
from roboego.serve.webrtc.route import MOST_BYTES, MOST_SDP
from roboego.timebase import SAMPLE_RATE
from tests.serve.conftest import all_gone, question, serving
from tests.serve.peer import PATIENCE_S, Client, Microphone, RedCamera, connected, offered, posted
from tests.tiny import seeing_loaded, tiny_loaded


@pytest.fixture(scope="module")
def seeing() -> LiveEngine:
    return LiveEngine(Engine(seeing_loaded(), slots=1), limits=Limits(idle_s=20.0))


@pytest.fixture(scope="module")
def small(seeing: LiveEngine) -> Iterator[str]:
    """A server of one session, whose model sees and has random weights."""
    with serving(make_app(seeing)) as where:
        yield where


def happened(kind: str) -> Callable[[dict[str, Any]], bool]:
    return lambda message: any(event["type"] == kind for event in message.get("events", ()))


def found(part_N: np.ndarray, whole_N: np.ndarray) -> tuple[int, float, float]:
    """Where a sound is found in a longer one, how much it is alike there (correlation), and by how much it is louder."""
    size = len(whole_N) + len(part_N)
    products = np.fft.irfft(np.fft.rfft(whole_N, size) * np.fft.rfft(part_N, size).conj(), size)[: len(whole_N) - len(part_N)]
    energies = np.concatenate([[0], np.cumsum(whole_N**2)])
    mine = float((part_N**2).sum())
    there = np.maximum(energies[len(part_N) :] - energies[: -len(part_N)], mine / 100)[: len(products)]
    alike = products / np.sqrt(mine * there)
    at = int(alike.argmax())
    return at, float(alike[at]), float(np.sqrt(there[at] / mine))


async def _asked_aloud(where: str, live: LiveEngine) -> tuple[Client, list[np.ndarray]]:
    """What a client was told and heard, and what its session spoke, frame by frame."""
    microphone = Microphone()
    async with connected(where, microphone) as client:
        [one] = live.lives
        spoken: list[np.ndarray] = []
        deliver = one.deliver

        def deliver_and_keep(result: Frame | SessionError) -> None:
            if isinstance(result, Frame):
                spoken.append(result.speech)
            deliver(result)

        one.deliver = deliver_and_keep
        microphone.say(question())
        said = await client.until(happened("reply_spoken"))
        # By then all of the reply is on its way; after so many more frames it has come.
        await client.until(lambda message: message.get("index", 0) > said["index"] + 20)
    return client, spoken


def test_a_question_asked_aloud_is_answered_aloud(server: str, live: LiveEngine) -> None:
    client, spoken = asyncio.run(_asked_aloud(server, live))
    hello, *others = client.told
    assert hello["model"] == "nano"
    assert hello["resume"]
    frames = [message for message in others if message["type"] == "frame"]
    assert [frame["index"] for frame in frames] == list(range(len(frames)))
    assert "hear me" in "".join(frame["heard"] for frame in frames)
    assert "".join(frame["text"] for frame in frames)
    # Each of its loudest frames is there, in their order. Between two of them there may be a pause, if a step came late.
    heard_N = soxr.resample(client.sound_N, 2 * SAMPLE_RATE, SAMPLE_RATE)
    loudest = sorted(np.argsort([-float((speech**2).sum()) for speech in spoken])[:8])
    places, alike, louder = zip(*(found(spoken[t], heard_N) for t in loudest), strict=True)
    assert list(places) == sorted(places)
    assert min(alike) > 0.85
    assert 0.8 < np.mean(louder) < 1.25
    assert all_gone(live)


async def _cut_off(where: str) -> None:
    microphone = Microphone()
    async with connected(where, microphone) as client:
        microphone.say(question())
        await client.until(happened("reply_started"))
        client.send(type="cut")
        await client.until(happened("cut"))


def test_ego_can_be_cut_off(server: str, live: LiveEngine) -> None:
    asyncio.run(_cut_off(server))
    assert all_gone(live)


async def _typed(where: str) -> list[str]:
    async with connected(where) as client:
        for wrong in ("{", json.dumps({"type": "sing"}), json.dumps({"type": "read", "text": "привет"}), b"\x01"):
            client.channel.send(wrong)
        await client.until(lambda message: "by tracks" in message.get("message", ""))
        errors = [message["message"] for message in client.told[1:]]
        # No sound comes, so time begins with what is read.
        client.send(type="read", text="What is two plus three?")
        await client.until(lambda message: message.get("index", 0) >= 5)
        client.send(type="end")
        await client.over()
    return errors


def test_what_is_typed_is_read_and_what_cannot_be_used_costs_an_error_and_no_more(server: str, live: LiveEngine) -> None:
    errors = asyncio.run(_typed(server))
    assert len(errors) == 4
    assert "no message" in errors[0]
    assert "alphabet" in errors[2]
    assert all_gone(live)


async def _flooded(where: str) -> list[str]:
    async with connected(where) as client:
        for _ in range(400):
            client.send(type="sing")
        await client.over()
        return [str(message.get("message")) for message in client.told[1:]]


def test_a_flood_of_messages_ends_its_own_session(server: str, live: LiveEngine) -> None:
    told = asyncio.run(_flooded(server))
    assert "messages a second" in told[-1]
    assert all_gone(live)


async def _seen(where: str, pictures: "queue.Queue[Any]") -> Any:
    async with connected(where, Microphone(), RedCamera()) as client:
        assert client.told[0]["sees"]
        return await asyncio.to_thread(pictures.get, timeout=PATIENCE_S)


def test_a_camera_is_seen(small: str, seeing: LiveEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures: queue.Queue[Any] = queue.Queue()
    monkeypatch.setattr(Live, "see", lambda live, look: pictures.put(look))
    picture = asyncio.run(_seen(small, pictures))
    assert picture.shape == (48, 64, 3)
    assert np.abs(picture.mean((0, 1)) - (255, 0, 0)).max() < 30
    assert all_gone(seeing)


async def _unseen(where: str) -> list[str]:
    async with connected(where, Microphone(), RedCamera()) as client:
        await client.until(lambda message: message.get("index", 0) >= 3)
        return [transceiver.currentDirection for transceiver in client.connection.getTransceivers() if transceiver.kind == "video"]


def test_a_model_that_does_not_see_declines_a_camera(server: str, live: LiveEngine) -> None:
    assert asyncio.run(_unseen(server)) == ["inactive"]
    assert all_gone(live)


OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b"{", 400, "JSON"),
        ({"type": "offer"}, 400, "required"),
        ({"type": "offer", "sdp": "v=0", "more": 1}, 400, "Extra"),
        ({"type": "answer", "sdp": "v=0"}, 400, "not with an answer"),
        ({"type": "offer", "sdp": "v=0", "after": "x"}, 400, "integer"),
        ({"type": "offer", "sdp": "good morning"}, 400, "SDP"),
        ({"type": "offer", "sdp": OFFER}, 400, "without sound"),
        ({"type": "offer", "sdp": OFFER + "m=audio 9 UDP/TLS/RTP/SAVPF x\r\n"}, 400, "SDP"),
        ({"type": "offer", "sdp": "v" * (MOST_SDP + 1)}, 413, "characters"),
        (b"v" * (MOST_BYTES + 1), 413, "bytes"),
    ],
    ids=["no JSON", "no SDP", "more", "answer", "after", "words", "empty", "broken", "long", "large"],
)
def test_an_offer_that_cannot_be_used_is_told_why(small: str, seeing: LiveEngine, body: Any, status: int, reason: str) -> None:
    answered, told = posted(small, body)
    assert answered == status
    assert reason in told["detail"]
    assert not seeing.lives


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("opus/48000/2", "isac/16000/1", "cannot be used"),
        ("a=fingerprint", "a=nothing", "fingerprint"),
        ("a=ice-ufrag", "a=nothing", "ICE"),
        ("m=application", "m=text", "data channel"),
        ("a=group:BUNDLE 0", "a=group:BUNDLE 7", "BUNDLE"),
        ("a=candidate", 70 * "a=candidate:0 1 udp 1 127.0.0.1 9 typ host\r\n" + "a=candidate", "candidates"),
    ],
    ids=["codec", "fingerprint", "ice", "channel", "bundle", "candidates"],
)
def test_an_offer_that_lacks_something_is_told_what(small: str, seeing: LiveEngine, old: str, new: str, reason: str) -> None:
    status, told = posted(small, {"type": "offer", "sdp": offered().replace(old, new)})
    assert status == 400
    assert reason in told["detail"]
    assert all_gone(seeing)


def test_only_guests_are_answered() -> None:
    with serving(make_app(LiveEngine(Engine(tiny_loaded(), slots=1)), tokens=("good",))) as where:
        assert posted(where, {})[0] == 401
        assert posted(where, {}, query="?token=good")[0] == 400
        assert posted(where, {}, {"Origin": "https://elsewhere.example"}, "?token=good")[0] == 403
        assert posted(where, {}, {"Origin": f"http://{where}"}, "?token=good")[0] == 400


def test_without_the_extra_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("peer", "peers"):
        monkeypatch.delitem(sys.modules, f"roboego.serve.webrtc.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "aiortc", None)
    with serving(make_app(LiveEngine(Engine(tiny_loaded(), slots=1)))) as where:
        status, told = posted(where, {"type": "offer", "sdp": "v=0"})
    assert status == 501
    assert "roboego[webrtc]" in told["detail"]


async def _until_it_is_over(where: str) -> str:
    async with connected(where, Microphone()) as client:
        await client.over()
        return str(client.told[-1].get("message"))


def test_a_session_that_reaches_its_limit_is_told_so() -> None:
    engine = LiveEngine(Engine(tiny_loaded(), slots=1), limits=Limits(total_s=1.0))
    with serving(make_app(engine)) as where:
        assert "lasts 1 s at most" in asyncio.run(_until_it_is_over(where))
        assert all_gone(engine)


async def _stopped(where: str, stop: Callable[[], None]) -> None:
    async with connected(where, Microphone()) as client:
        await asyncio.to_thread(stop)
        await client.over()


def test_a_server_that_stops_ends_its_connections() -> None:
    engine = LiveEngine(Engine(tiny_loaded(), slots=1))
    with ExitStack() as stack:
        where = stack.enter_context(serving(make_app(engine)))
        asyncio.run(_stopped(where, stack.close))
    assert not engine.lives
