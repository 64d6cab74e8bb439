"""WebRTC connections, each of which has one live session for as long as it lasts."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

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

from roboego.errors import InputError
from roboego.runtime.frame import Frame
from roboego.serve.connection import both_ways, goes_on, is_expected, reason_of
from roboego.serve.live import Live
from roboego.serve.live_messages import do, hello, told
from roboego.serve.logs import LOGGER
from roboego.serve.outbox import Outbox
from roboego.serve.parking import Parking, Stay
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
    """One connection and its session.

    Args:
        outbox: to which the session's frames are delivered.
        sees: whether a camera is of use.
        servers: without any, only this host's own addresses are offered.
    """

    def __init__(self, live: Live, outbox: Outbox, *, sees: bool, servers: Sequence[IceServer] = ()) -> None:
        self.live, self.outbox, self.sees = live, outbox, sees
        self.playout = Playout()
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
        self._connection.addTrack(Voice(self.playout))
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

    async def talk(self, greeting: dict[str, Any]) -> BaseException | None:
        """Talks until one of the two ends it. Returns why it ended; None if the peer left, or never came."""
        either: list[asyncio.Future[Any]] = [self._opened, self._over]
        await asyncio.wait(either, timeout=CONNECT_S, return_when=asyncio.FIRST_COMPLETED)
        if self._over.done():
            return self._over.exception()
        if not self._opened.done():
            return None
        self._tell(greeting)
        failure = await both_ways(self._left(), self._say())
        if failure is not None:
            await self._last_words(reason_of(failure)[0])
        return failure

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
            sensing = asyncio.create_task(hear(track, self.live))
        elif self.sees:
            sensing = asyncio.create_task(Camera(track).watch(self.live.see))
        else:
            return
        sensing.add_done_callback(self._sensed)
        self._senses.append(sensing)

    def _sensed(self, sensing: asyncio.Task[None]) -> None:
        """A track has ended, by itself or by a fault."""
        if not sensing.cancelled() and (failure := sensing.exception()) is not None and not self._over.done():
            self._over.set_exception(failure)

    def _open(self, channel: RTCDataChannel) -> None:
        if channel.label != EVENTS or self._opened.done():
            channel.close()
            return
        channel.on("message", self._do)
        channel.on("close", self._end)
        self._opened.set_result(channel)

    def _changed(self) -> None:
        if self._connection.connectionState in ("failed", "closed"):
            self._end()

    def _end(self) -> None:
        if not self._over.done():
            self._over.set_result(None)

    def _do(self, message: str | bytes) -> None:
        """What a peer asks for. What cannot be used costs an error and no more, unless it comes too fast."""
        if self._over.done():
            return
        try:
            self._rate.take(len(message))
            if isinstance(message, bytes):
                raise InputError("this data channel carries JSON; sound and pictures come by tracks")
            if do(message, self.live):
                self._ended = True
                self._end()
        except TooFast as fast:
            self._over.set_exception(fast)
        except InputError as wrong:
            self._tell({"type": "error", "message": str(wrong)})

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


class Peers:
    """All connections: as many as there are sessions.

    Args:
        servers: as of `Peer`.
    """

    def __init__(self, parking: Parking, servers: Sequence[IceServer] = ()) -> None:
        self.parking, self.servers = parking, servers
        self._talks: set[asyncio.Task[None]] = set()

    async def answer(self, offer: str, resume: str | None = None, after: int = -1) -> str:
        """The answer to an offer, for which a slot is taken at once.

        Args:
            resume: key of a session that goes on with this connection. after: the last frame that its client had.
        Raises:
            EngineFull: no slot is free.
            InputError: the offer cannot be used, there is no such session, or the server is shutting down.
        """
        offers.check(offer)
        stay, peer = await self._begun(resume, after)
        try:
            answer = await peer.answer(offer)
        except BaseException:
            await self._leave(stay, peer, returns=resume is not None)
            raise
        task = asyncio.create_task(self._talk(stay, peer))
        self._talks.add(task)
        task.add_done_callback(self._talks.discard)
        return answer

    async def close(self) -> None:
        """Ends all connections."""
        for task in self._talks:
            task.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _begun(self, resume: str | None, after: int) -> tuple[Stay, Peer]:
        """A session, new or resumed, and its connection."""
        admission = self.parking.admission
        sees = admission.engine.engine.loaded.vision is not None
        if resume is not None:
            stay = await self.parking.resume(resume, after)
            peer = Peer(stay.live, stay.outbox, sees=sees, servers=self.servers)
            stay.line = peer
            return stay, peer
        outbox = Outbox()
        live = admission.enter_now(outbox.deliver)
        peer = Peer(live, outbox, sees=sees, servers=self.servers)
        return self.parking.begin(live, outbox, peer), peer

    async def _talk(self, stay: Stay, peer: Peer) -> None:
        returns = False
        try:
            failure = await peer.talk(hello(self.parking.admission.engine, peer.live, stay.key))
            returns = failure is None and peer.returns
            if failure is not None and not is_expected(failure):
                LOGGER.error("a WebRTC connection has failed", exc_info=failure)
        finally:
            await self._leave(stay, peer, returns=returns)

    async def _leave(self, stay: Stay, peer: Peer, *, returns: bool) -> None:
        # The session first: a connection may take its time to close.
        self.parking.leave(stay, returns=returns)
        await peer.stop()
