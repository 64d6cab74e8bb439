"""The suite `talk`: every turn of an exchange counts, whether it came to be asked or not."""

import numpy as np
import pytest

from roboego.data.talk.answer import Answer, Exchange, Turn
from roboego.evaluation.partners import EnginePartner
from roboego.evaluation.simulated_user import Patience, SimulatedUser
from roboego.evaluation.talk import Talked, converse, judged, summary
from roboego.runtime.frame import Frame
from tiny import obedient_loaded

FRAME = 1_920
BLUE = Turn(intent="colour", user="what colour is the cup?", ego="it is blue.", answer=Answer(all_of=(("blue",),)))
TWICE = Exchange(intent="colour", turns=(BLUE, BLUE))


def tone(frames: int) -> np.ndarray:
    return (0.2 * np.sin(np.arange(frames * FRAME) / 20)).astype(np.float32)


def hurried() -> SimulatedUser:
    """Asks twice, for three frames each."""
    return SimulatedUser(turns=[tone(3), tone(3)], patience=Patience(first=0.0, gap=0.0, no_answer=0.8))


def talked(user: SimulatedUser, frames: int, *, voiced: range = range(0), writes: int = -1) -> Talked:
    """A conversation in which Ego is heard in the frames `voiced`, and writes "blue" in one of them."""
    silence, none = np.zeros(FRAME, np.float32), np.zeros(0, np.int64)
    heard, said, out = [], [silence], []
    for t in range(frames):
        heard.append(user.speak())
        said.append(tone(1) if t + 1 in voiced else silence)
        user.hear(said[-1])
        text = "blue" if t == writes else ""
        out.append(
            Frame(index=t, speech=said[-1], codes=none, token=0, text=text, caption=0, heard="", action=None, spoken_upto=0, spoken_text="")
        )
    return Talked(user=np.concatenate(heard), ego=np.concatenate(said[:-1]), frames=out)


@pytest.mark.parametrize(("frames", "asked"), [(8, [True, False]), (60, [True, True])])
def test_turns_that_there_was_no_time_for_are_wrong_and_have_no_reply(frames: int, asked: list[bool]) -> None:
    user = hurried()
    questions = judged(TWICE, user, talked(user, frames))
    assert [q.asked for q in questions] == asked
    told = summary(questions, [])
    assert (told["questions"], told["asked"]) == (2, sum(asked))
    assert (told["answered_right"]["rate"], told["no_reply"]["rate"], told["latency_s"]["median"]) == (0, 1, None)


def test_an_ego_that_never_falls_silent_is_asked_no_more() -> None:
    user = hurried()
    first, second = judged(TWICE, user, talked(user, 60, voiced=range(7, 60), writes=5))
    # The user had ended with frame 2.
    assert (first.asked, first.right, first.early) == (True, True, False)
    assert first.latency_s == pytest.approx(4 * 0.08, abs=0.01)
    assert (second.asked, second.right, second.early, second.latency_s) == (False, False, False, None)
    assert summary([first, second], [])["answered_right"]["rate"] == 0.5


def test_a_model_that_hums_all_the_time_is_asked_once() -> None:
    user = hurried()
    (found,) = converse(EnginePartner(obedient_loaded(), slots=1), [user], longest=60)
    told = summary(judged(TWICE, user, found), [])
    assert (told["questions"], told["asked"], told["took_floor_early"]["rate"], told["no_reply"]["rate"]) == (2, 1, 0.5, 0.5)
