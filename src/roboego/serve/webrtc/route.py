"""`POST /api/webrtc`: an offer comes, an answer goes; all else is between the two connections.

Up: `{"type": "offer", "sdp": ...}`, a session description with one audio section, a data channel labelled "events" and, if the model sees,
one video section. Down: `{"type": "answer", "sdp": ...}` with all candidates in it (there is no trickling). The data channel carries the
JSON of `/api/live` both ways; sound and pictures travel as tracks. A client that has to wait for its session gets its answer all the same,
and then its place in the queue over the data channel; one that may not wait is refused, and told after which time it may ask again. A
client whose connection was lost makes another offer, with the key of its `hello` and the number of its last frame:
`{"type": "offer", "sdp": ..., "resume": KEY, "after": INDEX}`.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from roboego.errors import InputError
from roboego.runtime.frame import EngineFull
from roboego.serve.guard import guest
from roboego.serve.parking import Parking
from roboego.serve.webrtc.ice import IceServer

if TYPE_CHECKING:
    from roboego.serve.webrtc.peers import Peers

MOST_SDP = 64 * 1024
"""Characters of a session description."""
MOST_BYTES = 2 * MOST_SDP
"""Of a request: JSON writes each of its line ends with four characters."""


class Description(BaseModel):
    """A session description."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["offer", "answer"]
    sdp: str = Field(min_length=1)


class Offer(Description):
    """One that begins a session, or goes on with one whose connection was lost."""

    resume: str | None = Field(None, max_length=100)
    after: int = -1


class WebRtc:
    """The route and, once one has been offered, the connections.

    Args:
        servers: as of `Peer`.
    """

    def __init__(self, parking: Parking, servers: Sequence[IceServer] = ()) -> None:
        self.parking, self.servers = parking, servers
        self._peers: Peers | None = None
        self._importing = asyncio.Lock()

    @property
    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/api/webrtc", self.offered, methods=["POST"], response_model=Description)
        return router

    async def offered(self, request: Request) -> Description:
        """Answers an offer.

        Raises:
            HTTPException: 400 it cannot be used, 413 it is too large, 501 aiortc is not installed, 503 no session is free, and there is no
                place in the queue.
        """
        offer = _offer(await _body(request))
        peers, admission = await self._connections(), self.parking.admission
        try:
            return Description(type="answer", sdp=await peers.answer(offer.sdp, guest(request.scope), offer.resume, offer.after))
        except EngineFull as error:
            raise HTTPException(503, str(error), {"Retry-After": str(admission.retry_s)}) from error
        except InputError as error:
            raise HTTPException(400 if admission.engine.running else 503, str(error)) from error

    async def close(self) -> None:
        """Ends all connections."""
        if self._peers is not None:
            await self._peers.close()

    async def _connections(self) -> "Peers":
        async with self._importing:
            if self._peers is None:
                try:
                    made = await asyncio.to_thread(_peers)
                except ModuleNotFoundError as error:
                    raise HTTPException(501, f"WebRTC needs {error.name}: pip install 'roboego[webrtc]'") from error
                self._peers = made(self.parking, self.servers)
        return self._peers


def _peers() -> "type[Peers]":
    """Imported when it is needed: it takes a while, and is an extra."""
    from roboego.serve.webrtc.peers import Peers

    return Peers


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise HTTPException(413, f"an offer has at most {MOST_BYTES} bytes")
    return body


def _offer(body: bytes) -> Offer:
    """What a request offers."""
    try:
        description = Offer.model_validate_json(body)
    except ValidationError as error:
        raise HTTPException(400, f'an offer is {{"type": "offer", "sdp": ...}}: {error.errors()[0]["msg"]}') from error
    if description.type != "offer":
        raise HTTPException(400, "a session begins with an offer, not with an answer")
    if len(description.sdp) > MOST_SDP:
        raise HTTPException(413, f"a session description has at most {MOST_SDP} characters, not {len(description.sdp)}")
    return description
