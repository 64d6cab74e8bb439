"""The JSON of `/api/live`, which its WebSocket and WebRTC's data channel share.

Up: `{"type": "read", "text": ...}`, `{"type": "cut"}`, `{"type": "end"}`; `{"type": "settings", ...}` with fields of
`roboego.serve.settings`, `{"type": "functions", "functions": [...]}` that Ego may call, and what came of a call,
`{"type": "result", "call": ID, "output": ...}`; what a robot feels, `{"type": "sense", "readings": {NAME: [...]}}`, with null for a
number that its sensor could not tell. Down: a `hello`, then a `frame` for every step; `error` where something could not be used.
A WebSocket answers `{"type": "ping"}` with `{"type": "pong"}`, so that its client learns how long a round trip takes.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from roboego.errors import InputError
from roboego.runtime.frame import (
    CallWritten,
    Cut,
    Event,
    Frame,
    NotFelt,
    NotSeen,
    Overrun,
    ReplySpoken,
    ReplyStarted,
    ReplyTextDone,
)
from roboego.serve.live import Live, LiveEngine
from roboego.serve.settings import MOST_TEXT, SessionSettings, apply
from roboego.streams.alphabet import normalize
from roboego.streams.calls import Function
from roboego.timebase import FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE


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


class _Ping(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["ping"]


class _Settings(SessionSettings):
    type: Literal["settings"]

    @property
    def given(self) -> frozenset[str]:
        return super().given - {"type"}


class _Function(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=64)
    description: str = Field("", max_length=1_000)
    parameters: dict[str, Any] = Field(default_factory=dict)


class _Functions(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["functions"]
    functions: list[_Function]


class _Result(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["result"]
    call: str
    output: str


class _Sense(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["sense"]
    readings: dict[str, list[Any]]


_Message = _Read | _Cut | _End | _Ping | _Settings | _Functions | _Result | _Sense
_MESSAGES: TypeAdapter[_Message] = TypeAdapter(Annotated[_Message, Field(discriminator="type")])
Answer: TypeAlias = Callable[[dict[str, Any]], None]
"""Takes what is to be sent to a client at once."""


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
        "senses": {sense.name: list(sense.shape) for sense in config.senses},
        "acts": config.layout.action_dims,
        "action_bins": config.layout.action_bins,
        "slots": engine.engine.slots,
        "recorded": engine.recorder is not None,
        "settings": sorted(live.allowed),
        "resume": key,
        "samples": live.samples,
    }


def do(text: str, live: Live, answer: Answer | None = None) -> bool:
    """What a JSON message asks for. Whether that is the end.

    Args:
        answer: given the pong of a ping; None where pings are not answered.
    Raises:
        InputError: it is none, or cannot be done.
    """
    try:
        asked = _MESSAGES.validate_json(text)
    except ValidationError as error:
        raise InputError(f"no message that is known: {error.errors()[0]['msg']}") from error
    match asked:
        case _Read():
            live.read(normalize(asked.text))
        case _Cut():
            live.session.cut()
        case _Ping():
            if answer is None:
                raise InputError(
                    "pings are answered on WebSockets alone; of a WebRTC connection the client's own statistics tell the round trip"
                )
            answer({"type": "pong"})
        case _Settings():
            apply(asked, live.session, live.allowed)
        case _Functions():
            live.functions.declare([Function(**function.model_dump()) for function in asked.functions])
        case _Result():
            live.functions.result(asked.call, asked.output)
        case _Sense():
            live.feel(asked.readings)
        case _End():
            return True
    return False


def told(frame: Frame, live: Live) -> dict[str, Any]:
    """A session's frame in JSON, without its sound.

    `waiting` are the frames of sound that have come and not been heard yet; `times` when its sound had come and when its step was done, in
    seconds of the server's monotonic clock.
    """
    return {
        "type": "frame",
        "index": frame.index,
        "text": frame.text,
        "heard": frame.heard,
        "spoken": frame.spoken_upto,
        "action": None if frame.action is None else frame.action.tolist(),
        "events": [_event(event, live) for event in frame.events],
        "step_ms": round(frame.step_ms, 2),
        "waiting": len(live.queue),
        "times": live.times.get(frame.index),
    }


def _event(event: Event, live: Live) -> dict[str, Any]:
    match event:
        case CallWritten():
            return _call(event, live)
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
        case NotFelt():
            return {"type": "not_felt", "sense": event.sense, "reason": event.reason}


def _call(event: CallWritten, live: Live) -> dict[str, Any]:
    """A call, or why it is none. One that is `answered` waits for nothing: the function is the server's own."""
    try:
        made = live.functions.called(event)
    except InputError as wrong:
        return {"type": "call_failed", "reason": str(wrong)}
    return {"type": "call", "call": made.id, "name": made.call.name, "arguments": made.call.arguments, "answered": made.own}
