"""A WebRTC connection: what it carries, and how it begins and ends."""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.exceptions import InternalError, InvalidAccessError, InvalidStateError, OperationError
from numpy.typing import NDArray

from roboego.errors import InputError
from roboego.runtime.frame import Frame, SessionError
from roboego.serve.admission import Place
from roboego.serve.connection import MOST_KEPT, both_ways, goes_on, reason_of
from roboego.serve.live import Live
from roboego.serve.live_messages import do, told
from roboego.serve.outbox import Outbox
from roboego.serve.parking import Stay
from roboego.serve.rates import Rate, RateLimit, TooFast
from roboego.serve.webrtc import offer as offers
from roboego.serve.webrtc.ice import IceServer
from roboego.serve.webrtc.intake import Camera, hear
from roboego.serve.webrtc.playout import BLOCK_S, Playout, Voice
from roboego.timebase import FRAME_S

EVENTS = "events"
"""The data channel's label."""
CONNECT_S = 20.0
"""How long a session waits for its peer to connect and to open the data channel."""
LEAVING_S = 1.0
"""How long the last words to a peer may take."""
MOST_BUFFERED = 256 * 1024
"""Bytes of events on their way to a peer; then they wait in the outbox, which is bounded."""
MESSAGES = RateLimit(messages_per_s=50.0, burst_messages=200.0)
"""What a peer may send on the data channel, which carries neither sound nor pictures."""
UNUSABLE = (*offers.UNREADABLE, InternalError, InvalidAccessError, InvalidStateError, OperationError)


