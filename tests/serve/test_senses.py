"""What a client's robot feels: it reaches the session's next step, is told when it cannot be relied on, and is recorded."""

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import connect

from roboego.data.recorded import Line, read_recorded
from roboego.errors import InputError
from roboego.runtime.engine import Engine
from roboego.serve.app import make_app
from roboego.serve.live import Live, LiveEngine, Pace
from roboego.serve.live_messages import do
from roboego.serve.recording import Recorder
from tests.serve.conftest import all_gone, serving
from tests.tiny import feeling_loaded, tiny_loaded

SOUND = bytes([1]) + bytes(3_840)
"""A frame of silence as `/api/live` carries it."""


def felt(**readings: Any) -> str:
    return json.dumps({"type": "sense", "readings": readings})


def live(loaded: Any) -> Live:
    one = Live(Engine(loaded).open(), lambda result: None, Pace())
    one.begin()
    return one


def test_the_latest_reading_of_each_sense_is_felt_once() -> None:
    one = live(feeling_loaded())
    for message in (felt(touch=[1.0, 2.0]), felt(points=[[0, 0, 1]]), felt(touch=[3.0, None])):
        do(message, one)
    step_in = one.take(late=False)
    assert step_in is not None
    assert step_in.sense is not None
    np.testing.assert_array_equal(step_in.sense["touch"], np.array([3.0, np.nan], np.float32))
    assert np.shape(step_in.sense["points"]) == (4, 3)
    following = one.take(late=False)
    assert following is not None
    assert following.sense is None


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (felt(smell=[1.0]), "no sense smell; it has touch, points"),
        (felt(touch=[1.0]), "2 numbers"),
        (felt(points=[[1.0, 2.0, 3.0], [1.0]]), "made of numbers"),
        (felt(touch=["soft", 1.0]), "made of numbers"),
    ],
)
def test_what_cannot_be_felt_is_told_and_nothing_is_taken(message: str, reason: str) -> None:
    one = live(feeling_loaded())
    with pytest.raises(InputError, match=reason):
        do(message, one)
    step_in = one.take(late=False)
    assert step_in is not None
    assert step_in.sense is None


def test_a_model_without_senses_says_so() -> None:
    with pytest.raises(InputError, match="no stream for senses"):
        do(felt(touch=[1.0, 2.0]), live(tiny_loaded()))


async def _touched(server: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The hello, and the events of the frames until a sense that was told once is missed."""
    events: list[dict[str, Any]] = []
    async with connect(f"ws://{server}/api/live") as socket:
        hello = json.loads(await socket.recv())
        await socket.send(felt(touch=[0.25, 3.0]))
        while not events:
            await socket.send(SOUND)
            message = await socket.recv()
            if isinstance(message, str):
                events += [event for event in json.loads(message)["events"] if event["type"] == "not_felt"]
    return hello, events


def test_over_a_websocket_it_is_felt_missed_and_recorded(tmp_path: Path) -> None:
    engine = LiveEngine(Engine(feeling_loaded()), recorder=Recorder(tmp_path))
    with serving(make_app(engine)) as server:
        hello, events = asyncio.run(_touched(server))
        assert all_gone(engine)
    assert hello["senses"] == {"touch": [2], "points": [4, 3]}
    assert events[0]["sense"] == "touch"
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    lines: list[Line] = read_recorded(folder).lines
    assert [line.sense for line in lines if line.sense] == [{"touch": [0.25, 3.0]}]
    assert [event["type"] for line in lines for event in line.events if event["type"] == "not_felt"] == ["not_felt"]
