"""`/api/live`: the page's protocol, a WebSocket that carries all that a frame holds.

Up: binary messages whose first byte is their kind, 1 sound (16-bit samples, little-endian, 24 kHz mono), 2 a picture (PNG, JPEG or WebP);
and the JSON of `roboego.serve.live_messages`. Down: a `hello`, then for every step a `frame` in JSON and
its sound as a binary message of 3840 bytes; `error` where something could not be used, and before the `hello` a `queue` with the place
in it. A client that was cut off comes back with `?resume=KEY&after=INDEX`, and sends again what came after the `samples` of the `hello`.
"""

import json
from dataclasses import asdict
from typing import Any

import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect

from roboego.errors import InputError
from roboego.runtime.frame import EngineFull, Frame
from roboego.serve.admission import Place
from roboego.serve.connection import LEFT, Closed, Inbox, both_ways, entered, goes_on, is_expected, reason_of
from roboego.serve.guard import guest
from roboego.serve.live import Live
from roboego.serve.live_messages import do, hello, told
from roboego.serve.outbox import Outbox
from roboego.serve.parking import Parking, Stay
from roboego.serve.pictures import show
from roboego.sound.pcm import from_pcm16, to_pcm16

SOUND, PICTURE = 1, 2
"""First bytes of binary messages."""
MOST_BYTES = 8 * 1024 * 1024
"""Of a message: a picture of a large camera."""


async def serve(socket: WebSocket, parking: Parking) -> None:
    """Talks with one page until one of the two ends it. A page that was cut off resumes with `?resume=KEY&after=INDEX`, its last frame."""
    await socket.accept()
    inbox = Inbox(socket)
    try:
        stay = await _resumed(socket, parking) if "resume" in socket.query_params else await _entered(inbox, parking)
    except (EngineFull, InputError) as error:
        await _close(socket, str(error), Closed.BUSY)
        return
    if stay is None:
        return
    failure: BaseException | None = None
    try:
        await socket.send_json(hello(parking.admission.engine, stay.live, stay.key))
        failure = await both_ways(_hear(inbox, stay.live), _say(socket, stay.live, stay.outbox))
    except (WebSocketDisconnect, RuntimeError):  # it left before it was greeted
        pass
    finally:
        parking.leave(stay, returns=failure is None and not inbox.ended)
    if failure is not None:
        await _close(socket, *reason_of(failure))
        if not is_expected(failure):
            raise failure


async def _entered(inbox: Inbox, parking: Parking) -> Stay | None:
    """A new session; while the page waits for one, it is told its place."""
    outbox = Outbox()

    async def tell(place: Place) -> None:
        await inbox.socket.send_json({"type": "queue", **asdict(place)})

    live = await entered(parking.admission, outbox.deliver, tell, inbox)
    return None if live is None else parking.begin(live, outbox, inbox.socket, guest(inbox.socket.scope))


async def _resumed(socket: WebSocket, parking: Parking) -> Stay:
    """The session that the page had before, its lost frames first.

    Raises:
        InputError: it is over, or the page does not say which frame it had last.
    """
    after = socket.query_params.get("after", "")
    if not after.removeprefix("-").isdigit():
        raise InputError("resume needs the number of the last frame that came: ?resume=KEY&after=INDEX")
    stay = await parking.resume(socket.query_params["resume"], int(after))
    stay.line = socket
    return stay


async def _close(socket: WebSocket, reason: str, code: int) -> None:
    """Says why, and closes."""
    try:
        await socket.send_json({"type": "error", "message": reason})
        await socket.close(code, reason[:100])
    except (RuntimeError, WebSocketDisconnect):  # it is gone already
        return


async def _hear(inbox: Inbox, live: Live) -> None:
    """Takes messages in until the page leaves. One that cannot be used costs an error and no more."""
    while True:
        message = await inbox.next()
        if message["type"] == "websocket.disconnect":
            inbox.ended = message.get("code") in LEFT
            return
        try:
            if (data := message.get("bytes")) is not None:
                await _take(data, live)
            else:
                answers: list[dict[str, Any]] = []
                inbox.ended = do(message.get("text") or "", live, answers.append)
                for answer in answers:
                    await inbox.socket.send_json(answer)
            if inbox.ended:
                return
        except InputError as wrong:
            await inbox.socket.send_json({"type": "error", "message": str(wrong)})


async def _take(data: bytes, live: Live) -> None:
    """Sound or a picture.

    Raises:
        InputError: it is neither, or cannot be used.
    """
    if not 1 < len(data) <= MOST_BYTES:
        raise InputError(f"a binary message has 2 to {MOST_BYTES} bytes, not {len(data)}")
    kind, body = data[0], data[1:]
    if kind == SOUND and len(body) % 2 == 0:
        live.hear(from_pcm16(np.frombuffer(body, "<i2")))
    elif kind == PICTURE:
        await show(body, live)
    else:
        raise InputError(f"a binary message begins with {SOUND}, before 16-bit samples, or {PICTURE}, before a picture; not {kind}")


async def _say(socket: WebSocket, live: Live, outbox: Outbox) -> None:
    while True:
        result = await outbox.take()
        if isinstance(result, Frame):
            await socket.send_text(json.dumps(told(result, live)))
            await socket.send_bytes(to_pcm16(result.speech).tobytes())
        elif goes_on(result):
            await socket.send_json({"type": "error", "message": str(result)})
        else:
            raise result
