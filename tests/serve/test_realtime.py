"""OpenAI's Realtime API with the official client, and its events one by one."""

import asyncio
import base64
import io
import json
from typing import Any

import numpy as np
import pytest
from openai import AsyncOpenAI
from PIL import Image
from websockets.asyncio.client import connect

import roboego
from roboego.errors import InputError
from roboego.metrics.turns import voiced_segments
from roboego.runtime.engine import Engine
from roboego.serve.app import make_app
from roboego.serve.live import Live, LiveEngine, Pace
from roboego.serve.realtime.client import parse
from roboego.serve.realtime.session import RealtimeSession
from roboego.serve.realtime.turns import Started, Stopped, TurnDetector
from roboego.sound.pcm import from_pcm16
from tests.serve.conftest import encoded, in_time, question, received, serving
from tests.tiny import seeing_loaded, tiny_loaded

PATIENCE_S = 60.0


async def official(server: str) -> list[Any]:
    """Every event that the official client gets while a question is asked and answered."""
    client = AsyncOpenAI(api_key="none", websocket_base_url=f"ws://{server}/v1")
    events: list[Any] = []
    async with client.realtime.connect(model="nano") as connection:

        async def listen() -> None:
            async for event in connection:
                events.append(event)
                if event.type == "response.done":
                    return

        listener = asyncio.create_task(listen())
        await connection.session.update(session={"type": "realtime", "audio": {"input": {"transcription": {"model": "whisper-1"}}}})
        async for frame in in_time(question()):
            await connection.input_audio_buffer.append(audio=encoded(frame))
        await asyncio.wait_for(listener, PATIENCE_S)
    return events


def test_the_official_client_asks_aloud_and_hears_the_answer(server: str) -> None:
    events = asyncio.run(official(server))
    kinds = [event.type for event in events]
    assert kinds[:2] == ["session.created", "session.updated"]
    assert "error" not in kinds
    # The user's turn, then a response, each in its order.
    turn = ["input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped", "input_audio_buffer.committed"]
    assert [kind for kind in kinds if kind in turn] == turn
    response = [kind for kind in kinds if kind.startswith("response.")]
    once = list(dict.fromkeys(response))
    assert once == [
        "response.created", "response.output_item.added", "response.content_part.added", "response.output_audio_transcript.delta",
        "response.output_audio.delta", "response.output_audio.done", "response.output_audio_transcript.done",
        "response.content_part.done", "response.output_item.done", "response.done",
    ]  # fmt: skip
    said = "".join(e.delta for e in events if e.type == "response.output_audio_transcript.delta")
    done = next(e for e in events if e.type == "response.done")
    assert done.response.status == "completed"
    assert done.response.output[0].content[0].transcript in said
    pcm = b"".join(base64.b64decode(e.delta) for e in events if e.type == "response.output_audio.delta")
    assert voiced_segments(from_pcm16(np.frombuffer(pcm, "<i2")))
    heard = next(e for e in events if e.type == "conversation.item.input_audio_transcription.completed")
    assert "hear me" in heard.transcript
    assert kinds.index("response.output_audio_transcript.delta") <= kinds.index("response.output_audio.delta")


async def told(server: str, *messages: dict[str, Any] | str) -> list[dict[str, Any]]:
    """What comes back at once."""
    async with connect(f"ws://{server}/v1/realtime") as socket:
        for message in messages:
            await socket.send(message if isinstance(message, str) else json.dumps(message))
        events = []
        try:
            async with asyncio.timeout(1.0):
                while True:
                    events.append(json.loads(await socket.recv()))
        except TimeoutError:
            return events


def item(**part: str) -> dict[str, Any]:
    return {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": [part]}}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("no json", "JSON"),
        ({"type": "session.fly"}, "session.fly"),
        ({"type": "input_audio_buffer.append"}, "audio"),
        ({"type": "input_audio_buffer.append", "audio": "*"}, "base64"),
        ({"type": "input_audio_buffer.append", "audio": "AAAA"}, "16-bit"),
        (item(type="input_text", text="x" * 5_000), "at most 4000"),
        (item(type="input_text", text="привет"), "alphabet"),
        (item(type="input_image", image_url="data:image/png;base64,AAAA"), "does not see"),
        (item(type="input_video"), "input_video"),
        ({"type": "session.update", "session": {"audio": {"input": {"format": {"type": "audio/pcmu"}}}}}, "format"),
    ],
    ids=str,
)
def test_what_cannot_be_used_costs_an_error_and_no_more(server: str, message: dict[str, Any] | str, reason: str) -> None:
    events = asyncio.run(told(server, message, {"type": "input_audio_buffer.clear"}))
    assert [e["type"] for e in events] == ["session.created", "error", "input_audio_buffer.cleared"]
    assert reason in events[1]["error"]["message"]


