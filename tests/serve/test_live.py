"""Live sessions: late sound is waited for, sound that piled up is caught up with, and who takes nothing is given up."""

import asyncio
import queue
import threading
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from websockets.asyncio.client import connect

from roboego.errors import InputError
from roboego.runtime.engine import Engine
from roboego.runtime.frame import EngineFull, Frame, SessionError
from roboego.serve.app import make_app
from roboego.serve.connection import Closed
from roboego.serve.live import MOST_FAULTS, Limits, Live, LiveEngine, Pace, SessionOver
from roboego.serve.outbox import Outbox, Stalled
from roboego.serve.telemetry import metrics
from tests.serve.conftest import all_gone, serving
from tests.tiny import glancing_loaded, seeing_loaded, tiny_loaded

FRAME = np.full(1_920, 0.1, np.float32)


def live(pace: Pace | None = None) -> Live:
    return Live(Engine(tiny_loaded()).open(), lambda result: None, pace or Pace())


def test_time_begins_with_the_first_sound() -> None:
    one = live()
    assert one.take(late=False) is None
    one.hear(FRAME)
    step_in = one.take(late=False)
    assert step_in is not None
    assert step_in.listen is not None


def test_late_sound_is_waited_for_and_then_silence_goes_on() -> None:
    one = live(Pace(hold_frames=2))
    one.hear(FRAME)
    given = one.take(late=False)
    assert given is not None
    one.session.engine.tick({one.session: given})
    assert [one.take(late=False) for _ in range(2)] == [None, None]
    assert one.held == 2
    silence = one.take(late=False)
    assert silence is not None
    assert silence.listen is None
    one.hear(FRAME)
    assert one.take(late=False) is not None


def test_what_piled_up_is_caught_up_with_and_beyond_the_bound_it_is_counted() -> None:
    one = live(Pace(backlog_frames=2, bound_frames=5))
    for _ in range(7):
        one.hear(FRAME)
    first = one.take(late=False)
    assert first is not None
    assert first.lost_frames == 2
    assert [one.take(late=True) is not None for _ in range(4)] == [True, True, False, False]
    assert one.catch_ups == 2
    with pytest.raises(InputError, match="finite"):
        one.hear(np.full(3, np.nan, np.float32))


def test_a_picture_is_seen_once() -> None:
    one = Live(Engine(seeing_loaded()).open(), lambda result: None, Pace())
    one.begin()
    one.see(np.zeros((4, 4, 3), np.uint8))
    first, second = one.take(late=False), one.take(late=False)
    assert first is not None
    assert first.look is not None
    assert second is not None
    assert second.look is None


def test_a_picture_for_a_model_that_does_not_see_is_refused_and_no_sound_is_lost() -> None:
    one = live()
    one.hear(FRAME)
    with pytest.raises(InputError, match="does not see"):
        one.see(np.zeros((4, 4, 3), np.uint8))
    step_in = one.take(late=False)
    assert step_in is not None
    assert step_in.listen is not None
    assert isinstance(one.session.engine.tick({one.session: step_in})[one.session], Frame)


def test_sessions_come_and_go_while_the_engine_ticks() -> None:
    engine = LiveEngine(Engine(tiny_loaded(), slots=1))
    engine.start()
    heard: list[Frame | SessionError] = []
    enough = threading.Event()

    def deliver(result: Frame | SessionError) -> None:
        heard.append(result)
        if len(heard) >= 3:
            enough.set()

    one = engine.open(deliver)
    for _ in range(3):
        one.hear(FRAME)
    assert enough.wait(10)
    with pytest.raises(EngineFull):
        engine.open(deliver)
    body, kind = metrics(engine)
    assert b"roboego_sessions 1.0" in body
    assert kind.startswith("text/plain")
    engine.close(one)
    engine.close(one)
    assert not engine.lives
    assert [frame.index for frame in heard[:3] if isinstance(frame, Frame)] == [0, 1, 2]
    engine.close(engine.open(deliver))
    engine.stop()
    assert not engine.running
    with pytest.raises(InputError, match="shutting down"):
        engine.open(deliver)


def test_a_second_slot_writes_down_what_is_heard() -> None:
    rng = np.random.default_rng(0)
    sounds = [rng.uniform(-0.3, 0.3, 1_920).astype(np.float32) for _ in range(6)]
    alone = Engine(tiny_loaded()).open("asr")
    wanted = [alone.step(sound).token for sound in sounds]
    engine = LiveEngine(Engine(tiny_loaded(), slots=2))
    heard: list[Frame | SessionError] = []
    enough = threading.Event()

    def deliver(result: Frame | SessionError) -> None:
        heard.append(result)
        if len(heard) == len(sounds):
            enough.set()

    one = engine.open(deliver)
    engine.transcribe(one)
    engine.transcribe(one)
    with pytest.raises(EngineFull):
        engine.open(deliver)
    for sound in sounds:
        one.hear(sound)
    engine.start()
    assert enough.wait(20)
    assert [frame.caption for frame in heard[: len(sounds)] if isinstance(frame, Frame)] == wanted
    engine.close(one)
    assert not engine.engine.sessions
    engine.stop()


def test_a_session_that_fails_is_told_and_its_slot_is_free() -> None:
    engine = LiveEngine(Engine(tiny_loaded(), slots=1))
    engine.start()
    heard: list[Frame | SessionError] = []
    told = threading.Event()

    def deliver(result: Frame | SessionError) -> None:
        heard.append(result)
        told.set()

    one = engine.open(deliver)
    one.session.prepare = lambda step_in: 1 / 0  # type: ignore[method-assign, assignment, return-value]
    one.begin()
    assert told.wait(10)
    assert isinstance(heard[0], SessionError)
    engine.close(engine.open(deliver))
    engine.stop()


