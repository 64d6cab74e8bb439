"""The JSON of `/api/live`, which its WebSocket and WebRTC's data channel share.

Up: `{"type": "read", "text": ...}`, `{"type": "cut"}`, `{"type": "end"}`. Down: a `hello`, then a `frame` for every step; `error` where
something could not be used.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from roboego.errors import InputError
from roboego.runtime.frame import (
    Cut,
    Event,
    Frame,
    NotSeen,
    Overrun,
    ReplySpoken,
    ReplyStarted,
    ReplyTextDone,
)
from roboego.serve.live import Live, LiveEngine
from roboego.streams.alphabet import normalize
from roboego.timebase import FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE

MOST_TEXT = 4_000
"""Characters of a `read`."""


class _Read(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["read"]
    text: str = Field(min_length=1, max_length=MOST_TEXT)


class _Cut(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["cut"]


class _End(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["end"]


_MESSAGES: TypeAdapter[_Read | _Cut | _End] = TypeAdapter(Annotated[_Read | _Cut | _End, Field(discriminator="type")])


def hello(engine: LiveEngine, live: Live, key: str | None) -> dict[str, Any]:
    """What a client is told first.

    Args:
        key: with which the session can be resumed; None if it cannot.
    """
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
        "resume": key,
        "samples": live.samples,
    }


def do(text: str, live: Live) -> bool:
    """What a JSON message asks for. Whether that is the end.

    Raises:
        InputError: it is none, or cannot be done.
    """
    try:
        asked = _MESSAGES.validate_json(text)
    except ValidationError as error:
        raise InputError(f"no message that is known: {error.errors()[0]['msg']}") from error
    if isinstance(asked, _Read):
        live.read(normalize(asked.text))
    elif isinstance(asked, _Cut):
        live.session.cut()
    return isinstance(asked, _End)


def told(frame: Frame, waiting: int, times: tuple[float, float] | None) -> dict[str, Any]:
    """A frame in JSON, without its sound.

    Args:
        waiting: frames of sound that have come and not been heard yet.
        times: when its sound had come and when its step was done, in seconds of the server's monotonic clock.
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
        "times": times,
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
