"""Our own server as the model under test, over both protocols."""

import numpy as np
import pytest

from roboego.errors import InputError
from roboego.evaluation.servers import Heard, ServerFailed, ServerPartner
from roboego.evaluation.simulated_user import Patience, SimulatedUser
from roboego.evaluation.talk import converse
from roboego.metrics.turns import voiced_segments
from roboego.runtime.frame import Cut, ReplyStarted
from roboego.timebase import FRAME_SAMPLES
from tests.serve.conftest import question


@pytest.mark.parametrize("path", ["v1/realtime", "api/chat"])
def test_a_simulated_user_talks_with_a_server(server: str, path: str) -> None:
    patience = Patience(first=0.2, quiet=4.0, no_answer=6.0)  # captions may come late
    user = SimulatedUser(turns=[question()[:30].reshape(-1)], patience=patience)
    (talked,) = converse(ServerPartner(f"ws://{server}/{path}"), [user])
    assert voiced_segments(talked.ego)
    assert len("".join(frame.text for frame in talked.frames).split()) >= 3
    if path == "v1/realtime":
        assert "hear me" in "".join(frame.heard for frame in talked.frames)


def test_nobody_there_is_told(server: str) -> None:
    with pytest.raises(InputError, match="is the server running"):
        ServerPartner("ws://127.0.0.1:9/v1/realtime").open(1)
    with pytest.raises(InputError, match="cannot connect"):
        ServerPartner(f"ws://{server}/nowhere").open(1)


def test_a_server_that_breaks_off_is_told(server: str) -> None:
    talks = ServerPartner(f"ws://{server}/v1/realtime").open(1)
    with talks, pytest.raises(ServerFailed):
        talks.heard[0].failure = "out of order"
        talks.step({0: np.zeros(FRAME_SAMPLES, np.float32)})


def test_sound_is_played_in_frames_and_dropped_at_a_cut() -> None:
    heard = Heard()
    heard.sound(np.full(1_000, 0.1, np.float32))
    heard.sound(np.full(1_500, 0.2, np.float32))
    heard.text("hi")
    first = heard.frame(0)
    assert np.allclose(first.speech, np.repeat([0.1, 0.2], [1_000, 920]))
    assert first.text == "hi"
    heard.cut()
    second = heard.frame(1)
    assert not second.speech.any()
    assert second.events == (Cut(reply=0, spoken=0),)
    assert heard.frame(2).events == ()


def test_what_a_server_sent_ahead_is_dropped_when_the_user_speaks() -> None:
    heard = Heard()
    heard.sound(np.full(5 * FRAME_SAMPLES, 0.1, np.float32))
    heard.cut_ahead()
    assert heard.frame(0).speech.any()  # it keeps time: nothing is thrown away
    heard.sound(np.full(30 * FRAME_SAMPLES, 0.1, np.float32))
    heard.cut_ahead()
    frame = heard.frame(1)
    assert not frame.speech.any()
    assert frame.events == (Cut(reply=0, spoken=0),)


def test_a_reply_begins_when_it_is_told_or_after_silence() -> None:
    heard = Heard()
    heard.began()
    assert heard.frame(0).events == (ReplyStarted(reply=0),)
    quiet = Heard()
    quiet.text("it", tells=False)
    assert quiet.frame(0).events == (ReplyStarted(reply=0),)
    quiet.text("is", tells=False)
    assert quiet.frame(1).events == ()
    quiet.frame(20)
    quiet.text("yes", tells=False)
    assert quiet.frame(21).events == (ReplyStarted(reply=0),)
