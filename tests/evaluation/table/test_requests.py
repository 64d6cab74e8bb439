"""What is asked for in the suite `action`."""

import numpy as np
import pytest

from roboego.data.grounded.view import View
from roboego.data.talk.answer import is_right
from roboego.data.talk.sampling import split_of
from roboego.evaluation.table.requests import COMES_IN_FRAMES, DOES, KINDS, TAKES_LONG, plans, stop
from roboego.metrics.turns import voiced_segments
from roboego.streams.alphabet import words

VOICE = "espeak-en-us"


@pytest.mark.parametrize("kind", KINDS)
def test_plans_are_held_out_and_repeat(kind: str) -> None:
    first, second = (plans(kind, VOICE, 2, seed=1) for _ in range(2))  # type: ignore[arg-type]
    assert [(p.scene, p.text, p.task, p.tip) for p in first] == [(p.scene, p.text, p.task, p.tip) for p in second]
    for plan in first:
        assert split_of(plan.text) == "test"
        assert voiced_segments(plan.sound)
        assert all(is_right(answer, reply) for answer, reply in zip(plan.answers, plan.replies, strict=True))
        assert (plan.task is None) is (kind == "impossible")
        assert (plan.meanwhile is None) is (kind in ("do", "impossible"))
        assert plan.halts is (kind == "stop")


def test_verbs_follow_in_turn() -> None:
    assert [p.verb for p in plans("do", VOICE, 3, first=8)] == list(DOES[8:11])
    assert "stop" not in DOES
    assert plans("chat", VOICE, 1, first=3)[0].verb == TAKES_LONG[3]


def test_something_is_said_while_the_arm_moves() -> None:
    (plan,) = plans("chat", VOICE, 1)
    assert plan.meanwhile is not None
    assert plan.meanwhile.after_frames in range(*COMES_IN_FRAMES)
    assert split_of(plan.meanwhile.text) == "test"
    assert voiced_segments(plan.meanwhile.sound)


def test_stop_is_said_in_few_words_that_no_training_has() -> None:
    rng = np.random.default_rng(0)
    said = [stop(rng) for _ in range(20)]
    assert all(split_of(text) == "test" and is_right(answer, reply) for text, reply, answer in said)
    assert all({"stop", "wait", "hold"} & set(text.replace(",", "").replace(".", "").split()) for text, _, _ in said)
    assert len({text for text, _, _ in said}) > 5


def test_what_is_not_there_is_asked_for() -> None:
    for plan in plans("impossible", VOICE, 2):
        assert plan.verb is not None
        if "only see" in plan.replies[0]:
            _, _, asked, *_, shape = words(plan.replies[0])
            assert View(plan.scene).count(f"{asked} {shape}") == 0
            continue
        named = plan.replies[0].rstrip(".").split(" no ")[-1].split(" see ")[-1].removeprefix("a ").removeprefix("an ")
        assert View(plan.scene).count(named) == 0
        assert named in plan.text
