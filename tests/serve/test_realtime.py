"""OpenAI's Realtime API with the official client, and its events one by one."""

import asyncio
import base64
import json
from typing import Any

import numpy as np
import pytest
from openai import AsyncOpenAI
from websockets.asyncio.client import connect

from roboego.errors import InputError
from roboego.metrics.turns import voiced_segments
from roboego.serve.realtime.client import parse
from roboego.serve.realtime.turns import Started, Stopped, TurnDetector
from roboego.sound.pcm import from_pcm16
from tests.serve.conftest import encoded, in_time, question


async def official(server: str) -> list[Any]:
    """Every event that the official client gets while a question is asked and answered."""
    client = AsyncOpenAI(api_key="none", websocket_base_url=f"ws://{server}/v1")
    events: list[Any] = []
    async with client.realtime.connect(model="nano") as connection:

        async def listen() -> None:
            async for event in connection:
                events.append(event)

        listener = asyncio.create_task(listen())
        await connection.session.update(session={"type": "realtime", "audio": {"input": {"transcription": {"model": "whisper-1"}}}})
        async for frame in in_time(question()):
            await connection.input_audio_buffer.append(audio=encoded(frame))
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)
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
        (item(type="input_image", image_url="https://example.org/x.png"), "data URL"),
        (item(type="input_image", image_url="data:image/png;base64,AAAA"), "image"),
        (item(type="input_video"), "input_video"),
        ({"type": "session.update", "session": {"audio": {"input": {"format": {"type": "audio/pcmu"}}}}}, "format"),
    ],
    ids=str,
)
def test_what_cannot_be_used_costs_an_error_and_no_more(server: str, message: dict[str, Any] | str, reason: str) -> None:
    events = asyncio.run(told(server, message, {"type": "input_audio_buffer.clear"}))
    assert [e["type"] for e in events] == ["session.created", "error", "input_audio_buffer.cleared"]
    assert reason in events[1]["error"]["message"]


def test_text_is_taken_in_as_an_item(server: str) -> None:
    events = asyncio.run(told(server, item(type="input_text", text="What is two plus three?"), {"type": "response.create"}))
    kinds = [e["type"] for e in events]
    assert kinds[1:3] == ["conversation.item.added", "conversation.item.done"]
    assert "error" not in kinds


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
