"""One client of the Realtime API on one live session: its events in, frames out as events, no sockets."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import numpy as np

from roboego.errors import InputError
from roboego.perception.picture import Picture
from roboego.runtime.frame import CallWritten, Frame, Overrun
from roboego.serve.live import Live
from roboego.serve.realtime import client
from roboego.serve.realtime.items import Items
from roboego.serve.realtime.responses import Event, Responses, new_id
from roboego.serve.realtime.turns import Started, TurnDetector
from roboego.serve.settings import MOST_TEXT, SessionSettings, apply, check_allowed
from roboego.streams.alphabet import normalize
from roboego.streams.calls import Function
from roboego.timebase import FRAME_SAMPLES, SAMPLE_RATE

SERVER_ERRORS = ("overrun", "session_failed", "call_failed", "notice")
"""Codes of errors that no event of the client's has caused."""
LAG_FRAMES = 8
"""Frames after a turn's end in which its last words are still written down."""


class RealtimeSession:
    """What a connection says and is told.

    Args:
        model: the model's name, as the client is told it.
        transcribe: has a second slot write down what is heard (true), or frees it (false), which may take a while; None where the model
            does so in the first.
    """

    def __init__(self, live: Live, model: str, transcribe: Callable[[bool], Awaitable[None]] | None = None) -> None:
        self.live, self.model, self.transcribe = live, model, transcribe
        self.id = new_id("sess")
        self.settings = client.RealtimeSettings()
        self.responses = Responses()
        self.items = Items(live.session, self.responses)
        self.turns = TurnDetector()
        self._kept = np.zeros(0, np.float32)
        self._turn: str | None = None
        self._heard = ""
        self._lag = 0

    def begin(self) -> Event:
        """The first event."""
        return {"type": "session.created", "session": self._session()}

    # -- from the client ---------------------------------------------------------------------

    async def receive(self, event: client.ClientEvent, pictures: Sequence[Picture] = ()) -> list[Event]:
        """Takes one event in; what is to be answered at once.

        Args:
            pictures: those of `images_of` the event, decoded.
        Raises:
            EngineFull: it asks for a second slot, and none is free.
            InputError: it asks for something that cannot be done.
        """
        if isinstance(event, client.SessionUpdate):
            return [await self._update(event.session)]
        return [self.items.note(told) for told in self._received(event, pictures)]

    def _received(self, event: client.ClientEvent, pictures: Sequence[Picture]) -> Iterator[Event]:
        match event:
            case client.Append():
                yield from self._append(event)
            case client.ItemCreate():
                yield from self._create(event.item, pictures)
            case client.ItemTruncate():
                end = {"content_index": event.content_index, "audio_end_ms": event.audio_end_ms}
                yield {"type": "conversation.item.truncated", "item_id": event.item_id, **end}
                self._cut(event.item_id)
            case client.ItemDelete():
                # What has been heard cannot be unheard; the client's list is its own.
                yield {"type": "conversation.item.deleted", "item_id": event.item_id}
            case client.ItemRetrieve():
                yield {"type": "conversation.item.retrieved", "item": self.items.get(event.item_id)}
            case client.Commit():
                yield {"type": "input_audio_buffer.committed", "item_id": self._turn or new_id("item"), "previous_item_id": None}
            case client.Clear():
                yield {"type": "input_audio_buffer.cleared"}
            case client.ResponseCreate():
                self.live.begin()  # when to answer is the model's own choice
            case client.ResponseCancel():
                self._cut(self.responses.open_item)

    async def _update(self, settings: client.RealtimeSettings) -> Event:
        """What is given changes, what is left out stays as it is. Everything is looked at before anything is changed."""
        own, told = settings.roboego or SessionSettings(), settings.instructions
        check_allowed(own.given | ({"prompt"} if told else set()), self.live.allowed)
        functions = [_function(tool) for tool in settings.tools or ()]
        read = _text(told) if told and told != self.settings.instructions else ""
        wanted = client.updated(self.settings, settings)
        if self.transcribe is not None and wanted.transcribes:
            await self.transcribe(True)
        if settings.tools is not None:
            self.live.functions.declare(functions)
        apply(own, self.live.session, self.live.allowed)
        if read:
            self.live.session.read(read)
        self.settings = wanted
        if self.transcribe is not None and not wanted.transcribes:
            await self.transcribe(False)
        return {"type": "session.updated", "session": self._session()}

    def _append(self, event: client.Append) -> Iterator[Event]:
        pcm_N = client.sound_of(event)
        self.live.hear(pcm_N)
        self._kept = np.concatenate([self._kept, pcm_N])
        whole = len(self._kept) // FRAME_SAMPLES * FRAME_SAMPLES
        for frame in self._kept[:whole].reshape(-1, FRAME_SAMPLES):
            yield from self._turned(frame)
        self._kept = self._kept[whole:]

    def _turned(self, sound: np.ndarray[Any, np.dtype[np.float32]]) -> Iterator[Event]:
        """What the turn detector says of a frame."""
        found = self.turns.step(sound)
        if found is None:
            return
        if isinstance(found, Started):
            if self._turn is not None:  # its last words are still being written down
                yield from self._committed()
            self._turn = new_id("item")
            yield {"type": "input_audio_buffer.speech_started", "audio_start_ms": found.at_ms, "item_id": self._turn}
            return
        yield {"type": "input_audio_buffer.speech_stopped", "audio_end_ms": found.at_ms, "item_id": self._turn}
        yield {"type": "input_audio_buffer.committed", "item_id": self._turn, "previous_item_id": self.responses.last_item}
        self._lag = LAG_FRAMES

    def _create(self, item: client.Item, pictures: Sequence[Picture]) -> Iterator[Event]:
        if item.type == "function_call_output":
            self.live.functions.result(item.call_id or "", item.output or "")
            yield from self._added(item, {"call_id": item.call_id, "output": item.output})
            return
        if item.type != "message" or item.role not in ("user", "system"):
            raise InputError(f"an item of type {item.type!r} and role {item.role!r} cannot be taken in: send messages of the user's")
        to_see = iter(pictures)
        for part in item.content:
            if part.type == "input_text" and part.text:
                self.live.read(_text(part.text))
            elif part.type == "input_image" and part.image_url:
                self.live.see(next(to_see))
            else:
                raise InputError(
                    f"content of type {part.type!r} cannot be taken in: send input_text or input_image; sound has events of its own"
                )
        content = [part.model_dump(exclude_none=True) for part in item.content]
        yield from self._added(item, {"role": item.role, "status": "completed", "content": content})

    def _added(self, item: client.Item, what: Event) -> Iterator[Event]:
        """An item of the client's is one of the conversation."""
        told: Event = {"id": item.id or new_id("item"), "object": "realtime.item", "type": item.type, **what}
        for name in ("conversation.item.added", "conversation.item.done"):
            yield {"type": name, "previous_item_id": self.responses.last_item, "item": told}
        self.responses.last_item = str(told["id"])

    def _cut(self, item: str | None) -> None:
        """Breaks off the reply that goes on, if it is this item."""
        if item is not None and item == self.responses.open_item:
            self.responses.cancel()
            self.live.session.cut()

    # -- to the client -----------------------------------------------------------------------

    def frame(self, frame: Frame) -> Iterator[Event]:
        """What a frame has to tell."""
        for told in self._framed(frame):
            yield self.items.note(told)

    def _framed(self, frame: Frame) -> Iterator[Event]:
        for event in frame.events:
            if isinstance(event, Overrun):
                yield error(f"{event.frames} frames of sound were lost: they came faster than they can be heard", "overrun")
        yield from self._transcribed(frame.heard)
        yield from self.responses.frame(frame)
        for event in frame.events:
            if isinstance(event, CallWritten):
                yield from self._called(event)

    def _called(self, event: CallWritten) -> Iterator[Event]:
        try:
            call = self.live.functions.called(event)
        except InputError as wrong:
            yield error(str(wrong), "call_failed")
        else:
            if not call.own:  # what the server answers itself is nothing of the client's
                yield from self.responses.call(call)

    def _transcribed(self, heard: str) -> Iterator[Event]:
        """What was written down of what the user says."""
        if self._turn is None:
            return
        if heard:
            piece = heard if self._heard else heard.lstrip()
            self._heard += piece
            if self._asked_for_transcript:
                yield {"type": f"{_TRANSCRIPTION}.delta", "item_id": self._turn, "content_index": 0, "delta": piece}
        if not self.turns.speaking:
            self._lag -= 1
            if self._lag <= 0:
                yield from self._committed()

    def _committed(self) -> Iterator[Event]:
        """The user's turn becomes an item of the conversation."""
        assert self._turn is not None  # callers see to it
        content = [{"type": "input_audio", "transcript": self._heard if self._asked_for_transcript else None}]
        item = {"id": self._turn, "object": "realtime.item", "type": "message", "role": "user", "status": "completed", "content": content}
        for name in ("conversation.item.added", "conversation.item.done"):
            yield {"type": name, "previous_item_id": self.responses.last_item, "item": item}
        if self._asked_for_transcript:
            yield {"type": f"{_TRANSCRIPTION}.completed", "item_id": self._turn, "content_index": 0, "transcript": self._heard}
        self.responses.last_item, self._turn, self._heard = self._turn, None, ""

    @property
    def _asked_for_transcript(self) -> bool:
        return self.settings.transcribes

    def _session(self) -> Event:
        sound = {"type": "audio/pcm", "rate": SAMPLE_RATE}
        transcription = {"model": self.model} if self._asked_for_transcript else None
        return {
            "type": "realtime",
            "object": "realtime.session",
            "id": self.id,
            "model": self.model,
            "output_modalities": ["audio"],
            "instructions": self.settings.instructions or "",
            "tools": [tool.model_dump() for tool in self.settings.tools or ()],
            "audio": {
                "input": {"format": sound, "transcription": transcription, "turn_detection": {"type": "server_vad"}},
                "output": {"format": sound, "voice": "ego"},
            },
        }


