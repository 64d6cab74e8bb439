"""Moshi's protocol: a binary WebSocket whose messages begin with a byte that says what they are (kyutai-labs/moshi).

The server greets with a lone 0. Sound is Ogg-Opus of 24 kHz mono both ways, text is UTF-8 and comes down as it is written. Our server adds
nothing to it. Clients that send text have it read.
"""
# N samples

import json
from dataclasses import asdict
from enum import IntEnum
from typing import Any

import numpy as np
import sphn
from starlette.websockets import WebSocket, WebSocketDisconnect

from roboego.errors import InputError
from roboego.runtime.frame import EngineFull, Frame, Overrun
from roboego.serve.admission import Admission, Place
from roboego.serve.connection import Closed, Inbox, both_ways, entered, goes_on, is_expected, reason_of
from roboego.serve.live import Live
from roboego.serve.outbox import Outbox
from roboego.streams.alphabet import normalize
from roboego.timebase import SAMPLE_RATE

MOST_BYTES = 1 << 16
"""Of a message: two minutes of Opus at 4 kB/s are eight times that, and no client sends them at once."""


class Kind(IntEnum):
    """First byte of a message."""

    HANDSHAKE = 0
    SOUND = 1
    TEXT = 2
    CONTROL = 3
    METADATA = 4
    ERROR = 5
    PING = 6


async def serve(socket: WebSocket, admission: Admission) -> None:
    """Talks with one client until one of the two ends it. As metadata it is told its place while it waits for a slot, and lost sound."""
    await socket.accept()
    inbox, outbox = Inbox(socket), Outbox()

    async def tell(place: Place) -> None:
        await _tell(socket, {"queue": asdict(place)})

    try:
        live = await entered(admission, outbox.deliver, tell, inbox)
    except (EngineFull, InputError) as error:
        await _refuse(socket, str(error), Closed.BUSY)
        return
    if live is None:
        return
    try:
        await socket.send_bytes(bytes([Kind.HANDSHAKE]))
        failure = await both_ways(_hear(inbox, live), _say(socket, outbox))
    finally:
        admission.leave(live)
    if failure is not None:
        await _refuse(socket, *reason_of(failure))
        if not is_expected(failure):
            raise failure


async def _tell(socket: WebSocket, metadata: dict[str, Any]) -> None:
    await socket.send_bytes(bytes([Kind.METADATA]) + json.dumps(metadata).encode())


async def _refuse(socket: WebSocket, reason: str, code: int) -> None:
    """Says why, and closes."""
    try:
        await socket.send_bytes(bytes([Kind.ERROR]) + reason.encode())
        await socket.close(code, reason[:100])
    except (RuntimeError, WebSocketDisconnect):  # it is gone already
        return


async def _hear(inbox: Inbox, live: Live) -> None:
    reader = sphn.OpusStreamReader(SAMPLE_RATE)
    while True:
        message = await inbox.next()
        if message["type"] == "websocket.disconnect":
            return
        data = message.get("bytes") or b""
        if not data or len(data) > MOST_BYTES:
            raise InputError(f"a message of {len(data)} bytes: send binary messages of 2 to {MOST_BYTES} bytes that begin with their kind")
        _take(data[0], data[1:], live, reader)


def _take(kind: int, body: bytes, live: Live, reader: sphn.OpusStreamReader) -> None:
    """One message from the client.

    Raises:
        InputError: it is no Opus, or text that the model cannot read.
    """
    if kind == Kind.SOUND:
        try:
            pcm_N = reader.append_bytes(body)
        except ValueError as error:
            raise InputError(f"sound must be Ogg-Opus: {error}") from error
        if len(pcm_N):
            live.hear(np.asarray(pcm_N, np.float32))
    elif kind == Kind.TEXT:
        try:
            text = normalize(body.decode())
        except UnicodeDecodeError as error:
            raise InputError("text must be UTF-8") from error
        live.read(text)
    elif kind not in tuple(Kind):
        raise InputError(f"unknown kind of message {kind}: kinds are 0 to {max(Kind)}")


async def _say(socket: WebSocket, outbox: Outbox) -> None:
    writer = sphn.OpusStreamWriter(SAMPLE_RATE)
    while True:
        result = await outbox.take()
        if not isinstance(result, Frame):
            if not goes_on(result):
                raise result
            await _tell(socket, {"notice": str(result)})
            continue
        if lost := sum(event.frames for event in result.events if isinstance(event, Overrun)):
            await _tell(socket, {"overrun": {"frames": lost}})
        if result.text:
            await socket.send_bytes(bytes([Kind.TEXT]) + result.text.encode())
        if sound := writer.append_pcm(result.speech):
            await socket.send_bytes(bytes([Kind.SOUND]) + sound)