def picture(width: int, height: int) -> str:
    """A black picture's data URL."""
    file = io.BytesIO()
    Image.new("1", (width, height)).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def test_pictures_are_seen_or_refused_with_the_reason() -> None:
    urls = [picture(8, 8), picture(5_000, 4_000), "https://example.org/x.png", "data:image/png;base64,AAAA"]
    with serving(make_app(LiveEngine(Engine(seeing_loaded())))) as where:
        events = asyncio.run(told(where, *(item(type="input_image", image_url=url) for url in urls)))
    kinds = [e["type"] for e in events if e["type"] in ("error", "conversation.item.done")]
    assert kinds == ["conversation.item.done", "error", "error", "error"]
    reasons = [e["error"]["message"] for e in events if e["type"] == "error"]
    assert all(part in reason for part, reason in zip(["16 million pixels", "data URL", "no image"], reasons, strict=True))


def update(**sound: Any) -> str:
    return json.dumps({"type": "session.update", "session": {"audio": sound}})


ASKED, SILENT = update(input={"transcription": {"model": "whisper-1"}}), update(input={"transcription": None})


def test_an_update_changes_what_it_names_and_no_more() -> None:
    engine = LiveEngine(Engine(tiny_loaded(), slots=2))
    live = engine.open(lambda result: None)

    async def transcribe(wanted: bool) -> None:
        engine.transcribe(live, wanted)

    session = RealtimeSession(live, "tiny", transcribe)
    slots = []
    for message in (ASKED, update(output={"voice": "ego"}), update(input={"format": {"type": "audio/pcm"}}), SILENT, SILENT, ASKED):
        (event,) = received(session, message)
        assert (event["session"]["audio"]["input"]["transcription"] is not None) == (len(engine.engine.sessions) == 2)
        slots.append(len(engine.engine.sessions))
    assert slots == [2, 2, 2, 1, 1, 2]


async def _waits_for_the_second_slot(where: str) -> str:
    async with connect(f"ws://{where}/v1/realtime") as first:
        await first.recv()
        await first.send(ASKED)
        await first.recv()
        async with connect(f"ws://{where}/v1/realtime") as second:
            await first.send(SILENT)
            async with asyncio.timeout(20.0):
                return str(json.loads(await second.recv())["type"])


def test_the_second_slot_goes_to_whoever_waits_when_nothing_is_written_down_any_more() -> None:
    with serving(make_app(LiveEngine(Engine(tiny_loaded(), slots=2)))) as where:
        assert asyncio.run(_waits_for_the_second_slot(where)) == "session.created"


def test_text_is_taken_in_as_an_item(server: str) -> None:
    events = asyncio.run(told(server, item(type="input_text", text="What is two plus three?"), {"type": "response.create"}))
    kinds = [e["type"] for e in events]
    assert kinds[1:3] == ["conversation.item.added", "conversation.item.done"]
    assert "error" not in kinds


def test_items_are_told_again_until_they_are_deleted(server: str) -> None:
    mine = item(type="input_text", text="hello.") | {"event_id": "e"}
    mine["item"]["id"] = "mine"
    ask = {"type": "conversation.item.retrieve", "item_id": "mine"}
    events = asyncio.run(told(server, ask, mine, ask, {"type": "conversation.item.delete", "item_id": "mine"}, ask))
    first, done, again, *_, last = [e for e in events if e["type"] in ("error", "conversation.item.done", "conversation.item.retrieved")]
    assert "no item 'mine'" in first["error"]["message"]
    assert again["type"] == "conversation.item.retrieved"
    assert again["item"] == done["item"]
    assert again["item"]["content"] == [{"type": "input_text", "text": "hello."}]
    assert last["type"] == "error"


