"""What clients of the Realtime API send (OpenAI's GA names): the parts that mean something to a model that never stops listening.

Fields that are not listed are ignored, since clients send many that concern other models.
"""

import base64
import binascii
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from roboego.errors import InputError
from roboego.serve.settings import SessionSettings
from roboego.sound.pcm import from_pcm16


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Format(_Lenient):
    """How sound is coded: 24 kHz mono, 16 bits, little-endian."""

    type: Literal["audio/pcm"] = "audio/pcm"
    rate: Literal[24000] = 24_000


class Transcription(_Lenient):
    """Asked for with any model's name: it is this model that writes down what it hears."""

    model: str | None = None


class Input(_Lenient):
    format: Format = Format()
    transcription: Transcription | None = None


class Output(_Lenient):
    format: Format = Format()
    voice: str | None = None


class Audio(_Lenient):
    input: Input = Input()
    output: Output = Output()


class Tool(_Lenient):
    """A function that Ego may call."""

    type: Literal["function"]
    name: str = Field(max_length=64)
    description: str = Field("", max_length=1_000)
    parameters: dict[str, Any] = Field(default_factory=dict)


class RealtimeSettings(_Lenient):
    """Of `session.update`. `instructions` are read by the model when they come; `roboego` is our own, and none of OpenAI's."""

    type: Literal["realtime"] = "realtime"
    instructions: str | None = None
    audio: Audio | None = None
    tools: list[Tool] | None = None
    roboego: SessionSettings | None = None

    @property
    def transcribes(self) -> bool:
        """What is heard is to be written down."""
        return self.audio is not None and self.audio.input.transcription is not None


def updated(now: RealtimeSettings, given: RealtimeSettings) -> RealtimeSettings:
    """Settings after an update: of instructions, sound and tools, the fields that the client has sent."""
    changes: dict[str, Any] = {name: getattr(given, name) for name in ("instructions", "tools") if getattr(given, name) is not None}
    if given.audio is not None:
        changes["audio"] = _with(now.audio or Audio(), given.audio)
    return now.model_copy(update=changes)


def _with(now: BaseModel, given: BaseModel) -> BaseModel:
    """A model with the fields that were given; those of models in it one by one as well."""
    changes: dict[str, Any] = {}
    for name in given.model_fields_set:
        before, after = getattr(now, name), getattr(given, name)
        changes[name] = _with(before, after) if isinstance(before, BaseModel) and isinstance(after, BaseModel) else after
    return now.model_copy(update=changes)


class Part(_Lenient):
    """Of a message's content."""

    type: str
    text: str | None = None
    image_url: str | None = None


class Item(_Lenient):
    type: str = "message"
    id: str | None = None
    role: str = "user"
    content: list[Part] = Field(default_factory=list)
    call_id: str | None = None
    output: str | None = None


class _Event(_Lenient):
    event_id: str | None = None


class SessionUpdate(_Event):
    type: Literal["session.update"]
    session: RealtimeSettings


class Append(_Event):
    type: Literal["input_audio_buffer.append"]
    audio: str


class Commit(_Event):
    type: Literal["input_audio_buffer.commit"]


class Clear(_Event):
    type: Literal["input_audio_buffer.clear"]


class ItemCreate(_Event):
    type: Literal["conversation.item.create"]
    item: Item
    previous_item_id: str | None = None


class ItemDelete(_Event):
    type: Literal["conversation.item.delete"]
    item_id: str


class ItemRetrieve(_Event):
    type: Literal["conversation.item.retrieve"]
    item_id: str


class ItemTruncate(_Event):
    type: Literal["conversation.item.truncate"]
    item_id: str
    content_index: int = 0
    audio_end_ms: int = 0


class ResponseCreate(_Event):
    type: Literal["response.create"]


class ResponseCancel(_Event):
    type: Literal["response.cancel"]
    response_id: str | None = None


ItemEvent = ItemCreate | ItemDelete | ItemRetrieve | ItemTruncate
ClientEvent = SessionUpdate | Append | Commit | Clear | ItemEvent | ResponseCreate | ResponseCancel
_EVENTS: TypeAdapter[ClientEvent] = TypeAdapter(Annotated[ClientEvent, Field(discriminator="type")])


def parse(message: str | bytes) -> ClientEvent:
    """One message of a client.

    Raises:
        InputError: it is no JSON, an unknown event, or lacks what it needs; told in a line.
    """
    try:
        return _EVENTS.validate_json(message)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{where or 'event'}: {first['msg']}") from error


def sound_of(event: Append) -> NDArray[np.float32]:
    """Samples [N] of an append.

    Raises:
        InputError: they are not base64 of 16-bit samples.
    """
    try:
        data = base64.b64decode(event.audio, validate=True)
    except binascii.Error as error:
        raise InputError("audio must be base64") from error
    if len(data) % 2:
        raise InputError(f"audio must be 16-bit samples, not {len(data)} bytes")
    return from_pcm16(np.frombuffer(data, "<i2"))
