"""`/v1/realtime`: OpenAI's Realtime API over a WebSocket."""

import asyncio
from collections.abc import Iterable
from functools import partial

from starlette.websockets import WebSocket, WebSocketDisconnect

from roboego.errors import InputError
from roboego.perception.picture import Picture
from roboego.runtime.frame import EngineFull, Frame
from roboego.serve.admission import Admission, Place
from roboego.serve.connection import Closed, Inbox, both_ways, entered, goes_on, is_expected, reason_of
from roboego.serve.live import Notice
from roboego.serve.outbox import Outbox
from roboego.serve.pictures import decoded
from roboego.serve.realtime.client import ClientEvent, parse
from roboego.serve.realtime.responses import Event, new_id
from roboego.serve.realtime.session import RealtimeSession, data_of, error, images_of

MOST_CHARACTERS = 16 * 1024 * 1024
"""Of a message: as OpenAI's own limit for an append."""
SUBPROTOCOL = "realtime"


async def serve(socket: WebSocket, admission: Admission) -> None:
    """Talks with one client until one of the two ends it. One that waits for a slot is told nothing: there is no event for it."""
    await socket.accept(SUBPROTOCOL if SUBPROTOCOL in socket.scope["subprotocols"] else None)
    connection = _Connection(socket)
    inbox, outbox = Inbox(socket), Outbox()

    async def tell(place: Place) -> None: ...

    try:
        live = await entered(admission, outbox.deliver, tell, inbox)
    except (EngineFull, InputError) as full:
        await connection.close(error(str(full), "server_busy"), Closed.BUSY)
        return
    if live is None:
        return
    loaded = admission.engine.engine.loaded
    transcribe = None if loaded.model.config.caption_head else partial(admission.transcribe, live)
    session = RealtimeSession(live, loaded.name, transcribe)
    try:
        await connection.send([session.begin()])
        failure = await both_ways(_hear(inbox, connection, session), _say(connection, session, outbox))
    finally:
        admission.leave(live)
    if failure is not None:
        reason, code = reason_of(failure)
        await connection.close(error(reason, "session_failed"), code)
        if not is_expected(failure):
            raise failure


class _Connection:
    """Sends events in order; two coroutines do."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self._lock = asyncio.Lock()

    async def send(self, events: Iterable[Event]) -> None:
        async with self._lock:
            for event in events:
                await self.socket.send_json({"event_id": new_id("event"), **event})

    async def close(self, last: Event, code: int) -> None:
        """Says why, and closes."""
        try:
            await self.send([last])
            await self.socket.close(code, last["error"]["message"][:100])
        except (RuntimeError, WebSocketDisconnect):  # it is gone already
            return


async def _hear(inbox: Inbox, connection: _Connection, session: RealtimeSession) -> None:
    """Takes events in until the client leaves. One that cannot be used costs an error and no more."""
    while True:
        message = await inbox.next()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text") or (message.get("bytes") or b"").decode(errors="replace")
        try:
            if len(text) > MOST_CHARACTERS:
                raise InputError(f"an event has at most {MOST_CHARACTERS} characters")
            event = parse(text)
            await connection.send(await session.receive(event, await _pictures(event, session)))
        except (InputError, EngineFull) as wrong:
            await connection.send([error(str(wrong))])


async def _pictures(event: ClientEvent, session: RealtimeSession) -> list[Picture]:
    """An event's pictures, decoded in another thread.

    Raises:
        InputError: the model does not see, or one of them cannot be used.
    """
    urls = images_of(event)
    if urls:
        session.live.session.check_sees()
    return [await asyncio.to_thread(_decoded, url) for url in urls]


def _decoded(url: str) -> Picture:
    return decoded(data_of(url))


async def _say(connection: _Connection, session: RealtimeSession, outbox: Outbox) -> None:
    while True:
        result = await outbox.take()
        if isinstance(result, Frame):
            await connection.send(list(session.frame(result)))
        elif goes_on(result):
            await connection.send([error(str(result), "notice" if isinstance(result, Notice) else "invalid_value")])
        else:
            raise result
