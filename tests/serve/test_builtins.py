"""Functions that need no client: the time, timers, and what a session makes of them. What Ego writes is scripted."""

import json
import math
from datetime import datetime

import pytest

from roboego.errors import InputError
from roboego.runtime.engine import Engine
from roboego.runtime.frame import CallWritten, Frame, StepIn
from roboego.serve.builtins import LONGEST_S, MOST_TIMERS, Builtins, check_calls
from roboego.serve.functions import FAILED, Functions
from roboego.serve.live import Limits, Live, LiveEngine, Pace
from roboego.serve.live_messages import do, told
from roboego.serve.realtime.session import RealtimeSession
from roboego.streams.calls import Function, FunctionCall, announcement
from tests.serve.test_functions import script
from tests.tiny import obedient_loaded

BOTH = ("time", "timer")


class Clock:
    """Seconds, as they are set."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


def timer(**arguments: float) -> FunctionCall:
    return FunctionCall(name="timer", arguments=arguments)


def live_with(builtins: Builtins, window: int = 400) -> Live:
    """A session that is stepped by the test, with these functions."""
    live = Live(Engine(obedient_loaded(window=window), slots=1).open(), lambda frame: None, Pace(), builtins=builtins)
    live.functions.declare()
    return live


def followed(live: Live, steps: int) -> tuple[list[Frame], str]:
    """Frames as the engine's thread hands them over, and what was read in them."""
    frames = []
    for _ in range(steps):
        frames.append(live.session.step())
        live.functions.follow(frames[-1])
    return frames, "".join(frame.read_text for frame in frames)


def test_the_time_is_told_by_the_clock_on_the_wall() -> None:
    builtins = Builtins(BOTH, now=lambda: datetime(2026, 3, 31, 15, 10))
    assert [function.name for function in builtins.functions] == ["time", "timer"]
    assert builtins.call(FunctionCall(name="time", arguments={})) == "ten past three"
    assert Builtins(("time", "time")).functions == builtins.functions[:1]


def test_timers_end_in_their_order() -> None:
    clock = Clock()
    builtins = Builtins(("timer",), seconds=clock)
    assert {builtins.call(call) for call in (timer(minutes=5), timer(seconds=90), timer(minutes=1, seconds=30.4))} == {"the timer is set."}
    assert builtins.ended() == []
    assert builtins.timing
    clock.s = 90.0
    assert builtins.ended() == ["the timer of ninety seconds has ended."] * 2
    clock.s = 1_000.0
    assert builtins.ended() == ["the timer of five minutes has ended."]
    assert not builtins.timing


def test_timers_that_cannot_be_are_told() -> None:
    builtins = Builtins(("timer",))
    for wrong in (timer(), timer(minutes=-1), timer(seconds=LONGEST_S + 1)):
        assert builtins.call(wrong).startswith("error")
    assert not builtins.timing
    assert [builtins.call(timer(minutes=2)).startswith("error") for _ in range(MOST_TIMERS + 1)] == [False] * MOST_TIMERS + [True]


def test_functions_that_cannot_be_offered_are_refused() -> None:
    with pytest.raises(InputError, match="choose of time, timer"):
        Builtins(("weather",))
    deaf = obedient_loaded(reads=False)
    check_calls(deaf, ())
    with pytest.raises(InputError, match="cannot call functions"):
        LiveEngine(Engine(deaf, slots=1), functions=("time",))


def test_a_call_is_answered_without_a_client() -> None:
    live = live_with(Builtins(BOTH, now=lambda: datetime(2026, 1, 1, 9, 30)))
    session = RealtimeSession(live, "tiny")
    script(live, "", "time")
    frames, read = followed(live, 200)
    assert read.strip() == f"{announcement(live.functions.declared)} half past nine"
    (call,) = [event for frame in frames for event in told(frame, live)["events"] if event["type"] == "call"]
    assert (call["name"], call["answered"]) == ("time", True)
    # It is nothing of a client's: one of the Realtime API is not told, and nobody else may answer it.
    assert not [event for frame in frames for event in session.frame(frame) if "function_call" in event["type"] or event["type"] == "error"]
    with pytest.raises(InputError, match="waits"):
        do(json.dumps({"type": "result", "call": call["call"], "output": "ten"}), live)


def test_a_timer_that_ends_is_read() -> None:
    clock = Clock()
    live = live_with(Builtins(("timer",), seconds=clock))
    script(live, "", "timer, seconds five")
    read = followed(live, 150)[1]
    assert read.endswith("the timer is set.")
    clock.s = 5.0
    assert followed(live, 40)[1].strip() == "the timer of five seconds has ended."


def test_a_client_may_have_a_function_of_that_name() -> None:
    live = live_with(Builtins(BOTH))
    waits = live.session.to_read
    live.functions.declare([Function(name="time", description="of the day.")])
    assert [function.name for function in live.functions.declared] == ["timer", "time"]
    assert live.session.to_read > waits
    made = live.functions.called(CallWritten(0, "time"))
    assert not made.own
    live.functions.result(made.id, "ten past three")
    assert live.functions.called(CallWritten(1, "timer, minutes two")).own
    # Without the client's, ours is there again.
    live.functions.declare(())
    assert live.functions.called(CallWritten(2, "time")).own


def test_a_call_of_none_is_answered_with_an_error() -> None:
    live = live_with(Builtins(("time",)))
    script(live, "", "ring")
    frames, read = followed(live, 120)
    assert read.endswith(FAILED)
    assert [event["type"] for frame in frames for event in told(frame, live)["events"]] == ["call_failed"]
    live.session.close()
    live.functions.follow(frames[-1])  # nobody reads on


def test_what_may_be_called_is_read_again_before_it_is_forgotten() -> None:
    live = live_with(Builtins(("time",)), window=200)
    announced = announcement(live.functions.declared)
    read = followed(live, 200)[1]
    assert read.count(announced) == 2
    bare = Functions(Engine(obedient_loaded(window=200), slots=1).open())
    bare.follow(bare.session.step())
    assert bare.session.to_read == 0


def test_every_session_of_a_server_has_them() -> None:
    engine = LiveEngine(Engine(obedient_loaded(window=400), slots=1), functions=("timer",))
    live = engine.open(lambda result: None)
    assert [function.name for function in live.functions.declared] == ["timer"]
    assert live.session.to_read > 5


def test_a_session_is_not_idle_while_a_timer_runs() -> None:
    clock = Clock()
    live = live_with(Builtins(("timer",), seconds=clock))
    live.functions.builtins.call(timer(seconds=5))

    def is_over() -> bool:
        live._voiced_s = -math.inf
        live.done(live.session.step(), StepIn())
        return bool(live.over(Limits(idle_s=60.0)))

    assert not is_over()
    clock.s = 5.0
    live.functions.follow(live.session.step())
    assert is_over()
