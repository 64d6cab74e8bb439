"""Ego's replies as responses of the Realtime API: what each frame adds to the one that goes on."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from roboego.runtime.frame import Cut, Frame, ReplySpoken, ReplyStarted
from roboego.runtime.replies import KEPT_REPLIES
from roboego.serve.functions import OpenCall
from roboego.sound.pcm import to_pcm16

Event = dict[str, Any]
TAIL_FRAMES = 4
"""Frames after the last token has become audible that still belong to a response: its sound dies away."""


def new_id(kind: str) -> str:
    """An id that nothing else has."""
    return f"{kind}_{uuid4().hex[:20]}"


@dataclass
class _Open:
    """A response that goes on: a reply with the calls made meanwhile, or a call alone."""

    id: str = field(default_factory=lambda: new_id("resp"))
    item: str = field(default_factory=lambda: new_id("item"))
    transcript: str = ""
    tail: int | None = None
    cancelled: str = ""
    speaks: bool = True
    calls: list[Event] = field(default_factory=list)


class Responses:
    """Follows one session. At most one response is open.

    Attributes:
        last_item: the id of the last item of the conversation, which the next one follows.
        replies: which of the session's replies an item is, by its id; of the last ones.
    """

    def __init__(self) -> None:
        self.last_item: str | None = None
        self.replies: dict[str, int] = {}
        self._open: _Open | None = None
        self._cancelled_by_client = False

    @property
    def open_item(self) -> str | None:
        """The item of the response that goes on."""
        return self._open.item if self._open and self._open.speaks else None

    def cancel(self) -> None:
        """The client asked for the cut that will come."""
        self._cancelled_by_client = True

    def frame(self, frame: Frame) -> Iterator[Event]:
        """The events of a frame."""
        for event in frame.events:
            if isinstance(event, Cut) and self._open:
                self._open.cancelled = "client_cancelled" if self._cancelled_by_client else "turn_detected"
                yield from self._done()
            elif isinstance(event, ReplyStarted):
                if self._open:
                    yield from self._done()
                yield from self._begin(event.reply)
            elif isinstance(event, ReplySpoken) and self._open:
                self._open.tail = TAIL_FRAMES
        if self._open:
            yield from self._deltas(self._open, frame)

    def call(self, made: OpenCall) -> Iterator[Event]:
        """A call joins the response that goes on, or is one of its own."""
        alone = self._open is None
        if alone:
            yield from self._create(_Open(speaks=False))
        now = self._open
        assert now is not None  # it has been created
        item = {"id": new_id("item"), "object": "realtime.item", "type": "function_call", "call_id": made.id, "name": made.call.name}
        arguments, place = json.dumps(made.call.arguments), len(now.calls) + now.speaks
        before = now.calls[-1]["id"] if now.calls else now.item if now.speaks else self.last_item
        done = item | {"status": "completed", "arguments": arguments}
        now.calls.append(done)
        of = {"response_id": now.id, "output_index": place}
        part = of | {"item_id": item["id"], "call_id": made.id}
        begun = item | {"status": "in_progress", "arguments": ""}
        yield {"type": "response.output_item.added", "item": begun, **of}
        yield {"type": "conversation.item.added", "previous_item_id": before, "item": begun}
        yield {"type": "response.function_call_arguments.delta", "delta": arguments, **part}
        yield {"type": "response.function_call_arguments.done", "arguments": arguments, "name": made.call.name, **part}
        yield {"type": "response.output_item.done", "item": done, **of}
        yield {"type": "conversation.item.done", "previous_item_id": before, "item": done}
        if alone:
            yield from self._done()

    def _create(self, response: _Open) -> Iterator[Event]:
        self._open, self._cancelled_by_client = response, False
        yield {"type": "response.created", "response": self._response(response, "in_progress")}

    def _begin(self, reply: int) -> Iterator[Event]:
        now = _Open()
        self.replies[now.item] = reply
        if len(self.replies) > KEPT_REPLIES:
            del self.replies[next(iter(self.replies))]
        yield from self._create(now)
        item = _message(now, "in_progress")
        yield self._of({"type": "response.output_item.added", "item": item}, content=False)
        yield {"type": "conversation.item.added", "previous_item_id": self.last_item, "item": item}
        yield self._of({"type": "response.content_part.added", "part": {"type": "audio", "transcript": ""}})

    def _deltas(self, now: _Open, frame: Frame) -> Iterator[Event]:
        if frame.text:
            piece = frame.text if now.transcript else frame.text.lstrip()
            now.transcript += piece
            yield self._of({"type": "response.output_audio_transcript.delta", "delta": piece})
        sound = base64.b64encode(to_pcm16(frame.speech).tobytes()).decode()
        yield self._of({"type": "response.output_audio.delta", "delta": sound})
        if now.tail is not None:
            now.tail -= 1
            if now.tail <= 0:
                yield from self._done()

    def _done(self) -> Iterator[Event]:
        now = self._open
        assert now is not None  # callers see to it
        status = "cancelled" if now.cancelled else "completed"
        if now.speaks:
            yield from self._said(now)
        yield {"type": "response.done", "response": self._response(now, status)}
        self.last_item, self._open = (now.calls[-1]["id"] if now.calls else now.item), None

    def _said(self, now: _Open) -> Iterator[Event]:
        """The message is over."""
        item = _message(now, "incomplete" if now.cancelled else "completed")
        yield self._of({"type": "response.output_audio.done"})
        yield self._of({"type": "response.output_audio_transcript.done", "transcript": now.transcript})
        yield self._of({"type": "response.content_part.done", "part": {"type": "audio", "transcript": now.transcript}})
        yield self._of({"type": "response.output_item.done", "item": item}, content=False)
        yield {"type": "conversation.item.done", "previous_item_id": self.last_item, "item": item}

    def _of(self, event: Event, *, content: bool = True) -> Event:
        """An event with where it belongs."""
        now = self._open
        assert now is not None  # callers see to it
        place = {"response_id": now.id, "output_index": 0}
        return event | place | ({"item_id": now.item, "content_index": 0} if content else {})

    def _response(self, now: _Open, status: str) -> Event:
        said = [_message(now, "incomplete" if now.cancelled else "completed")] if now.speaks else []
        output = [] if status == "in_progress" else said + now.calls
        details = {"type": "cancelled", "reason": now.cancelled} if now.cancelled else None
        return {
            "object": "realtime.response",
            "id": now.id,
            "status": status,
            "status_details": details,
            "output": output,
            "output_modalities": ["audio"],
        }


def _message(now: _Open, status: str) -> Event:
    content = [] if status == "in_progress" else [{"type": "output_audio", "transcript": now.transcript}]
    return {"id": now.item, "object": "realtime.item", "type": "message", "role": "assistant", "status": status, "content": content}