class Peer:
    """One connection, and its session as soon as there is one for it.

    Attributes:
        live: None before.
        placed: it has been told that it has to wait.

    Args:
        outbox: to which the session's frames are delivered.
        sees: whether a camera is of use.
        servers: without any, only this host's own addresses are offered.
    """

    def __init__(self, outbox: Outbox, *, sees: bool, servers: Sequence[IceServer] = ()) -> None:
        self.outbox, self.sees = outbox, sees
        self.live: Live | None = None
        self.placed = asyncio.Event()
        self.playout = Playout()
        self._begun = asyncio.Event()
        self._place: Place | None = None
        self._kept: list[str | bytes] = []
        self._greeted = False
        self._rate = Rate(MESSAGES)
        self._ended = self._replaced = False
        loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[RTCDataChannel] = loop.create_future()
        self._over: asyncio.Future[None] = loop.create_future()
        self._senses: list[asyncio.Task[None]] = []
        # An empty list, since None would ask a public server.
        asked = [RTCIceServer(server.url, server.user, server.password) for server in servers]
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=asked))
        self._connection.on("track", self._sense)
        self._connection.on("datachannel", self._open)
        self._connection.on("connectionstatechange", self._changed)

    async def answer(self, offer: str) -> str:
        """The answer to an offer, with all candidates in it.

        Raises:
            InputError: the offer cannot be used.
        """
        self._connection.addTrack(Voice(self.playout, self._begun))
        [sound] = self._connection.getTransceivers()
        sound.setCodecPreferences([c for c in RTCRtpSender.getCapabilities("audio").codecs if c.mimeType == "audio/opus"])
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(sdp=offer, type="offer"))
            for transceiver in self._connection.getTransceivers():
                if transceiver.kind == "video":
                    transceiver.direction = "recvonly" if self.sees else "inactive"
            await self._connection.setLocalDescription(await self._connection.createAnswer())
        except UNUSABLE as error:
            raise InputError(f"the offer cannot be used: {error or type(error).__name__}") from error
        return str(self._connection.localDescription.sdp)

    @property
    def waits(self) -> bool:
        """Whether it has a place in the queue, and no session."""
        return self.placed.is_set() and self.live is None

    async def tell(self, place: Place) -> None:
        """Its place in the queue, of which it learns as soon as there is a way to tell it."""
        self._place = place
        self.placed.set()
        if self._opened.done():
            self._tell_place()

    def begin(self, live: Live) -> None:
        """It has a session."""
        self.live = live
        self._begun.set()

    async def talk(self, entering: asyncio.Future[Stay], greeting: Callable[[Stay], dict[str, Any]]) -> BaseException | None:
        """Talks, as soon as there is a session, until one of the two ends it.

        Returns:
            Why it ended; None if the peer left, or never came.
        """
        if not await self._comes(self._opened, CONNECT_S):
            return self._failure
        if not await self._comes(entering):
            failure = self._failure
        elif (failure := entering.exception()) is None:
            self._greet(greeting(entering.result()))
            failure = await both_ways(self._left(), self._say())
        if failure is not None:
            await self._last_words(reason_of(failure)[0])
        return failure

    async def _comes(self, awaited: asyncio.Future[Any], timeout_s: float | None = None) -> bool:
        """Whether something comes before the connection ends."""
        await asyncio.wait([awaited, self._over], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        return awaited.done() and not self._over.done()

    @property
    def _failure(self) -> BaseException | None:
        return self._over.exception() if self._over.done() else None

    def _greet(self, greeting: dict[str, Any]) -> None:
        """The first words; what the peer asked for before them is done now."""
        self._tell(greeting)
        self._greeted = True
        for message in self._kept:
            self._do(message)

    @property
    def returns(self) -> bool:
        """Whether the client may come back: it was lost, or another connection takes its place, and it has not said that it leaves."""
        return not self._ended and (self._replaced or self._connection.iceConnectionState == "failed")

    async def close(self, code: int, reason: str) -> None:
        """Another connection takes this one's place; the client is told why. (Data channels know no close codes.)"""
        self._replaced = True
        if self._opened.done():
            await self._last_words(reason)
        self._end()

    async def stop(self) -> None:
        """Ends the connection. May be called again."""
        for task in self._senses:
            task.cancel()
        await asyncio.gather(*self._senses, return_exceptions=True)
        await self._connection.close()

    def _sense(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio":
            sensing = asyncio.create_task(hear(track, self._hear))
        elif self.sees:
            sensing = asyncio.create_task(Camera(track).watch(self._see, self._begun))
        else:
            return
        sensing.add_done_callback(self._sensed)
        self._senses.append(sensing)

    def _hear(self, pcm_N: NDArray[np.float32]) -> None:
        if self.live is not None:
            self.live.hear(pcm_N)

    def _see(self, picture: NDArray[Any]) -> None:
        if self.live is not None:
            self.live.see(picture)

    def _sensed(self, sensing: asyncio.Task[None]) -> None:
        """A track has ended, by itself or by a fault."""
        if not sensing.cancelled() and (failure := sensing.exception()) is not None and not self._over.done():
            self._over.set_exception(failure)

    def _open(self, channel: RTCDataChannel) -> None:
        if channel.label != EVENTS or self._opened.done():
            channel.close()
            return
        channel.on("message", self._take)
        channel.on("close", self._end)
        self._opened.set_result(channel)
        self._tell_place()

    def _changed(self) -> None:
        if self._connection.connectionState in ("failed", "closed"):
            self._end()

    def _end(self) -> None:
        if not self._over.done():
            self._over.set_result(None)

    def _take(self, message: str | bytes) -> None:
        """A message has come; it is kept while there is no session that it could be for."""
        if self._over.done():
            return
        try:
            self._rate.take(len(message))
        except TooFast as fast:
            self._over.set_exception(fast)
            return
        if self._greeted:
            self._do(message)
        elif len(self._kept) < MOST_KEPT:
            self._kept.append(message)
        else:
            self._over.set_exception(InputError("the session has not begun yet: wait for its hello before you send so much"))

    def _do(self, message: str | bytes) -> None:
        """What a peer asks for. What cannot be used costs an error and no more."""
        assert self.live is not None  # it has been greeted
        try:
            if isinstance(message, bytes):
                raise InputError("this data channel carries JSON; sound and pictures come by tracks")
            if do(message, self.live):
                self._ended = True
                self._end()
        except InputError as wrong:
            self._tell({"type": "error", "message": str(wrong)})
        except SessionError:  # the session is over, which the peer is about to be told
            return

    def _tell_place(self) -> None:
        if self._place is not None and self.live is None:
            self._tell({"type": "queue", **asdict(self._place)})

    def _tell(self, message: dict[str, Any]) -> None:
        channel = self._opened.result()
        if channel.readyState == "open":
            channel.send(json.dumps(message))

    async def _last_words(self, message: str) -> None:
        self._tell({"type": "error", "message": message})
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVING_S):
                await self._taken(0)

    async def _left(self) -> None:
        await asyncio.shield(self._over)

    async def _say(self) -> None:
        assert self.live is not None  # it has been greeted
        while True:
            result = await self.outbox.take()
            if isinstance(result, Frame):
                if lost := self.playout.put(result):
                    self._tell({"type": "error", "message": f"{lost * BLOCK_S:g} s of Ego's sound came too fast and were lost"})
                self._tell(told(result, self.live))
            elif goes_on(result):
                self._tell({"type": "error", "message": str(result)})
            else:
                raise result
            await self._taken(MOST_BUFFERED)

    async def _taken(self, most: int) -> None:
        """Waits until no more than so many bytes are on their way to the peer."""
        channel = self._opened.result()
        while channel.readyState == "open" and channel.bufferedAmount > most:
            await asyncio.sleep(FRAME_S)
