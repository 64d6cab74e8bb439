"""`/api/live`: the page's protocol, a WebSocket that carries all that a frame holds.

Up: binary messages whose first byte is their kind, 1 sound (16-bit samples, little-endian, 24 kHz mono), 2 a picture (PNG or JPEG);
and JSON, `{"type": "read", "text": ...}`, `{"type": "cut"}`. Down: a `hello`, then for every step a `frame` in JSON and its sound as a
binary message of 3840 bytes; `error` where something could not be used, and before the `hello` a `queue` with the place in it.
"""

import json
from dataclasses import asdict
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from roboego.errors import InputError
from roboego.perception.picture import open_picture
from roboego.runtime.frame import (
    Cut,
    EngineFull,
    Event,
    Frame,
    NotSeen,
    Overrun,
    ReplySpoken,
    ReplyStarted,
    ReplyTextDone,
)
from roboego.serve.admission import Admission, Place
from roboego.serve.connection import Closed, Inbox, both_ways, entered, is_expected, reason_of
from roboego.serve.live import Live, LiveEngine
from roboego.serve.outbox import Outbox
from roboego.sound.pcm import from_pcm16, to_pcm16
from roboego.streams.alphabet import normalize
from roboego.timebase import FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE

SOUND, PICTURE = 1, 2
"""First bytes of binary messages."""
MOST_BYTES = 8 * 1024 * 1024
"""Of a message: a picture of a large camera."""
MOST_TEXT = 4_000


class _Read(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["read"]
    text: str = Field(min_length=1, max_length=MOST_TEXT)


class _Cut(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["cut"]


_MESSAGES: TypeAdapter[_Read | _Cut] = TypeAdapter(Annotated[_Read | _Cut, Field(discriminator="type")])


async def serve(socket: WebSocket, admission: Admission) -> None:
    """Talks with one page until one of the two ends it. While it waits for a slot, it is told its place."""
    await socket.accept()
    inbox, outbox = Inbox(socket), Outbox()

    async def tell(place: Place) -> None:
        await socket.send_json({"type": "queue", **asdict(place)})

    try:
        live = await entered(admission, outbox.deliver, tell, inbox)
    except (EngineFull, InputError) as error:
        await _close(socket, str(error), Closed.BUSY)
        return
    if live is None:
        return
    try:
        await socket.send_json(_hello(admission.engine))
        failure = await both_ways(_hear(inbox, live), _say(socket, live, outbox))
    finally:
        admission.leave(live)
    if failure is not None:
        await _close(socket, *reason_of(failure))
        if not is_expected(failure):
            raise failure


def _hello(engine: LiveEngine) -> dict[str, Any]:
    loaded = engine.engine.loaded
    config = loaded.model.config
    return {
        "type": "hello",
        "model": loaded.name,
        "frame_ms": FRAME_MS,
        "frame_samples": FRAME_SAMPLES,
        "sample_rate": SAMPLE_RATE,
        "reads": config.layout.reads,
        "sees": loaded.vision is not None,
        "captions": config.caption_head,
        "acts": config.layout.action_dims,
        "slots": engine.engine.slots,
        "recorded": engine.recorder is not None,
    }


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
            return
        try:
            if (data := message.get("bytes")) is not None:
                _take(data, live)
            else:
                _do(message.get("text") or "", live)
        except InputError as wrong:
            await inbox.socket.send_json({"type": "error", "message": str(wrong)})


def _take(data: bytes, live: Live) -> None:
    """Sound or a picture.

    Raises:
        InputError: it is neither.
    """
    if not 1 < len(data) <= MOST_BYTES:
        raise InputError(f"a binary message has 2 to {MOST_BYTES} bytes, not {len(data)}")
    kind, body = data[0], data[1:]
    if kind == SOUND and len(body) % 2 == 0:
        live.hear(from_pcm16(np.frombuffer(body, "<i2")))
    elif kind == PICTURE:
        live.see(open_picture(body))
    else:
        raise InputError(f"a binary message begins with {SOUND}, before 16-bit samples, or {PICTURE}, before a PNG or JPEG; not {kind}")


def _do(text: str, live: Live) -> None:
    """What a JSON message asks for.

    Raises:
        InputError: it is none, or cannot be done.
    """
    try:
        asked = _MESSAGES.validate_json(text)
    except ValidationError as error:
        raise InputError(f"no message that is known: {error.errors()[0]['msg']}") from error
    if isinstance(asked, _Read):
        live.read(normalize(asked.text))
    else:
        live.session.cut()


async def _say(socket: WebSocket, live: Live, outbox: Outbox) -> None:
    while True:
        result = await outbox.take()
        if isinstance(result, Frame):
            await socket.send_text(json.dumps(told(result, len(live.queue))))
            await socket.send_bytes(to_pcm16(result.speech).tobytes())
        elif isinstance(result.__cause__, InputError):
            await socket.send_json({"type": "error", "message": str(result)})
        else:
            raise result


def told(frame: Frame, waiting: int) -> dict[str, Any]:
    """A frame in JSON, without its sound.

    Args:
        waiting: frames of sound that have come and not been heard yet.
    """
    return {
        "type": "frame",
        "index": frame.index,
        "text": frame.text,
        "heard": frame.heard,
        "spoken": frame.spoken_upto,
        "action": None if frame.action is None else frame.action.tolist(),
        "events": [_event(event) for event in frame.events],
        "step_ms": round(frame.step_ms, 2),
        "waiting": waiting,
    }


def _event(event: Event) -> dict[str, Any]:
    match event:
        case ReplyStarted():
            return {"type": "reply_started", "reply": event.reply}
        case ReplyTextDone():
            return {"type": "reply_text_done", "reply": event.reply, "tokens": event.tokens}
        case ReplySpoken():
            return {"type": "reply_spoken", "reply": event.reply}
        case Cut():
            return {"type": "cut", "reply": event.reply, "spoken": event.spoken}
        case Overrun():
            return {"type": "overrun", "frames": event.frames}
        case NotSeen():
            return {"type": "not_seen", "reason": event.reason}