_TRANSCRIPTION = "conversation.item.input_audio_transcription"


def error(message: str, code: str = "invalid_value", event_id: str | None = None) -> Event:
    """An error, of which the client's own event was the cause if it is named."""
    kind = "server_error" if code in SERVER_ERRORS else "invalid_request_error"
    return {"type": "error", "error": {"type": kind, "code": code, "message": message, "param": None, "event_id": event_id}}


def _function(tool: client.Tool) -> Function:
    return Function(name=tool.name, description=tool.description, parameters=tool.parameters)


def _text(text: str) -> str:
    """Text as the model may read it.

    Raises:
        InputError: it is too long, or has letters that the model does not know.
    """
    if len(text) > MOST_TEXT:
        raise InputError(f"a text has at most {MOST_TEXT} characters, not {len(text)}")
    return normalize(text)


def images_of(event: client.ClientEvent) -> list[str]:
    """The URLs of an event's pictures."""
    parts = event.item.content if isinstance(event, client.ItemCreate) else []
    return [part.image_url for part in parts if part.type == "input_image" and part.image_url]


def data_of(url: str) -> bytes:
    """The bytes of a data URL.

    Raises:
        InputError: it is another kind of URL, which nobody here fetches, or no base64.
    """
    head, _, body = url.partition(",")
    if not head.startswith("data:image/") or not head.endswith(";base64"):
        raise InputError("image_url must be a data URL: data:image/png;base64,... (nothing is fetched)")
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as reason:
        raise InputError("image_url is no base64") from reason