def told(results: "queue.Queue[Frame | SessionError]") -> Frame | SessionError:
    """What a session is told next."""
    return results.get(timeout=60)


def test_a_step_that_breaks_down_ends_the_sessions_and_others_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = LiveEngine(Engine(tiny_loaded(), slots=2))
    good, faults = engine.engine.loaded.model.step, [RuntimeError("out of memory")]

    def step(*given: Any) -> Any:
        if faults:
            raise faults.pop()
        return good(*given)

    monkeypatch.setattr(engine.engine.loaded.model, "step", step)
    engine.start()
    for _ in range(2):
        results: list[queue.Queue[Frame | SessionError]] = [queue.Queue() for _ in range(2)]
        lives = [engine.open(result.put) for result in results]
        lives[0].hear(FRAME)
        first = told(results[0])
        if isinstance(first, Frame):
            break
        assert "out of memory" in str(first)
        assert "the session was closed" in str(told(results[1]))  # it had sat the step out
        assert all_gone(engine)
    assert isinstance(first, Frame)
    assert engine.running
    engine.stop()


def test_an_engine_that_breaks_down_again_and_again_is_given_up_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = LiveEngine(Engine(tiny_loaded()))
    monkeypatch.setattr(engine.engine.loaded.model, "step", lambda *_: 1 / 0)
    results: queue.Queue[Frame | SessionError] = queue.Queue()
    with TestClient(make_app(engine)) as client:
        for _ in range(MOST_FAULTS):
            assert client.get("/healthz").json() == {"status": "ok"}
            engine.open(results.put).hear(FRAME)
            assert isinstance(told(results), SessionError)
            assert all_gone(engine)
        with pytest.raises(InputError, match="the engine has failed: 3 steps in a row"):
            engine.open(results.put)
        healthy, ready = client.get("/healthz"), client.get("/readyz")
        assert (healthy.status_code, ready.status_code) == (503, 503)
        assert "Restart the server" in healthy.json()["reason"]
        assert ready.json()["failure"] == engine.failure
        assert "roboego_failed 1.0" in client.get("/metrics").text


@pytest.mark.parametrize("part", ["done", "deliver"])
def test_a_fault_beside_the_step_ends_its_own_session_alone(part: str) -> None:
    engine = LiveEngine(Engine(tiny_loaded(), slots=2))
    broken: queue.Queue[Frame | SessionError] = queue.Queue()
    fine: queue.Queue[Frame | SessionError] = queue.Queue()
    lives = [engine.open(results.put) for results in (broken, fine)]
    setattr(lives[0], part, lambda *_: 1 / 0)
    for live in lives:
        for _ in range(3):
            live.hear(FRAME)
    engine.start()
    assert all(isinstance(told(fine), Frame) for _ in range(3))
    assert engine.lives == (lives[1],)
    if part == "done":  # with "deliver" nobody can be told
        assert "ZeroDivisionError" in str(told(broken))
    assert not engine.failure
    engine.stop()


@pytest.mark.parametrize("limits", [Limits(idle_s=0.3), Limits(idle_s=None, total_s=0.3)], ids=["idle", "total"])
@pytest.mark.parametrize("paused", [False, True])
def test_limits_hold_for_sessions_whose_time_has_not_begun_or_stands_still(limits: Limits, paused: bool) -> None:
    engine = LiveEngine(Engine(tiny_loaded()), limits=limits)
    results: queue.Queue[Frame | SessionError] = queue.Queue()
    engine.open(results.put).paused = paused
    engine.start()
    assert isinstance(told(results), SessionOver)
    assert all_gone(engine)
    engine.stop()


async def _silent(where: str, path: str) -> int:
    """Connects, and sends nothing: the code with which that ends."""
    async with connect(f"ws://{where}{path}") as socket:
        async for _ in socket:
            pass
        return socket.close_code or 0


@pytest.mark.parametrize("path", ["/api/live", "/v1/realtime", "/api/chat"])
def test_whoever_says_nothing_at_all_holds_no_slot_for_ever(path: str) -> None:
    engine = LiveEngine(Engine(tiny_loaded()), limits=Limits(idle_s=0.5))
    with serving(make_app(engine)) as where:
        assert asyncio.run(_silent(where, path)) == Closed.OVER
        assert all_gone(engine)


def test_whoever_takes_nothing_is_given_up() -> None:
    async def run() -> int:
        outbox = Outbox(most=2)
        for _ in range(3):
            outbox.deliver(SessionError("x"))
        await asyncio.sleep(0)
        taken = len(outbox)
        with pytest.raises(Stalled):
            await outbox.take()
        return taken

    assert asyncio.run(run()) == 2


def test_frames_after_the_end_of_the_loop_are_nobodys() -> None:
    async def made() -> Outbox:
        return Outbox()

    asyncio.run(made()).deliver(SessionError("late"))


def test_pictures_reach_every_session_as_the_server_was_told() -> None:
    loaded = glancing_loaded()
    assert loaded.vision is not None
    live = LiveEngine(Engine(loaded, slots=1), sight="context")
    assert live.open(lambda result: None).session.sight.policy == "context"
    with pytest.raises(InputError, match="takes no pictures into its context"):
        LiveEngine(Engine(tiny_loaded(), slots=1), sight="context")
