"""The suite `duplex`: each kind of scene is judged by what it asks for."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from roboego.data.talk.answer import Answer, Turn
from roboego.data.talk.asides import open_ends
from roboego.data.talk.dressing import takes_back
from roboego.evaluation.duplex import JUDGES, Outcome, outcome, summary
from roboego.evaluation.duplex_scenes import KINDS, Scene, scenes
from roboego.evaluation.simulated_user import Patience, SimulatedUser
from roboego.evaluation.surroundings import Surroundings
from roboego.evaluation.talk import Talked
from roboego.metrics.turns import voiced_segments
from roboego.runtime.frame import Cut, Event, Frame, ReplySpoken, ReplyStarted

FRAME = 1_920
ASKED = Turn(intent="colour", user="what colour is the cup?", ego="it is blue.", answer=Answer(all_of=(("blue",),)))
TOLD = Turn(intent="none", user="uh huh.", ego="", answer=Answer(all_of=()))


def tone(frames: float) -> np.ndarray:
    return (0.2 * np.sin(np.arange(int(frames * FRAME)) / 20)).astype(np.float32)


def scene(kind: str, **values: object) -> Scene:
    turns = (ASKED, TOLD if kind == "backchannel" else ASKED) if kind in ("barge_in", "backchannel") else (ASKED,)
    meanwhile = {1: 0.8} if len(turns) > 1 else {}
    return Scene(kind=kind, voice="x", turns=turns, sounds=tuple(tone(10) for _ in turns), meanwhile=meanwhile, **values)  # type: ignore[arg-type]


def played(made: Scene, voiced: set[int], *, writes: int = -1, events: dict[int, Event] | None = None, frames: int = 200) -> Outcome:
    """The scene with an Ego that is heard in the frames `voiced` of the user's clock, and writes "blue" in one."""
    user = made.user()
    silence, heard, said, given = np.zeros(FRAME, np.float32), [], [np.zeros(FRAME, np.float32)], []
    for t in range(frames):
        if user.done:
            break
        heard.append(user.speak())
        said.append(tone(1) if t + 1 in voiced else silence)
        user.hear(said[-1])
        happened = () if events is None or t not in events else (events[t],)
        text = "blue" if t == writes else ""
        given.append(
            Frame(
                index=t, speech=said[-1], codes=np.zeros(0, np.int64), token=0, text=text, caption=0, heard="", action=None,
                spoken_upto=0, spoken_text="", events=happened,
            )
        )  # fmt: skip
    return outcome(made, user, Talked(user=np.concatenate(heard), ego=np.concatenate(said)[: len(heard) * FRAME], frames=given))


