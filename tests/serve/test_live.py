"""Live sessions: late sound is waited for, sound that piled up is caught up with, and who takes nothing is given up."""

import asyncio
import threading

import numpy as np
import pytest

from roboego.errors import InputError
from roboego.runtime.engine import Engine
from roboego.runtime.frame import EngineFull, Frame, SessionError
from roboego.serve.live import Live, LiveEngine, Pace
from roboego.serve.outbox import Outbox, Stalled
from roboego.serve.telemetry import metrics
from tests.tiny import tiny_loaded

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
    one = live()
    one.begin()
    one.see(np.zeros((4, 4, 3), np.uint8))
    first, second = one.take(late=False), one.take(late=False)
    assert first is not None
    assert first.look is not None
    assert second is not None
    assert second.look is None


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
