"""Functions that Ego calls while it speaks. The text is scripted: what is tried here is everything around it."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from openai import AsyncOpenAI

import roboego
from roboego.errors import InputError
from roboego.runtime.engine import Engine
from roboego.runtime.frame import CallWritten, Frame
from roboego.serve.functions import MOST_OPEN, Functions
from roboego.serve.live import Live, LiveEngine, Pace
from roboego.serve.live_messages import do, told
from roboego.serve.realtime.session import RealtimeSession
from roboego.serve.settings import SessionSettings, apply
from roboego.streams.calls import Function, FunctionCall
from roboego.timebase import FRAME_SAMPLES
from tests.serve.conftest import encoded, received
from tests.tiny import obedient_loaded, tiny_loaded

WEATHER = Function(name="get_weather", parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})
TOOL = {"type": "function", "name": "get_weather", "description": "The weather of a city.", "parameters": dict(WEATHER.parameters)}


def script(live: Live, said: str, called: str) -> None:
    """Ego writes a reply, then a call while it says the reply."""
    tokenizer, text = live.session.engine.loaded.tokenizer, live.session.layout.text
    live.session.say([*(tokenizer.encode(said) if said else []), text.call, *tokenizer.encode(called)])


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(roboego.load("nano"), threads=1)


@pytest.fixture
def one(engine: Engine) -> Iterator[Live]:
    """A session of its own."""
    live = Live(engine.open(), lambda frame: None, Pace())
    yield live
    live.session.close()


@pytest.fixture
def obedient() -> Live:
    """One whose Ego writes nothing but what is scripted: nano has something to say to a call that it has written."""
    return Live(Engine(obedient_loaded()).open(), lambda frame: None, Pace())


def spoken(live: Live, session: RealtimeSession, frames: int) -> list[dict[str, Any]]:
    events = []
    for _ in range(frames):
        events += session.frame(live.session.step())
    return events


def test_a_call_is_made_while_ego_speaks_and_its_result_is_read(one: Live) -> None:
    session = RealtimeSession(one, "nano")
    received(session, {"type": "session.update", "session": {"tools": [TOOL]}})
    assert one.session.to_read > 5
    script(one, "let me see.", "get weather, city paris")
    events = spoken(one, session, 60)
    kinds = [event["type"] for event in events]
    done = next(event for event in events if event["type"] == "response.done")
    message, call = done["response"]["output"]
    assert (message["content"][0]["transcript"], call["type"], call["name"]) == ("let me see.", "function_call", "get_weather")
    assert json.loads(call["arguments"]) == {"city": "paris"}
    # The call was told at once, with speech still to come.
    assert "response.output_audio.delta" in kinds[kinds.index("response.function_call_arguments.done") :]
    waits = one.session.to_read
    answer = {"type": "function_call_output", "call_id": call["call_id"], "output": '{"sky": "clear"}'}
    found = received(session, {"type": "conversation.item.create", "item": answer})
    assert [event["type"] for event in found] == ["conversation.item.added", "conversation.item.done"]
    assert found[0]["item"]["call_id"] == call["call_id"]
    assert one.session.to_read > waits
    with pytest.raises(InputError, match="waits for a result"):
        received(session, {"type": "conversation.item.create", "item": answer})


def test_a_call_in_silence_is_a_response_of_its_own(obedient: Live) -> None:
    session = RealtimeSession(obedient, "tiny")
    obedient.functions.declare([WEATHER])
    spoken(obedient, session, 40)
    script(obedient, "", "get weather, city rome")
    kinds = [event["type"] for event in spoken(obedient, session, 60)]
    assert kinds == [
        "response.created", "response.output_item.added", "conversation.item.added", "response.function_call_arguments.delta",
        "response.function_call_arguments.done", "response.output_item.done", "conversation.item.done", "response.done",
    ]  # fmt: skip


def test_a_call_of_no_function_is_told_and_nothing_else_happens(obedient: Live) -> None:
    session = RealtimeSession(obedient, "tiny")
    script(obedient, "", "open the door")
    (event,) = spoken(obedient, session, 60)
    assert event["error"]["code"] == "call_failed"
    assert "'open the door'" in event["error"]["message"]


def test_what_cannot_be_declared_changes_nothing(one: Live) -> None:
    functions = Functions(one.session)
    functions.declare([WEATHER])
    for wrong in ([WEATHER, WEATHER], [Function(name=f"f{i}") for i in range(40)], [Function(name="f", description="погода")]):
        with pytest.raises(InputError):
            functions.declare(wrong)
    assert functions.declared == (WEATHER,)
    calls = [functions.called(CallWritten(i, "get weather, city rome")) for i in range(MOST_OPEN + 1)]
    with pytest.raises(InputError, match="waits"):
        functions.result(calls[0].id, "rain")
    with pytest.raises(InputError, match="at most"):
        functions.result(calls[1].id, "x" * 5_000)
    assert calls[1].call == FunctionCall(name="get_weather", arguments={"city": "rome"})


def test_settings_of_a_session(one: Live) -> None:
    one.allowed = frozenset({"speech_temperature", "speech_top_k"})
    session = RealtimeSession(one, "nano")

    def update(**settings: Any) -> list[dict[str, Any]]:
        return received(session, {"type": "session.update", "session": settings})

    update(roboego={"speech_temperature": 0.2, "speech_top_k": 3})
    assert (one.session.sampling.speak.temperature, one.session.sampling.speak.top_k) == (0.2, 3)
    for wrong in (
        {"roboego": {"text_temperature": 1.0}},
        {"instructions": "be brief."},
        {"roboego": {"speech_temperature": 0.9, "prompt": "x"}},
    ):
        with pytest.raises(InputError, match="does not leave"):
            update(**wrong)
    for wrong in ({"speech_temperature": 3}, {"seed": 1}, {"speech_top_p": 0}):
        with pytest.raises(InputError, match="roboego"):
            update(roboego=wrong)
    assert one.session.sampling.speak.temperature == 0.2
    apply(SessionSettings(prompt="Be brief!"), one.session)
    assert isinstance(one.session.step(), Frame)


async def _with_the_official_client(server: str, live: LiveEngine) -> tuple[list[Any], int]:
    client = AsyncOpenAI(api_key="none", websocket_base_url=f"ws://{server}/v1")
    events: list[Any] = []
    async with client.realtime.connect(model="nano") as connection:
        await connection.session.update(session={"type": "realtime", "tools": [TOOL]})
        silence = encoded(np.zeros(FRAME_SAMPLES, np.float32))
        await connection.input_audio_buffer.append(audio=silence)
        async for event in connection:
            events.append(event)
            if event.type == "session.updated":
                script(live.lives[-1], "let me see.", "get weather, city paris")
            if event.type == "response.function_call_arguments.done":
                answer = {"type": "function_call_output", "call_id": event.call_id, "output": "clear, 20 degrees"}
                await connection.conversation.item.create(item=answer)
            if event.type == "response.done":
                return events, live.lives[-1].session.to_read
            await connection.input_audio_buffer.append(audio=silence)
    return events, 0


def test_the_official_client_is_called(server: str, live: LiveEngine) -> None:
    events, _ = asyncio.run(_with_the_official_client(server, live))
    assert not [event for event in events if event.type == "error"]
    done = next(event for event in events if event.type == "response.function_call_arguments.done")
    assert (done.name, json.loads(done.arguments)) == ("get_weather", {"city": "paris"})
    kinds = [event.type for event in events]
    assert kinds.index("response.function_call_arguments.done") < len(kinds) - 1 - kinds[::-1].index("response.output_audio.delta")
    assert [item.type for item in events[-1].response.output] == ["message", "function_call"]


def test_the_page_is_told_calls_and_tells_results() -> None:
    live = Live(Engine(tiny_loaded(), slots=1).open(), lambda frame: None, Pace(), allowed=frozenset({"speech_top_k"}))
    assert not do(json.dumps({"type": "functions", "functions": [{"name": "ring"}]}), live)
    script(live, "", "ring")
    frames = [told(live.session.step(), live) for _ in range(60)]
    (call,) = [event for frame in frames for event in frame["events"] if event["type"] == "call"]
    assert (call["name"], call["arguments"]) == ("ring", {})
    do(json.dumps({"type": "result", "call": call["call"], "output": "it rang."}), live)
    with pytest.raises(InputError, match="waits"):
        do(json.dumps({"type": "result", "call": call["call"], "output": "it rang."}), live)
    # A frame that is told again, to a client that was cut off, tells the same call.
    event = CallWritten(0, "ring")
    assert live.functions.called(event).id == call["call"]
    do(json.dumps({"type": "settings", "speech_top_k": 7}), live)
    assert live.session.sampling.speak.top_k == 7
    with pytest.raises(InputError, match="does not leave"):
        do(json.dumps({"type": "settings", "prompt": "be brief."}), live)