def end(made: Scene) -> int:
    """The frame in which the first thing has been said."""
    return -(-SimulatedUser(turns=made.sounds)._next // FRAME) + 10


def test_a_turn_is_to_be_taken_in_time_and_a_pause_is_not() -> None:
    made = scene("turn")
    after = end(made)
    soon, late = (played(made, set(range(after + wait, after + wait + 10)), writes=after) for wait in (4, 20))
    assert (soon.good, soon.right, late.good) == (True, True, False)
    assert soon.latency_s == pytest.approx(4 * 0.08, abs=0.09)
    pause = scene("pause")
    assert played(pause, set(range(after - 4, after + 4))).good is False
    assert played(pause, set(range(after + 4, after + 14))).good is True


def test_who_is_interrupted_falls_silent_and_answers_again() -> None:
    made = scene("barge_in")
    first = end(made) + 3
    comes = first + 10  # 0.8 s after Ego was first heard
    polite = played(made, {*range(first, comes + 5), *range(comes + 16, comes + 26)}, writes=comes + 12)
    assert (polite.good, polite.right) == (True, True)
    assert polite.stop_s == pytest.approx(-5 * 0.08, abs=0.09)
    rude = played(made, set(range(first, comes + 40)))
    assert (rude.good, rude.right) == (False, False)
    short = played(made, set(range(first, first + 5)))
    assert (short.good, short.stop_s) == (None, None)


def test_who_had_said_all_of_it_was_not_interrupted() -> None:
    made = scene("barge_in")
    first = end(made) + 3
    comes, over = first + 10, first + 15
    voiced = set(range(first, over))
    assert played(made, voiced, events={over: ReplySpoken(reply=0)}).good is None
    assert played(made, voiced, events={over: Cut(reply=0, spoken=1)}).good is True
    late = played(made, set(range(first, comes + 30)), events={comes + 30: ReplySpoken(reply=0)})
    assert late.good is False


def test_who_counts_on_has_not_fallen_silent() -> None:
    made = scene("stop")
    made = replace(made, turns=(ASKED, ASKED), sounds=(tone(10), tone(10)), meanwhile={1: 0.8})
    first = end(made) + 3
    counting = {f for f in range(first, first + 60) if (f - first) % 12 < 7}  # pauses of 0.4 s
    assert played(made, counting).good is False
    stopped = played(made, {f for f in counting if f < first + 14})
    assert stopped.good is True


def test_a_new_answer_is_not_the_old_one_going_on() -> None:
    made = scene("barge_in")
    first = end(made) + 3
    comes = first + 10
    new = comes + 12
    voiced = {*range(first, new), *range(new + 2, new + 30)}
    polite = played(made, voiced, events={comes + 8: Cut(reply=0, spoken=1), new: ReplyStarted(reply=1)})
    assert polite.good is True


def test_a_correction_is_answered_as_corrected() -> None:
    made = scene("correction")
    after = end(made)
    assert played(made, set(range(after + 4, after + 14)), writes=after).good is True
    assert played(made, set(range(after + 4, after + 14))).good is False


def test_help_is_offered_once_after_a_long_silence() -> None:
    made = scene("offer", patience=Patience(quiet=22.0))
    first = end(made) + 3
    answer, offer = set(range(first, first + 10)), first + 10 + 190
    assert played(made, answer | set(range(offer, offer + 10)), frames=900).good is True
    assert played(made, answer, frames=900).good is False
    early = first + 10 + 60
    assert played(made, answer | set(range(early, early + 10)), frames=900).good is False
    again = offer + 10 + 150
    twice = answer | set(range(offer, offer + 10)) | set(range(again, again + 10))
    assert played(made, twice, frames=1_200).good is False


def test_nothing_is_broken_off_or_begun_for_a_backchannel() -> None:
    made = scene("backchannel")
    first = end(made) + 3
    speaks = set(range(first, first + 40))
    assert played(made, speaks, writes=first).good is True
    assert played(made, speaks, events={first + 15: ReplyStarted(reply=1)}).good is False
    assert played(made, speaks, events={first + 15: Cut(reply=0, spoken=1)}).good is False


def test_words_to_somebody_else_get_no_reply() -> None:
    made = scene("aside")
    assert played(made, set()).good is True
    assert played(made, set(), events={end(made) + 5: ReplyStarted(reply=0)}).good is False
    assert played(made, set(range(end(made) + 5, end(made) + 9))).good is False  # whatever its events say


@pytest.mark.parametrize("kind", KINDS)
def test_scenes_are_held_out_and_repeat(kind: str) -> None:
    first, second = (scenes(kind, "heart", 2, seed=3) for _ in range(2))  # type: ignore[arg-type]
    assert [s.turns for s in first] == [s.turns for s in second]
    assert all(voiced_segments(sound) for s in first for sound in s.sounds)
    assert kind in JUDGES


@pytest.mark.parametrize("voice", ["heart", "espeak-en-us", "flite-kal16"])
def test_pauses_and_corrections_are_there(voice: str) -> None:
    for made in scenes("pause", voice, 3):
        gaps = [b.start - a.end for a, b in pairwise(voiced_segments(made.sounds[0]))]
        assert max(gaps) >= 0.28 * 24_000
    for made in scenes("trailing", voice, 2):
        gaps = [b.start - a.end for a, b in pairwise(voiced_segments(made.sounds[0]))]
        assert max(gaps) >= 1.2 * 24_000
        assert open_ends(made.turns[0].user)
    assert all(takes_back(made.turns[0].user) for made in scenes("correction", voice, 2))


def test_scenes_may_be_set_somewhere_else() -> None:
    quiet, noisy = (scenes("turn", "heart", 1, around=Surroundings(name=name))[0] for name in ("clean", "street-10db"))
    assert np.array_equal(quiet.sounds[0], noisy.sounds[0])
    assert not quiet.user().speak().any()
    assert noisy.user().speak().any()


def test_scenes_that_did_not_come_about_do_not_count() -> None:
    found = [Outcome(kind="stop", voice="x", user="", written="", good=good) for good in (True, None, False)]
    told = summary(found)["stop"]
    assert (told["good"]["rate"], told["good"]["of"], told["not_reached"]) == (0.5, 2, 1)
