"""The suite `latency`: with so many sessions, and behind a voice detector."""

import numpy as np

from roboego.data.talk.answer import Answer, Turn
from roboego.evaluation.duplex_scenes import Scene
from roboego.evaluation.latency import latency
from roboego.timebase import SAMPLE_RATE
from tiny import obedient_loaded


def scene(kind: str) -> Scene:
    turn = Turn(intent="colour", user="what colour is the cup?", ego="it is blue.", answer=Answer(all_of=(("blue",),)))
    sound = (0.2 * np.sin(np.arange(SAMPLE_RATE // 2) / 20)).astype(np.float32)
    count = 2 if kind == "barge_in" else 1
    return Scene(kind=kind, voice="x", turns=(turn,) * count, sounds=(sound,) * count, meanwhile={1: 0.4} if count > 1 else {})  # type: ignore[arg-type]


def test_every_number_of_sessions_is_measured_and_a_voice_detector_too() -> None:
    """A model that says nothing: there are steps, and neither replies nor anything to interrupt."""
    found = latency(obedient_loaded(), [scene("turn"), scene("barge_in")], sessions=(1, 2))
    assert list(found) == ["1_sessions", "2_sessions", "semi_duplex"]
    for told in found.values():
        assert (told["reply_s"], told["stop_s"], told["yield_s"]) == (None, None, None)
        assert 0 < told["step_ms"]["p50"] <= told["step_ms"]["p99"] if told["step_ms"] else told["late_steps"] is None
    assert found["1_sessions"]["step_ms"] is not None