async def _cancelled(server: str) -> tuple[list[Any], Any]:
    """Every event that the official client gets when it breaks the answer off at its first sound, and what was said of it by then."""
    client = AsyncOpenAI(api_key="none", websocket_base_url=f"ws://{server}/v1")
    events: list[Any] = []
    async with client.realtime.connect(model="nano") as connection:

        async def listen() -> None:
            async for event in connection:
                events.append(event)
                if event.type == "response.output_audio.delta" and voiced(event.delta):
                    await connection.response.cancel()
                if event.type == "response.done":
                    await connection.conversation.item.retrieve(item_id=event.response.output[0].id)
                if event.type == "conversation.item.retrieved":
                    return

        listener = asyncio.create_task(listen())
        async for frame in in_time(question()):
            await connection.input_audio_buffer.append(audio=encoded(frame))
        await asyncio.wait_for(listener, PATIENCE_S)
    return events, next(e.item for e in events if e.type == "conversation.item.retrieved")


def voiced(delta: str) -> bool:
    return bool(np.abs(np.frombuffer(base64.b64decode(delta), "<i2")).max() > 1_000)


def test_the_official_client_cancels_a_response_and_hears_no_more_of_it(server: str) -> None:
    events, kept = asyncio.run(_cancelled(server))
    at = next(i for i, e in enumerate(events) if e.type == "response.done")
    done = events[at].response
    assert (done.status, done.status_details.reason) == ("cancelled", "client_cancelled")
    assert not [e for e in events[at:] if e.type == "response.output_audio.delta" and e.response_id == done.id]
    written = done.output[0].content[0].transcript
    assert written.startswith(kept.content[0].transcript)
    assert len(kept.content[0].transcript) < len(written)


@pytest.mark.parametrize("by", ["response.cancel", "conversation.item.truncate"])
def test_what_is_broken_off_is_silent_from_the_next_frame_on_and_counts_as_said_so_far(by: str) -> None:
    live = Live(Engine(roboego.load("nano"), threads=1).open(), lambda result: None, Pace())
    session = RealtimeSession(live, "nano")
    live.session.say("this is a story that takes me a while, if nobody breaks it off.")
    frame, events = live.session.step(), []
    while frame.spoken_upto < 4:
        events += session.frame(frame)
        frame = live.session.step()
    events += session.frame(frame)
    (name,) = (e["item"]["id"] for e in events if e["type"] == "conversation.item.added")
    answered = received(session, {"type": by, "item_id": name, "content_index": 0, "audio_end_ms": 400})
    assert [e["type"] for e in answered] == (["conversation.item.truncated"] if "item" in by else [])
    after = [e for _ in range(12) for e in session.frame(live.session.step())]
    kinds = [e["type"] for e in after]
    assert "response.output_audio.delta" not in kinds[: kinds.index("response.done") + 1]
    (done,) = (e["response"] for e in after if e["type"] == "response.done")
    assert (done["status"], done["status_details"]["reason"]) == ("cancelled", "client_cancelled")
    # What the model's history has of it: what was audible.
    (reply,) = live.session.transcript
    assert 0 < len(reply.said) < len(reply.text)
    assert live.session.history == (reply.said,)
    (again,) = received(session, {"type": "conversation.item.retrieve", "item_id": name})
    assert again["item"]["content"] == [{"type": "output_audio", "transcript": reply.said}]


def test_turns_begin_after_two_voiced_frames_and_end_after_six_silent_ones() -> None:
    detector = TurnDetector()
    voice, still = np.full(1_920, 0.1, np.float32), np.zeros(1_920, np.float32)
    found = [detector.step(f) for f in [still] * 3 + [voice] * 5 + [still] * 3 + [voice] + [still] * 7]
    assert [(t, event) for t, event in enumerate(found) if event] == [(4, Started(240)), (17, Stopped(960))]


def test_fields_of_other_models_are_ignored() -> None:
    event = parse('{"type": "session.update", "session": {"type": "realtime", "tracing": "auto", "audio": {"output": {"speed": 1.5}}}}')
    assert event.type == "session.update"
    with pytest.raises(InputError):
        parse(b"\xff")
