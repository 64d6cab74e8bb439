"""WebRTC connections, each of which has one live session, or waits for one in the queue."""

import asyncio
from collections.abc import Sequence
from typing import Any

from roboego.runtime.frame import EngineFull
from roboego.serve.connection import is_expected
from roboego.serve.live_messages import hello
from roboego.serve.logs import LOGGER
from roboego.serve.outbox import Outbox
from roboego.serve.parking import Parking, Stay
from roboego.serve.webrtc import offer as offers
from roboego.serve.webrtc.ice import IceServer
from roboego.serve.webrtc.peer import Peer

MOST_WAITING = 8
"""Connections without a session: each takes as much of the network, and of decoding, as one that has one."""


class Peers:
    """All connections: those with a session, and some that wait for one.

    Args:
        servers: as of `Peer`.
    """

    def __init__(self, parking: Parking, servers: Sequence[IceServer] = ()) -> None:
        self.parking, self.servers = parking, servers
        self._peers: set[Peer] = set()
        self._talks: set[asyncio.Task[None]] = set()

    async def answer(self, offer: str, guest: str, resume: str | None = None, after: int = -1) -> str:
        """The answer to an offer, for which a slot is taken at once, or a place in the queue.

        Args:
            guest: who the client is.
            resume: key of a session that goes on with this connection. after: the last frame that its client had.
        Raises:
            EngineFull: neither is free.
            InputError: the offer cannot be used, there is no such session, or the server is shutting down.
        """
        offers.check(offer)
        peer, entering = self._new(guest) if resume is None else await self._resumed(resume, after)
        try:
            await self._settled(peer, entering)
            answer = await peer.answer(offer)
        except BaseException:
            await self._leave(entering, peer, returns=resume is not None)
            raise
        task = asyncio.create_task(self._talk(entering, peer))
        self._talks.add(task)
        task.add_done_callback(self._talks.discard)
        return answer

    async def close(self) -> None:
        """Ends all connections."""
        for task in self._talks:
            task.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    def _new(self, guest: str) -> tuple[Peer, asyncio.Future[Stay]]:
        """A connection, and the session that it will have."""
        peer = self._peer(Outbox())
        return peer, asyncio.create_task(self._entered(peer, guest))

    async def _resumed(self, key: str, after: int) -> tuple[Peer, asyncio.Future[Stay]]:
        """A connection, and the session that it has had."""
        stay = await self.parking.resume(key, after)
        peer = self._peer(stay.outbox)
        stay.line = peer
        peer.begin(stay.live)
        entering: asyncio.Future[Stay] = asyncio.get_running_loop().create_future()
        entering.set_result(stay)
        return peer, entering

    def _peer(self, outbox: Outbox) -> Peer:
        peer = Peer(outbox, sees=self.parking.admission.engine.engine.loaded.vision is not None, servers=self.servers)
        self._peers.add(peer)
        return peer

    async def _entered(self, peer: Peer, guest: str) -> Stay:
        """A session for a connection, when it is its turn."""
        live = await self.parking.admission.enter(peer.outbox.deliver, peer.tell)
        peer.begin(live)
        return self.parking.begin(live, peer.outbox, peer, guest)

    async def _settled(self, peer: Peer, entering: asyncio.Future[Stay]) -> None:
        """Waits until it is clear whether a connection has a session or a place in the queue.

        Raises:
            EngineFull, InputError: neither.
        """
        placed = asyncio.create_task(peer.placed.wait())
        either: list[asyncio.Future[Any]] = [entering, placed]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        placed.cancel()
        if entering.done():
            await entering
        elif (waiting := sum(other.waits for other in self._peers)) > MOST_WAITING:
            raise EngineFull(f"all sessions are taken and {waiting - 1} WebRTC connections wait already; come back later")

    async def _talk(self, entering: asyncio.Future[Stay], peer: Peer) -> None:
        returns = False
        try:
            failure = await peer.talk(entering, lambda stay: hello(self.parking.admission.engine, stay.live, stay.key))
            returns = failure is None and peer.returns
            if failure is not None and not is_expected(failure):
                LOGGER.error("a WebRTC connection has failed", exc_info=failure)
        finally:
            await self._leave(entering, peer, returns=returns)

    async def _leave(self, entering: asyncio.Future[Stay], peer: Peer, *, returns: bool) -> None:
        # The session first: a connection may take its time to close.
        self._peers.discard(peer)
        entering.cancel()
        await asyncio.wait([entering])
        if not entering.cancelled() and entering.exception() is None:
            self.parking.leave(entering.result(), returns=returns)
        await peer.stop()
