"""A real WebRTC peer on loopback: its microphone, its camera, what it is told and hears."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from fractions import Fraction
from typing import Any

import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame

from roboego.sound.pcm import to_pcm16
from roboego.timebase import SAMPLE_RATE

BLOCK = 480
PATIENCE_S = 60


class Microphone(MediaStreamTrack):
    """Silence until it is told what to say, in blocks of 20 ms."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._blocks: Iterator[np.ndarray] = iter(())
        self._began = 0.0
        self._sent = 0

    def say(self, pcm: np.ndarray) -> None:
        self._blocks = iter(to_pcm16(pcm.reshape(-1)).reshape(-1, BLOCK))

    async def recv(self) -> AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        now = asyncio.get_running_loop().time()
        self._began = self._began or now
        await asyncio.sleep(max(0.0, self._began + self._sent * BLOCK / SAMPLE_RATE - now))
        block = next(self._blocks, np.zeros(BLOCK, np.int16))
        frame = AudioFrame.from_ndarray(block.repeat(2)[None], format="s16", layout="stereo")
        frame.sample_rate, frame.time_base, frame.pts = SAMPLE_RATE, Fraction(1, SAMPLE_RATE), self._sent * BLOCK
        self._sent += 1
        return frame


class RedCamera(VideoStreamTrack):
    """Nothing but red."""

    async def recv(self) -> VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = VideoFrame.from_ndarray(np.full((48, 64, 3), (255, 0, 0), np.uint8), format="rgb24")
        frame.pts, frame.time_base = pts, time_base
        return frame


class Client:
    """A peer. `sound_N` is what it has heard, at 48 kHz."""

    def __init__(self, *tracks: MediaStreamTrack) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.channel = self.connection.createDataChannel("events")
        self.told: list[dict[str, Any]] = []
        self.closed = False
        self._heard: list[np.ndarray] = []
        self._news = asyncio.Event()
        self._listening: list[asyncio.Task[None]] = []
        for track in tracks:
            self.connection.addTrack(track)
        if not any(track.kind == "audio" for track in tracks):
            self.connection.addTransceiver("audio", direction="recvonly")
        self.connection.on("track", lambda track: self._listening.append(asyncio.create_task(self._listen(track))))
        self.channel.on("message", self._take)
        self.channel.on("close", self._end)

    @property
    def sound_N(self) -> np.ndarray:
        return np.concatenate(self._heard)

    async def offer(self) -> str:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return str(self.connection.localDescription.sdp)

    async def connect(self, where: str, **again: Any) -> dict[str, Any]:
        """The hello. `again` tells which session goes on."""
        status, answer = await asyncio.to_thread(posted, where, {"type": "offer", "sdp": await self.offer(), **again})
        assert status == 200, answer
        await self.answered(answer)
        return await self.until(lambda message: message["type"] == "hello")

    async def answered(self, answer: dict[str, Any]) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(**answer))

    async def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first message that is wanted, of those that have come and will."""
        at = 0
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for message in self.told[at:]:
                    if wanted(message):
                        return message
                at = len(self.told)
                assert not self.closed
                self._news.clear()
                await self._news.wait()

    def send(self, **message: Any) -> None:
        self.channel.send(json.dumps(message))

    async def over(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not self.closed:
                self._news.clear()
                await self._news.wait()

    async def close(self) -> None:
        await self.connection.close()
        await asyncio.gather(*self._listening)

    def _take(self, message: str) -> None:
        self.told.append(json.loads(message))
        self._news.set()

    def _end(self) -> None:
        self.closed = True
        self._news.set()

    async def _listen(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                frame = await track.recv()
                assert isinstance(frame, AudioFrame)
                self._heard.append(frame.to_ndarray().reshape(-1, 2).mean(1) / 32_768)
        except MediaStreamError:
            return


@asynccontextmanager
async def connected(where: str, *tracks: MediaStreamTrack, **again: Any) -> AsyncIterator[Client]:
    client = Client(*tracks)
    try:
        await client.connect(where, **again)
        yield client
    finally:
        await client.close()


def posted(where: str, body: Any, headers: dict[str, str] | None = None, query: str = "") -> tuple[int, dict[str, Any]]:
    """Status and answer of `POST /api/webrtc`; a body that is no text is sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{where}/api/webrtc{query}", data, {"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def offered() -> str:
    """An offer that could be answered."""

    async def make() -> str:
        client = Client(Microphone())
        try:
            return await client.offer()
        finally:
            await client.close()

    return asyncio.run(make())
